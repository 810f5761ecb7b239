"""What an alert is about, as a person reads it."""

from __future__ import annotations

from domain.rules.brands import catalogue
from languages import has, translate

PARTS = 3


def in_words(subject: str, locale: str) -> str:
    """Return `Payout late · JD.com · Payout` for `payout_late/jd/payout`; what is no cause of tickets stays as it is."""
    parts = subject.split("/")
    if len(parts) != PARTS or not has(f"ticket_category.{parts[0]}", locale):
        return subject
    category, brand, step = parts
    known = catalogue().get(brand)
    words = [translate(f"ticket_category.{category}", locale)]
    if brand != "-":
        words.append(brand if known is None else known.names[locale])
    if step != "-":
        words.append(translate(f"stage.{step}", locale))
    return " · ".join(words)
