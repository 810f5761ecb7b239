"""Which postings each subject makes beyond the payout path; one file for each."""
