"""Settling with counterparties, one run per period: collected, stated, answered, paid, closed."""
