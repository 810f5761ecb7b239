"""One file per stage, named as the stage is in every other layer. Importing this package knows every table."""

from sqlmodel import SQLModel

from database.tables import (
    circuits,
    comments,
    deadlines,
    evidence,
    intake,
    ledger,
    notices,
    outbox,
    payout,
    people,
    policies,
    pricing,
    quality,
    reading,
    review,
    set_aside,
    support,
    throttle,
    verification,
    work,
)

metadata = SQLModel.metadata

__all__ = [
    "circuits",
    "comments",
    "deadlines",
    "evidence",
    "intake",
    "ledger",
    "metadata",
    "notices",
    "outbox",
    "payout",
    "people",
    "policies",
    "pricing",
    "quality",
    "reading",
    "review",
    "set_aside",
    "support",
    "throttle",
    "verification",
    "work",
]
