"""A buyer's payment is found on a statement by its reference, else by the day on which it arrived, however late it was written down."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select

from database.repositories import day_figures, expectations
from database.repositories.matching import BACKDATED_DAYS
from database.tables.finance.statements import BreakRow, ExpectationRow
from domain.finance.breaks import BreakKind, BreakState, Verb
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.finance.statements import LineState
from domain.identifiers import new_id
from domain.money import Money
from domain.places import business_day
from domain.rules.reconciliation import reconciliation_in_force
from services.finance.receipts import ReceiptAsked, Receipts
from tests.builders.own_world import own_world
from tests.builders.reconciling import WECHAT, FinanceDesk
from tests.builders.world import World

world = own_world("receipts_matched")


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


async def received(desk: FinanceDesk, world: World, minor: int, reference: str, on: date, *, ago: int = 0) -> None:
    """Write down today, or by a clock that is days behind, what a buyer paid in advance on an earlier day."""
    money = Money(minor)
    asked = ReceiptAsked("city-cards", Rail.WECHAT, money, money, reference, on, ReceiptFor.DEPOSIT)
    clock = datetime.now(UTC) - timedelta(days=ago)
    await Receipts(world.database, lambda: clock).record(await world.a_person("finance"), new_id(), asked)


async def figures(desk: FinanceDesk, day: date) -> day_figures.DayFigures:
    rules = reconciliation_in_force(desk.today).sources[WECHAT]
    async with desk.world.database.transaction() as session:
        return await day_figures.figures(session, WECHAT, day, rules, desk.clock())


async def test_the_reference_finds_the_payment_among_others_of_its_amount(desk: FinanceDesk, world: World) -> None:
    day = desk.today - timedelta(days=40)
    first, second = [desk.moved("", 44_00, day=day) for _ in range(2)]
    await received(desk, world, 44_00, second.reference, day)
    row = await desk.imported(desk.bill([first, second]), day=day)
    assert [line.state for line in await desk.lines(row)] == [LineState.OPEN, LineState.AUTO]


async def test_a_payment_written_down_later_than_the_window_is_matched_on_its_own_day(
    desk: FinanceDesk, world: World
) -> None:
    day = desk.today - timedelta(days=20)
    row = await desk.imported(desk.bill([desk.moved("", 77_00, day=day)]), day=day)
    (found,) = await desk.breaks_of(row)
    assert found.kind is BreakKind.MISSING_HERE
    before = await figures(desk, day)
    await received(desk, world, 77_00, "typed by hand", day)
    await desk.matching.run(WECHAT)
    closed = await desk.again(found)
    assert (closed.state, closed.verb) == (BreakState.CLOSED, Verb.FOUND)
    assert [line.state for line in await desk.lines(row)] == [LineState.AUTO]
    after = await figures(desk, day)  # The line is no longer only there; its posting belongs to this day.
    assert (after.lines_minor, after.booked_later_minor) == (
        before.lines_minor - 77_00,
        before.booked_later_minor + 77_00,
    )
    assert after.unexplained_minor == before.unexplained_minor


async def test_a_payment_of_an_earlier_day_that_no_statement_has_is_one_break_of_that_day(
    desk: FinanceDesk, world: World
) -> None:
    day, reference = desk.today - timedelta(days=10), new_id()
    await desk.imported(desk.bill([]) + b"\r\n" * 7, day=day)
    await received(desk, world, 88_00, reference, day)
    await desk.reconciled([desk.moved("", -1_00)])
    async with world.database.transaction() as session:
        rows = select(BreakRow.kind, BreakRow.day).join(ExpectationRow, ExpectationRow.entry_id == BreakRow.entry_id)
        found = (await session.execute(rows.where(ExpectationRow.reference == reference).order_by(BreakRow.id))).all()
    assert [(kind, of) for kind, of in found] == [(BreakKind.MISSING_THERE, day)]
    today, before = await figures(desk, desk.today), await figures(desk, desk.today - timedelta(days=1))
    assert today.entries_minor >= 88_00 > before.entries_minor  # Our books had it only later.


async def test_every_other_payment_is_of_the_day_of_its_posting(desk: FinanceDesk, world: World) -> None:
    key = await desk.paid(91_00)
    async with world.database.transaction() as session:
        row = await session.get_one(ExpectationRow, await desk.entry(key))
    assert row.day == business_day(row.at)


async def test_a_payment_is_dated_back_by_a_bounded_time(desk: FinanceDesk, world: World) -> None:
    reference = new_id()
    await received(desk, world, 92_00, reference, desk.today - timedelta(days=300), ago=250)
    async with world.database.transaction() as session:
        await expectations.all_from_books(session, WECHAT)
        found = select(ExpectationRow).where(ExpectationRow.reference == reference)
        row = (await session.execute(found)).scalar_one()
    assert row.day == business_day(row.at) - timedelta(days=BACKDATED_DAYS)
