"""Until when a task is snoozed: what the offered words mean on the person's clock and in their team's working days."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.errors.general import FieldInvalid
from domain.work.snooze import SnoozeUntil, snooze_until
from domain.work.working_time import Holidays, Shift, WorkingCalendar, round_the_clock

SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY, SHORT = (Shift(9 * 60, 12 * 60), Shift(13 * 60, 17 * 60 + 30)), (Shift(9 * 60, 12 * 60),)
OFFICE = WorkingCalendar("office", "Asia/Shanghai", (DAY, DAY, DAY, DAY, SHORT, (), ()), Holidays.CHINA)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("chosen", "now", "expected"),
    [
        (SnoozeUntil.HOUR, "2026-11-23T10:00", "2026-11-23T11:00"),
        (SnoozeUntil.SHIFT_END, "2026-11-23T10:00", "2026-11-23T18:00"),
        (SnoozeUntil.SHIFT_END, "2026-11-23T18:00", "2026-11-24T18:00"),
        (SnoozeUntil.TOMORROW, "2026-11-23T00:05", "2026-11-24T09:00"),
    ],
)
def test_the_moments_offered_are_on_the_persons_clock(chosen: SnoozeUntil, now: str, expected: str) -> None:
    at = local(now).astimezone(UTC)
    assert snooze_until(chosen, "", SHANGHAI, at, round_the_clock()) == local(expected)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-23T10:00", "2026-11-23T17:30"),  # A Monday: lunch ends nobody's day.
        ("2026-11-23T17:30", "2026-11-24T17:30"),
        ("2026-11-27T12:00", "2026-11-30T17:30"),  # After a short Friday.
        ("2026-09-30T20:00", "2026-10-08T17:30"),  # Over the National Day holidays.
    ],
)
def test_the_end_of_the_shift_is_the_teams_own(now: str, expected: str) -> None:
    for zone in (SHANGHAI, ZoneInfo("Europe/Berlin")):
        assert snooze_until(SnoozeUntil.SHIFT_END, "", zone, local(now), OFFICE) == local(expected)


def test_a_team_that_does_not_work_within_a_month_has_the_evening() -> None:
    closed = WorkingCalendar("closed", "Asia/Shanghai", ((),) * 7)
    assert snooze_until(SnoozeUntil.SHIFT_END, "", SHANGHAI, local("2026-11-23T10:00"), closed) == local(
        "2026-11-23T18:00"
    )


@pytest.mark.parametrize(
    ("typed", "why"),
    [("", "missing"), ("soon", "not_a_moment"), ("2026-11-23T10:00Z", "not_a_moment"), ("2026-11-23T09:59", "past"), ("2026-12-24T10:00", "too_far")],
)  # fmt: skip
def test_a_moment_that_cannot_be_meant_is_refused(typed: str, why: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        snooze_until(SnoozeUntil.MOMENT, typed, SHANGHAI, local("2026-11-23T10:00"), OFFICE)
    assert refused.value.data["why"] == why
