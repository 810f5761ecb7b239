"""Limits of reading as a published policy, for the time of a block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.reading import KIND

NONE = {"number": None, "pin": None, "face_value": None, "expiry": None}


@contextmanager
def reading_limits(**values: Any) -> Iterator[None]:
    """Publish the built-in limits with these values."""
    document = {**KIND.built_in()[0].document, **values}
    BOOK.fill(KIND.code, [PolicyDocument(KIND.code, 1, "reading-1", date(2026, 1, 1), document)])
    try:
        yield
    finally:
        BOOK.fill(KIND.code, [])
