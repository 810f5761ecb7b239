"""Working time adds up, never runs backwards and can be turned round, over hours, holidays and clock changes alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.work.working_time import ALL_DAY, Holidays, Shift, WorkingCalendar, round_the_clock

OFFICE = (Shift(9 * 60, 12 * 60), Shift(13 * 60, 18 * 60))
WEEK = (OFFICE,) * 5 + ((), ())
SHANGHAI, BERLIN, NEW_YORK = "Asia/Shanghai", "Europe/Berlin", "America/New_York"


def at(text: str, zone: str = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def office(**more: object) -> WorkingCalendar:
    return WorkingCalendar("office", SHANGHAI, WEEK, **{"holidays": Holidays.CHINA, **more})  # type: ignore[arg-type]


def test_lunch_and_night_are_no_working_time() -> None:
    assert office().working_seconds(at("2026-11-23 11:30"), at("2026-11-23 13:30")) == 3600
    assert office().working_seconds(at("2026-11-23 17:00"), at("2026-11-24 10:00")) == 2 * 3600


def test_a_shift_that_is_used_up_ends_with_itself_and_not_with_the_next() -> None:
    assert office().after(at("2026-11-23 17:00"), 3600) == at("2026-11-23 18:00")
    assert office().after(at("2026-11-23 17:00"), 3601) == at("2026-11-24 09:00:01")
    assert office().after(at("2026-11-22 03:00"), 0) == at("2026-11-22 03:00")


def test_the_national_holidays_are_closed_and_their_working_weekends_open() -> None:
    eve, after_all = at("2026-09-30 17:00"), at("2026-10-08 10:00")
    assert office().working_seconds(eve, after_all) == 2 * 3600
    assert office().holiday_on(date(2026, 10, 1)) == "National Day"
    assert office().working_seconds(at("2026-10-10 00:00"), at("2026-10-11 00:00")) == 8 * 3600, "a Saturday, worked"
    assert office(holidays=Holidays.NONE).working_seconds(at("2026-10-01 00:00"), at("2026-10-02 00:00")) == 8 * 3600


def test_a_date_of_ones_own_outweighs_the_holidays() -> None:
    half_day = office(dates=((date(2026, 10, 1), OFFICE[:1]), (date(2026, 11, 23), ())))
    assert half_day.working_seconds(at("2026-10-01 00:00"), at("2026-10-02 00:00")) == 3 * 3600
    assert half_day.working_seconds(at("2026-11-23 00:00"), at("2026-11-24 00:00")) == 0


def test_a_year_without_published_holidays_counts_by_the_week_and_says_so() -> None:
    assert office().unknown_years(at("2026-12-31 10:00"), at("2099-01-02 10:00"))[-1] == 2099
    assert office().unknown_years(at("2026-11-23 10:00"), at("2026-11-24 10:00")) == ()
    monday = at("2099-10-05 00:00")
    assert office().working_seconds(monday, monday + timedelta(days=1)) == 8 * 3600


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        (BERLIN, "2026-03-29", 23),
        (BERLIN, "2026-10-25", 25),
        (NEW_YORK, "2026-03-08", 23),
        (NEW_YORK, "2026-11-01", 25),
    ],
)
def test_a_round_the_clock_day_is_as_long_as_it_is_on_the_wall(zone: str, day: str, hours: int) -> None:
    midnight = at(day, zone)
    tomorrow = (datetime.fromisoformat(day) + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
    assert round_the_clock(timezone=zone).working_seconds(midnight, tomorrow) == hours * 3600


def test_a_shift_across_the_missing_hour_is_an_hour_shorter_and_one_inside_it_is_none() -> None:
    nights = WorkingCalendar("nights", BERLIN, ((Shift(60, 4 * 60),),) * 7)
    gap = WorkingCalendar("gap", BERLIN, ((Shift(2 * 60, 2 * 60 + 45), Shift(2 * 60 + 45, 3 * 60 + 30)),) * 7)
    whole = at("2026-03-29", BERLIN), at("2026-03-30", BERLIN)
    assert nights.working_seconds(*whole) == 2 * 3600
    assert gap.working_seconds(*whole) == 1800, "from the change, at three, to half past"
    assert nights.working_seconds(at("2026-10-25", BERLIN), at("2026-10-26", BERLIN)) == 4 * 3600


def test_a_calendar_that_never_opens_gives_no_moment() -> None:
    closed = WorkingCalendar("closed", SHANGHAI, ((),) * 7)
    with pytest.raises(ValueError, match="closed has no"):
        closed.after(at("2026-11-23 10:00"), 1)


def shifts() -> st.SearchStrategy[tuple[Shift, ...]]:
    """Up to three shifts of a day that do not overlap; they may touch."""

    def pairs(cuts: list[int]) -> tuple[Shift, ...]:
        return tuple(Shift(*two) for two in zip(cuts[::2], cuts[1::2], strict=False) if two[0] < two[1])

    return st.lists(st.integers(0, 1440), min_size=0, max_size=6).map(sorted).map(pairs)


@st.composite
def calendars(draw: st.DrawFn) -> WorkingCalendar:
    """Any week with at least an hour on Wednesdays (less takes years to end), in zones with and without clock changes."""
    week = [draw(shifts()) for _ in range(7)]
    if sum(shift.ends - shift.starts for shift in week[2]) < 60:
        week[2] = ALL_DAY
    dates = draw(st.dictionaries(st.dates(date(2026, 1, 1), date(2027, 12, 31)), shifts(), max_size=4))
    return WorkingCalendar(
        "any", draw(st.sampled_from([SHANGHAI, BERLIN, NEW_YORK, "Australia/Lord_Howe", "UTC"])), tuple(week),
        draw(st.sampled_from(Holidays)), tuple(sorted(dates.items())),
    )  # fmt: skip


# Around both clock changes, the autumn holidays, the turn of a year, and any time between.
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
AROUND = [datetime(2026, month, day, tzinfo=UTC) for month, day in ((3, 28), (10, 24), (10, 31), (12, 30))]
MOMENTS = st.one_of(
    st.timedeltas(timedelta(0), timedelta(days=540)).map(lambda by: NEW_YEAR + by),
    st.builds(lambda near, by: near + by, st.sampled_from(AROUND), st.timedeltas(timedelta(0), timedelta(days=3))),
)
ONE = settings(max_examples=150, deadline=None)


@ONE
@given(calendars(), st.tuples(MOMENTS, MOMENTS, MOMENTS).map(sorted))
def test_working_time_adds_up(calendar: WorkingCalendar, three: list[datetime]) -> None:
    first, second, third = three
    assert calendar.worked(first, third) == calendar.worked(first, second) + calendar.worked(second, third)


@ONE
@given(calendars(), st.tuples(MOMENTS, MOMENTS).map(sorted))
def test_working_time_is_never_negative_nor_longer_than_time(calendar: WorkingCalendar, two: list[datetime]) -> None:
    worked = calendar.worked(*two)
    assert timedelta(0) <= worked <= two[1] - two[0]
    assert calendar.worked(two[1], two[0]) == timedelta(0)


@ONE
@given(calendars(), MOMENTS, st.integers(0, 200 * 3600))
def test_after_turns_working_time_round(calendar: WorkingCalendar, start: datetime, seconds: int) -> None:
    end = calendar.after(start, seconds)
    assert calendar.worked(start, end) == timedelta(seconds=seconds)
    if seconds:
        assert calendar.worked(start, end - timedelta(microseconds=1)) < timedelta(seconds=seconds), "the first moment"


@ONE
@given(calendars(), MOMENTS, st.integers(0, 100 * 3600), st.integers(0, 100 * 3600))
def test_more_working_time_ends_later_and_a_later_start_ends_no_sooner(
    calendar: WorkingCalendar, start: datetime, less: int, more: int
) -> None:
    middle = calendar.after(start, less)
    assert calendar.after(start, less + more) == calendar.after(middle, more)
    assert calendar.after(start + timedelta(hours=1), less) >= middle


@ONE
@given(st.sampled_from([SHANGHAI, BERLIN, NEW_YORK]), st.tuples(MOMENTS, MOMENTS).map(sorted))
def test_round_the_clock_working_time_is_time(zone: str, two: list[datetime]) -> None:
    assert round_the_clock(timezone=zone).worked(*two) == two[1] - two[0]


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2099, 1, 1), "New Year's Day"),
        (date(2099, 5, 2), "Labour Day"),
        (date(2099, 10, 3), "National Day"),
        (date(2099, 10, 4), ""),
    ],
)
def test_a_statutory_day_on_a_fixed_date_is_closed_before_its_year_is_announced(day: date, name: str) -> None:
    assert office().holiday_on(day) == name
    assert (office().shifts_on(day) == ()) is (bool(name) or day.weekday() > 4)
    assert office(holidays=Holidays.NONE).holiday_on(day) == ""
    assert office(dates=((day, OFFICE),)).shifts_on(day) == OFFICE


def test_the_published_list_outweighs_the_fixed_dates() -> None:
    assert office().holiday_on(date(2020, 5, 2)) == "Labour Day"
    assert office().holiday_on(date(2008, 5, 2)) == "Labour Day"


CHANGES = [(BERLIN, date(2026, 3, 29)), (BERLIN, date(2026, 10, 25)), (NEW_YORK, date(2026, 3, 8)),
           (NEW_YORK, date(2026, 11, 1)), ("Australia/Lord_Howe", date(2026, 4, 5)), ("Australia/Lord_Howe", date(2026, 10, 4))]  # fmt: skip


@ONE
@given(st.sampled_from(CHANGES), shifts())
def test_a_day_of_a_clock_change_agrees_with_a_scan_of_its_minutes(
    change: tuple[str, date], day: tuple[Shift, ...]
) -> None:
    """Settles wall times that exist twice: a shift begins and ends when the clock first shows its border that day.

    So a night shift that ends at half past one ends at the first half past one; the repeated half hour is not worked.
    """
    zone, on = change
    calendar = WorkingCalendar("any", zone, ((),) * 7, dates=((on, day),))
    midnight = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    scanned = sum((_scanned(midnight, ZoneInfo(zone), on, shift) for shift in day), timedelta(0))
    assert calendar.worked(midnight - timedelta(days=2), midnight + timedelta(days=3)) == scanned


def _scanned(midnight: datetime, zone: ZoneInfo, on: date, shift: Shift) -> timedelta:
    """The length of one shift, found by looking at the wall clock at each minute of 27 hours."""
    minutes = [midnight + timedelta(minutes=minute) for minute in range(27 * 60)]

    def first(border: int) -> datetime:
        return next(minute for minute in minutes if _shows(minute.astimezone(zone), on) >= border)

    return first(shift.ends) - first(shift.starts)


def _shows(local: datetime, on: date) -> int:
    """Minutes of `on` that the wall clock shows; 1440 once it is the next day."""
    return local.hour * 60 + local.minute if local.date() == on else 24 * 60
