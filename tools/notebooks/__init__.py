"""Notebooks made from pages, plain and executed once; a learner's own are kept."""
