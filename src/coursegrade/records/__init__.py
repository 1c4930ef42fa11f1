"""What is known of a class: nbgrader's gradebook, marks given by hand, what was taken out."""
