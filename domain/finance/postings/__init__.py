"""Which postings each step makes, by subject."""
