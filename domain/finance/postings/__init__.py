"""The postings of each subject: which accounts every step moves."""
