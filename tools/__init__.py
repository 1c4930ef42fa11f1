"""Command line tools that build and check the book."""
