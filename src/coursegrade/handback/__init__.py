"""What students and platforms get: feedback, reports, tables of marks."""
