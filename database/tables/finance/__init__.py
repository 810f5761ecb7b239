"""Finance. Importing this package knows every table of it."""

from database.tables.finance import (
    books,
    debts,
    ledger,
    payout,
    rails,
    rollback,
    routing,
    sales,
    settlement,
    statements,
    suspense,
    tax,
)

__all__ = [
    "books",
    "debts",
    "ledger",
    "payout",
    "rails",
    "rollback",
    "routing",
    "sales",
    "settlement",
    "statements",
    "suspense",
    "tax",
]
