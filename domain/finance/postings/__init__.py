"""The postings of each source of money: one module a source, each line of a chart account."""
