"""One file per area, and one for the platform below all areas. Importing this package knows every table."""

from database.tables import (
    cards,
    evidence,
    finance,
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
