"""Snooze options: a few common times, and any other in the person's own time zone."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.errors.general import FieldInvalid
from domain.places import today_in
from domain.work.working_time import WorkingCalendar

DAY_ENDS = time(18)  # For a team whose calendar never closes.
DAY_BEGINS = time(9)
SNOOZE_MAX = timedelta(days=30)  # Longer is no snooze; the deadline keeps running.


class SnoozeUntil(StrEnum):
    """The moments offered."""

    HOUR = "hour"  # An hour from now.
    SHIFT_END = "shift_end"  # When the person's team next stops working for the day.
    TOMORROW = "tomorrow"  # 9:00 of the next day where the person is.
    MOMENT = "moment"  # The moment that was typed.


def snooze_until(
    chosen: SnoozeUntil, typed: str, zone: ZoneInfo, now: datetime, team: WorkingCalendar
) -> datetime:  # fmt: skip
    """Return the moment, aware; `typed` is `2026-11-24T09:00` on the person's clock and counts only for MOMENT.

    Refuses FieldInvalid (`until`): missing, not_a_moment, past, too_far.
    """
    local = now.astimezone(zone)
    match chosen:
        case SnoozeUntil.HOUR:
            return now + timedelta(hours=1)
        case SnoozeUntil.SHIFT_END:
            return team.day_ends(now, SNOOZE_MAX.days) or _evening(local)
        case SnoozeUntil.TOMORROW:
            return datetime.combine(today_in(zone, now) + timedelta(days=1), DAY_BEGINS, zone)
        case SnoozeUntil.MOMENT:
            return _typed(typed, zone, now)


def _evening(local: datetime) -> datetime:
    today = local.replace(hour=DAY_ENDS.hour, minute=0, second=0, microsecond=0, fold=0)
    return today if today > local else today + timedelta(days=1)


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
