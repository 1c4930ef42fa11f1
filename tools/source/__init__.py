"""The book's sources: chapters, exercises and quick questions read, each with its lines."""
