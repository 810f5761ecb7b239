"""Working time: the hours of a calendar between two moments, and the moment at which so many of them are over; exact over DST.

A shift is a stretch of one local day. Where clocks go forward, a wall time that does not exist is the moment of the
change; where they go back, a wall time that exists twice is the first of the two. So every shift is one stretch of real
time, shifts never overlap, and a round-the-clock day has 23, 24 or 25 hours as it has on the wall.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from chinese_calendar import constants as chinese

from domain.places import today_in

MINUTES_PER_DAY = 24 * 60
HORIZON_DAYS = 20 * 366  # A budget that is not over in twenty years is a mistake in the calendar.
NOTHING = timedelta(0)
# Statutory days on fixed dates: law, so they need no yearly announcement. Source: Regulation on Public Holidays, 2025.
FIXED_HOLIDAYS = {
    (1, 1): chinese.Holiday.new_years_day,
    (5, 1): chinese.Holiday.labour_day,
    (5, 2): chinese.Holiday.labour_day,
    (10, 1): chinese.Holiday.national_day,
    (10, 2): chinese.Holiday.national_day,
    (10, 3): chinese.Holiday.national_day,
}


class Holidays(StrEnum):
    """Whose public holidays a calendar keeps."""

    NONE = "none"  # Only its own dates.
    CHINA = "china"  # The State Council's, with the weekends that are worked for them, of the years published.


@dataclass(frozen=True, order=True)
class Shift:
    """A stretch of one local day, in minutes from midnight; `ends` may be 1440, the midnight after."""

    starts: int
    ends: int


Day = tuple[Shift, ...]
ALL_DAY: Day = (Shift(0, MINUTES_PER_DAY),)


@dataclass(frozen=True)
class WorkingCalendar:
    """When a team works: shifts by weekday (Monday first), public holidays, and dates with shifts of their own.

    `dates` outweighs the holidays, and they outweigh the week. A weekend that is worked in place of a holiday has that
    weekday's own shifts, or Monday's where it has none.
    """

    code: str
    timezone: str  # An IANA name.
    week: tuple[Day, ...]
    holidays: Holidays = Holidays.NONE
    dates: tuple[tuple[date, Day], ...] = ()

    @property
    def never_closes(self) -> bool:
        """Whether its working time is time."""
        whole_days = all(day == ALL_DAY for day in (*self.week, *(shifts for _, shifts in self.dates)))
        return whole_days and self.holidays is Holidays.NONE

    def shifts_on(self, day: date) -> Day:
        """List the shifts of that local day, in order; none when it is closed."""
        own = dict(self.dates).get(day)
        if own is not None:
            return own
        if self.holidays is Holidays.CHINA and day in chinese.workdays:
            return self.week[day.weekday()] or next(filter(None, self.week))
        return () if self.holiday_on(day) else self.week[day.weekday()]

    def holiday_on(self, day: date) -> str:
        """Return the public holiday's English name, or an empty text; a date of the calendar's own is no holiday."""
        if self.holidays is Holidays.NONE or day in dict(self.dates):
            return ""
        if day.year not in known_years():
            fixed = FIXED_HOLIDAYS.get((day.month, day.day))
            return str(fixed.value) if fixed else ""
        return str(chinese.holidays.get(day, ""))

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """Measure the working time between two aware moments, exactly; zero when `end` is not after `start`."""
        start, end = start.astimezone(UTC), end.astimezone(UTC)  # In one zone Python would subtract wall-clock times.
        if end <= start:
            return NOTHING
        return sum((min(end, to) - max(start, since) for since, to in self._between(start, end)), NOTHING)

    def working_seconds(self, start: datetime, end: datetime) -> int:
        """Measure the working time between two aware moments in whole seconds, rounded down."""
        return self.worked(start, end) // timedelta(seconds=1)

    def after(self, start: datetime, working_s: float) -> datetime:
        """Return the first moment by which so many working seconds have passed since `start`; `start` itself for none.

        UTC. Raises ValueError when the calendar does not have so many in twenty years.
        """
        start, left = start.astimezone(UTC), timedelta(seconds=working_s)
        if left <= NOTHING:
            return start
        for since, to in self._between(start, start + timedelta(days=HORIZON_DAYS)):
            begins = max(since, start)
            if to - begins >= left:
                return begins + left
            left -= to - begins
        raise ValueError(f"calendar {self.code} has no {working_s} working seconds")

    def day_ends(self, start: datetime, within_days: int) -> datetime | None:
        """Return the first end of a day's last shift after `start`, UTC. None where nothing ends within so many days.

        A calendar that never closes has no such end.
        """
        if self.never_closes:
            return None
        days = self.days(start, start + timedelta(days=within_days))
        ends = (stretches[-1][1] for stretches in (_stretches(self, day) for day in days) if stretches)
        return next((moment for moment in ends if moment > start), None)

    def days(self, start: datetime, end: datetime) -> Iterator[date]:
        """Yield the local days that the time between two moments touches, in order."""
        zone = ZoneInfo(self.timezone)
        day, last = today_in(zone, start), today_in(zone, end)
        while day <= last:
            yield day
            day += timedelta(days=1)

    def unknown_years(self, start: datetime, end: datetime) -> tuple[int, ...]:
        """List the years touched whose public holidays are not published: only week, own dates and statutory days on
        fixed dates count in them."""
        if self.holidays is Holidays.NONE:
            return ()
        return tuple(sorted({day.year for day in self.days(start, end)} - known_years()))

    def _between(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The shifts that overlap the time between two moments, as UTC moments, in order."""
        for day in self.days(start, end):
            for since, to in _stretches(self, day):
                if to > start and since < end:
                    yield since, to


def round_the_clock(code: str = "always", timezone: str = "UTC") -> WorkingCalendar:
    """Make a calendar that never closes: its working time is time."""
    return WorkingCalendar(code, timezone, (ALL_DAY,) * 7)


@lru_cache(maxsize=1)
def known_years() -> frozenset[int]:
    """Return the years whose Chinese holidays the package knows."""
    return frozenset(day.year for day in chinese.holidays)


def holiday_in_chinese(name: str) -> str:
    """Return the Chinese name of a holiday that `holiday_on` gave."""
    return next((str(one.chinese) for one in chinese.Holiday if one.value == name), name)


@lru_cache(maxsize=4096)
def _stretches(calendar: WorkingCalendar, day: date) -> tuple[tuple[datetime, datetime], ...]:
    zone = ZoneInfo(calendar.timezone)
    found = ((_moment(day, one.starts, zone), _moment(day, one.ends, zone)) for one in calendar.shifts_on(day))
    return tuple((since, to) for since, to in found if to > since)


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """UTC of a wall time."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    exists = moment.astimezone(zone).replace(tzinfo=None) == wall
    return moment if exists else _change(wall.replace(tzinfo=zone, fold=1).astimezone(UTC), moment, zone)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between the two at which the zone's offset changes, to the second."""
    new = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (before, middle) if middle.astimezone(zone).utcoffset() == new else (middle, after)
    return after
