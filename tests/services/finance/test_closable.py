"""A month is not closed over foreign money without a value; over days that are open only with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from database.repositories import ledger
from database.tables.finance.books import ClosingRow
from database.tables.finance.statements import ReconciledDayRow, StatementRow
from domain.errors.finance import PeriodClosed, PositionsUnvalued
from domain.errors.general import FieldInvalid
from domain.finance.breaks import NOTE_MAX
from domain.finance.chart import account
from domain.finance.fx import Rate
from domain.finance.ledger import Posting
from domain.finance.periods import first_day, last_day, month_of
from domain.finance.statements import StatementSource, StatementState
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.closable import OpenDays, Unready, Unvalued, unready
from services.finance.periods import Periods
from services.finance.positions import Revaluations
from tests.builders.own_world import own_world
from tests.builders.selling import today
from tests.builders.world import World

world = own_world("closable")
RATE = Rate("7.0", "CFETS", datetime(2026, 1, 5, 2, tzinfo=UTC))
LATER = month_of(today().replace(day=1) - timedelta(days=1))
MONTH = month_of(first_day(LATER) - timedelta(days=1))
EARLIER = month_of(first_day(MONTH) - timedelta(days=1))
OLDEST = month_of(first_day(EARLIER) - timedelta(days=1))


async def exchanged(world: World, minor: int, day: date) -> None:
    """A buyer comes to owe dollars, or owes them no more, at 7.1."""
    foreign, value = Money(minor, Currency.USD), Money(minor * 71 // 10)
    lines = (
        Posting(account("buyer_receivable", "buyer:overseas"), foreign), Posting(account("fx_position"), -foreign),
        Posting(account("fx_position"), value), Posting(account("sales"), -value),
    )  # fmt: skip
    async with world.database.transaction() as session:
        await ledger.post(session, new_id(), None, "sold", lines, happened_on=day, cause=f"made:{new_id()}")


async def missing(world: World, month: str) -> Unready:
    async with world.database.transaction() as session:
        return await unready(session, month)


async def test_closing_a_month_asks_for_the_values_of_each_open_month_before_it_in_order(world: World) -> None:
    first, second = await world.a_person("finance"), await world.a_person("finance")
    periods, values = Periods(world.database), Revaluations(world.database)
    await exchanged(world, 50_00, first_day(OLDEST))
    both = tuple(Unvalued(month, (Currency.USD,)) for month in (OLDEST, EARLIER))
    assert (await missing(world, EARLIER)).unvalued == both
    for month in (OLDEST, EARLIER):
        with pytest.raises(PositionsUnvalued) as refused:
            await periods.ask(first, EARLIER)
        assert refused.value.data == {"month": month, "currencies": "USD"}
        await values.record(first, Currency.USD, month, RATE)
    closing = await periods.ask(first, EARLIER)
    await exchanged(world, -50_00, last_day(OLDEST))  # Both months changed since.
    with pytest.raises(PositionsUnvalued) as refused:
        await periods.agree(second, closing)
    assert refused.value.data["month"] == OLDEST
    for month in (OLDEST, EARLIER):
        await values.record(first, Currency.USD, month, RATE)
    await periods.agree(second, closing)
    assert (await missing(world, MONTH)).unvalued == ()  # What is closed is asked for no more.


async def test_a_month_with_foreign_money_is_closed_only_once_it_is_valued(world: World) -> None:
    first, second = await world.a_person("finance"), await world.a_person("finance")
    periods, values = Periods(world.database), Revaluations(world.database)
    await exchanged(world, 100_00, first_day(MONTH))
    with pytest.raises(PositionsUnvalued) as refused:
        await periods.ask(first, MONTH)
    assert refused.value.data == {"month": MONTH, "currencies": "USD"}
    await values.record(first, Currency.USD, MONTH, RATE)
    assert (await missing(world, MONTH)).unvalued == ()
    closing = await periods.ask(first, MONTH)
    await exchanged(world, -10_00, last_day(MONTH))  # Part of it came to be paid between asking and agreeing.
    with pytest.raises(PositionsUnvalued):
        await periods.agree(second, closing)
    await values.record(first, Currency.USD, MONTH, RATE)
    await periods.agree(second, closing)
    with pytest.raises(PeriodClosed):
        await values.record(first, Currency.USD, MONTH, RATE)
    assert (await missing(world, LATER)).unvalued == (Unvalued(LATER, (Currency.USD,)),)


async def test_days_that_are_open_are_named_and_need_a_reason(world: World) -> None:
    person, periods, last = await world.a_person("finance"), Periods(world.database), last_day(LATER)
    await exchanged(world, -90_00, first_day(LATER))  # Nothing foreign is open any more.
    async with world.database.transaction() as session:
        session.add(
            StatementRow(
                id=new_id(), sha256=new_id(), file_name="a.csv", bytes=1, state=StatementState.IMPORTED,
                source=StatementSource.WECHAT, first_day=last - timedelta(days=2), last_day=last, brought_by="machine:bills",
            )
        )  # fmt: skip
        session.add(
            ReconciledDayRow(
                source=StatementSource.WECHAT, day=last - timedelta(days=2), asked_by=person, note="", statement_minor=0, books_minor=0,
                breaks=0, open_minor=0, unexplained_minor=0, policy_version="1", closed_at=datetime.now(UTC),
            )
        )  # fmt: skip
    found = OpenDays(StatementSource.WECHAT, 2, last - timedelta(days=1))
    assert await missing(world, LATER) == Unready((), (found,))
    for note in ("", " ", "x" * (NOTE_MAX + 1)):
        with pytest.raises(FieldInvalid) as refused:
            await periods.ask(person, LATER, note)
        assert refused.value.data["field"] == "note"
    closing = await periods.ask(person, LATER, " The bank sends them late. ")
    (row,) = await world.rows(ClosingRow, id=closing)
    assert row.note == "The bank sends them late."
