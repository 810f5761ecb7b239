"""One file per stage, named as the stage is in every other layer. Importing this package knows every table."""

from sqlmodel import SQLModel

from database.tables import (
    evidence,
    intake,
    ledger,
    outbox,
    payout,
    people,
    pricing,
    reading,
    review,
    verification,
)

metadata = SQLModel.metadata

__all__ = [
    "evidence",
    "intake",
    "ledger",
    "metadata",
    "outbox",
    "payout",
    "people",
    "pricing",
    "reading",
    "review",
    "verification",
]
