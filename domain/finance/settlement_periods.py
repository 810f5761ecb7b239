"""Periods of settlement: weeks by ISO 8601 and months, in the office's days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from domain.places import BUSINESS_ZONE


class PeriodKind(StrEnum):
    """How long a period is."""

    WEEK = "week"  # Monday to Sunday.
    MONTH = "month"


@dataclass(frozen=True)
class Period:
    """One period by its code, e.g. `2026-W47` or `2026-11`, with its first and last day."""

    code: str
    first: date
    last: date


def period_of(day: date, kind: PeriodKind) -> Period:
    """Return the period that a day lies in."""
    if kind is PeriodKind.WEEK:
        first = day - timedelta(days=day.weekday())
        year, week, _ = day.isocalendar()
        return Period(f"{year}-W{week:02d}", first, first + timedelta(days=6))
    first = day.replace(day=1)
    after = (first + timedelta(days=32)).replace(day=1)
    return Period(f"{day:%Y-%m}", first, after - timedelta(days=1))


def over_by(since: date, today: date, kind: PeriodKind, cut_off_days: int) -> Iterator[Period]:
    """Yield the periods from that of `since` on whose run may start on `today`: they are over by more than the cut-off, oldest first."""
    period = period_of(since, kind)
    while period.last + timedelta(days=cut_off_days) < today:
        yield period
        period = period_of(period.last + timedelta(days=1), kind)


def end_of(day: date) -> datetime:
    """Return the last second of a day in the office: answers of that day count."""
    return datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=BUSINESS_ZONE)
