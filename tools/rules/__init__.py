"""What is wrong with a page or its twin: form, style, numbers, and editions out of step."""
