"""The book on paper, offline and on slides."""
