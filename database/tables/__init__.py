"""One file per area, and one for the platform below all areas. Importing this package knows every table."""

from database.tables import (
    cards,
    evidence,
    finance,
    finance_books,
    finance_rails,
    finance_rollback,
    finance_routing,
    finance_sales,
    finance_settlement,
    finance_statements,
    finance_suspense,
    finance_tax,
    notices,
    ops,
    people,
    platform,
    policies,
    quality,
    review,
    support,
    work,
)
from database.tables.columns import TableRow

metadata = TableRow.metadata

__all__ = [
    "cards",
    "evidence",
    "finance",
    "finance_books",
    "finance_rails",
    "finance_rollback",
    "finance_routing",
    "finance_sales",
    "finance_settlement",
    "finance_statements",
    "finance_suspense",
    "finance_tax",
    "metadata",
    "notices",
    "ops",
    "people",
    "platform",
    "policies",
    "quality",
    "review",
    "support",
    "work",
]
