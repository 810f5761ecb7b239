"""Let keys decide a card only after it could be seen: a second Enter meant for the previous card decides nothing.

The page's script waits before it takes a key; the form names the moment at which its page was made, so that the server
refuses early requests too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Form

from database.reads.cards.card_page import CardRecord
from database.tables.columns import now
from domain.errors.review import DecidedUnseen
from domain.money import Money
from domain.places import business_day
from domain.rules.limits import limits_in_force
from services.cards.corrections import Corrections
from services.review.staging import face_value_minor

BY_KEY = "key"
Word = Annotated[str, Form(max_length=40)]


@dataclass(frozen=True)
class Press:
    """How a decision was sent: when its page was made (ISO 8601), whether by a key, and after work on the page."""

    shown_at: str = ""
    by: str = ""
    looked: str = ""


def pressed(shown_at: Word = "", by: Word = "", looked: Word = "") -> Press:
    """Read the three fields that console.js fills in."""
    return Press(shown_at, by, looked)


Pressed = Annotated[Press, Depends(pressed)]


def settles(record: CardRecord) -> timedelta:
    """Return how long this card must be in view before a key decides it; dearer cards take longer."""
    known = record.task.value_minor if record.task is not None else 0
    value = Money(max(known, face_value_minor(record.card, Corrections())))
    return limits_in_force(business_day(datetime.now(UTC))).key_settles(value)


def require_seen(press: Press, record: CardRecord) -> None:
    """Refuse DecidedUnseen for a key that was pressed too soon after the page was shown, or whose page is unknown."""
    if press.by != BY_KEY or press.looked:
        return
    shown = _moment(press.shown_at)
    if shown is None or now() - shown < settles(record):
        raise DecidedUnseen()


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
