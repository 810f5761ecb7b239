"""Until when a task is put off: a few moments that people mean often, and any other on their own clock."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.refusals import FieldInvalid

SHIFT_ENDS = time(18)
DAY_BEGINS = time(9)
SNOOZE_MAX = timedelta(days=30)  # Longer is no snooze; the deadline goes on meanwhile.


class SnoozeUntil(StrEnum):
    """The moments offered."""

    HOUR = "hour"  # An hour from now.
    SHIFT_END = "shift_end"  # The next 18:00 where the person is.
    TOMORROW = "tomorrow"  # 9:00 of the next day where the person is.
    MOMENT = "moment"  # The moment that was typed.


def snooze_until(chosen: SnoozeUntil, typed: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The moment, aware; `typed` is `2026-11-24T09:00` on the person's clock and counts only for MOMENT.

    Refuses FieldInvalid (`until`): missing, not_a_moment, past, too_far.
    """
    local = now.astimezone(zone)
    match chosen:
        case SnoozeUntil.HOUR:
            return now + timedelta(hours=1)
        case SnoozeUntil.SHIFT_END:
            today = datetime.combine(local.date(), SHIFT_ENDS, zone)
            return today if today > now else datetime.combine(local.date() + timedelta(days=1), SHIFT_ENDS, zone)
        case SnoozeUntil.TOMORROW:
            return datetime.combine(local.date() + timedelta(days=1), DAY_BEGINS, zone)
        case SnoozeUntil.MOMENT:
            return _typed(typed, zone, now)


def _typed(typed: str, zone: ZoneInfo, now: datetime) -> datetime:
    if not typed.strip():
        raise FieldInvalid(field="until", why="missing")
    until = local_moment(typed, zone)
    if until <= now:
        raise FieldInvalid(field="until", why="past")
    if until > now + SNOOZE_MAX:
        raise FieldInvalid(field="until", why="too_far")
    return until


def local_moment(typed: str, zone: ZoneInfo, field: str = "until") -> datetime:
    """`2026-11-24T09:00` as a browser's own date and time field sends it, on the clock of `zone`.

    Refuses FieldInvalid (`field`, not_a_moment) for anything else, an offset included.
    """
    try:
        moment = datetime.fromisoformat(typed.strip())
    except ValueError:
        raise FieldInvalid(field=field, why="not_a_moment") from None
    if moment.tzinfo is not None or not 2000 <= moment.year <= 2200:
        raise FieldInvalid(field=field, why="not_a_moment")
    return moment.replace(tzinfo=zone)
