"""The experiments behind the book's answers: each is run by many seeds, and its result is stored beside this file.

Nothing is imported here. ``core`` runs, stores and reads; every other module holds the plans of some experiments.
"""
