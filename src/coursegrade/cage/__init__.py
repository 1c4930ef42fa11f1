"""Where students' code runs: the walls, one question in a process of its own, a class on one machine or many."""
