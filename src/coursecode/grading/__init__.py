"""Assigning and grading the exercises: what an instructor installs with the extra ``grade``."""
