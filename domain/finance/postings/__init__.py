"""The postings of each subject, beside those of a payout in `domain.finance.ledger`. Pure."""
