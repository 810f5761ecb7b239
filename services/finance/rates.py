"""A rate that a person gives: it names its source and its moment."""

from __future__ import annotations

from datetime import date

from domain.errors.general import FieldInvalid
from domain.finance.fx import RATE_PLACES, SOURCE_MAX, Rate, rate_of
from domain.places import business_day


def require_rate(rate: Rate, today: date) -> None:
    """Refuse FieldInvalid (`rate`, `rate_source`, `rate_at`) for a rate that is none, has no source, or is of the future."""
    try:
        rate_of(rate.text)
    except ValueError:
        raise FieldInvalid(field="rate", why="not_a_rate", places=RATE_PLACES) from None
    if not 0 < len(rate.source.strip()) <= SOURCE_MAX or not rate.source.isprintable():
        raise FieldInvalid(field="rate_source", why="missing")
    if business_day(rate.at) > today:
        raise FieldInvalid(field="rate_at", why="out_of_range")
