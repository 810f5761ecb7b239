"""What is ignored, posted later or seen later is carried from day to day, and every decision leaves a day explained as it was."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from database.reads.finance.reconciliation import open_breaks
from database.repositories import day_figures
from database.repositories.day_figures import DayFigures
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow
from domain.finance.breaks import Against, BreakKind, BreakState, Choice, Verb
from domain.finance.statements import LineState
from domain.money import Money
from domain.rules.reconciliation import reconciliation_in_force
from tests.builders.own_world import own_world
from tests.builders.reconciling import WECHAT, FinanceDesk
from tests.builders.world import World

world = own_world("days_carried")


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


async def figures(desk: FinanceDesk, day: date, ahead: timedelta | None = None) -> DayFigures:
    rules = reconciliation_in_force(desk.today).sources[WECHAT]
    moment = desk.clock() if ahead is None else desk.clock() - desk.ahead + ahead
    async with desk.world.database.transaction() as session:
        return await day_figures.figures(session, WECHAT, day, rules, moment)


async def a_break(desk: FinanceDesk, key: str, minor: int, back: int) -> BreakRow:
    """A line of so many days ago that our books do not have so."""
    day = desk.today - timedelta(days=back)
    row = await desk.imported(desk.bill([desk.moved(key, minor, day=day)]), day=day)
    (found,) = await desk.breaks_of(row)
    return found


async def line_of(desk: FinanceDesk, row: BreakRow) -> StatementLineRow:
    async with desk.world.database.transaction() as session:
        return await session.get_one(StatementLineRow, row.line_id)


def changed(before: DayFigures, after: DayFigures) -> dict[str, int]:
    """What is different between two looks at one day."""
    names = ("lines", "entries", "ignored", "booked_later", "seen_later", "books", "unexplained")
    pairs = {name: (getattr(before, f"{name}_minor"), getattr(after, f"{name}_minor")) for name in names}
    return {name: new - old for name, (old, new) in pairs.items() if new != old}


async def test_ignored_line_posts_nothing_and_carries_over(desk: FinanceDesk, world: World) -> None:
    person = await world.a_person("finance")
    found = await desk.taken(person, await a_break(desk, "", -7_00, 30))
    days = [found.day + timedelta(days=after) for after in (-1, 0, 1, 9)]
    before = [await figures(desk, day) for day in days]
    choice = Choice(Verb.IGNORE, "unexplained")
    plan = await desk.breaks.preview(found.id, choice)
    assert (plan.postings, plan.moves, plan.line_state, plan.difference, plan.second) == (
        (), (), LineState.IGNORED, Money(-7_00), False,
    )  # fmt: skip
    assert await desk.breaks.decide(person, found.id, choice) == plan
    line = await line_of(desk, found)
    assert (line.state, line.entry_id) == (LineState.IGNORED, None)
    after = [await figures(desk, day) for day in days]
    moved = {"lines": 7_00, "ignored": -7_00}
    assert [changed(*pair) for pair in zip(before, after, strict=True)] == [{}, moved, moved, moved]
    await desk.matching.run(WECHAT)
    assert (await desk.again(found)).verb is Verb.IGNORE  # Nobody is asked again.
    async with world.database.transaction() as session:
        assert found.id not in [one.row.id for one in await open_breaks(session, source=WECHAT)]


async def test_an_ignored_difference_leaves_the_line_with_its_order_and_the_difference_in_the_close(
    desk: FinanceDesk, world: World
) -> None:
    person = await world.a_person("finance")
    key = await desk.paid(60_00)
    found = await desk.taken(person, await a_break(desk, key, -60_40, 29))
    assert found.kind is BreakKind.AMOUNT_OVER
    before = await figures(desk, desk.today)
    plan = await desk.breaks.decide(person, found.id, Choice(Verb.IGNORE, "wrong_amount"))
    assert (plan.postings, plan.line_state, plan.difference) == ((), LineState.MANUAL, Money(-40))
    line = await line_of(desk, found)
    assert (line.state, line.entry_id) == (LineState.MANUAL, await desk.entry(key))
    after = await figures(desk, desk.today)
    assert changed(before, after) == {"lines": 60_40, "entries": 60_00, "ignored": -40}


async def test_ignored_missing_entry_stays_in_the_close(desk: FinanceDesk, world: World) -> None:
    person = await world.a_person("finance")
    key = await desk.paid(51_00)
    await desk.reconciled([desk.moved("", -6_01)])
    (found,) = await desk.break_of_key(key)
    found = await desk.taken(person, found)
    before = await figures(desk, desk.today)
    plan = await desk.breaks.decide(person, found.id, Choice(Verb.IGNORE, "unexplained"))
    assert (plan.postings, plan.line_id, plan.closes_entry) == ((), None, found.entry_id)
    after = await figures(desk, desk.today)
    assert changed(before, after) == {"entries": 51_00, "ignored": 51_00}
    async with world.database.transaction() as session:
        assert (await session.get_one(ExpectationRow, found.entry_id)).break_id == found.id


async def test_ignoring_much_takes_two_people(desk: FinanceDesk, world: World) -> None:
    first, second = await world.a_person("finance"), await world.a_person("finance")
    found = await desk.taken(first, await a_break(desk, "", -100_01, 28))
    assert (await desk.breaks.decide(first, found.id, Choice(Verb.IGNORE, "unexplained"))).second
    assert (await line_of(desk, found)).state is LineState.OPEN
    await desk.breaks.agree(second, found.id)
    assert (await line_of(desk, found)).state is LineState.IGNORED


async def test_the_preview_of_another_link_is_what_two_people_carry_out(desk: FinanceDesk, world: World) -> None:
    first, second = await world.a_person("finance"), await world.a_person("finance")
    key = await desk.paid(20_00)
    found = await desk.taken(first, await a_break(desk, "", -20_03, 27))
    choice = Choice(Verb.REPLACE_LINK, "wrong_link", Against.ROUNDING, str(await desk.entry(key)))
    codes = ("cash:wechat", "rounding")
    before = [Money(await desk.balance(code)) for code in codes]
    plan = await desk.breaks.preview(found.id, choice)
    assert [(one.code, one.before, one.posted, one.after) for one in plan.moves] == [
        (codes[0], before[0], Money(-3), before[0] - Money(3)), (codes[1], before[1], Money(3), before[1] + Money(3)),
    ]  # fmt: skip
    assert (plan.second, plan.line_state, plan.difference) == (True, LineState.FORCE, Money(-3))
    assert [Money(await desk.balance(code)) for code in codes] == before
    days = [found.day, desk.today]
    looks = [await figures(desk, day) for day in days]
    assert await desk.breaks.decide(first, found.id, choice) == plan
    await desk.breaks.agree(second, found.id)
    assert [Money(await desk.balance(code)) for code in codes] == [one.after for one in plan.moves]
    assert [changed(look, await figures(desk, day)) for look, day in zip(looks, days, strict=True)] == [
        {"lines": 20_03, "booked_later": -20_03}, {"lines": 20_03, "entries": 20_00, "books": -3},
    ]  # fmt: skip


async def test_another_link_of_the_same_amount_posts_nothing_and_one_person_decides(
    desk: FinanceDesk, world: World
) -> None:
    person = await world.a_person("finance")
    key = await desk.paid(23_00)
    found = await desk.taken(person, await a_break(desk, "", -23_00, 26))
    plan = await desk.breaks.preview(found.id, Choice(Verb.REPLACE_LINK, "wrong_link", link=str(await desk.entry(key))))
    assert (plan.moves, plan.second, plan.line_state, plan.difference) == ((), False, LineState.MANUAL, Money(0))


async def test_what_is_posted_later_belongs_to_the_day_of_its_line(desk: FinanceDesk) -> None:
    found = await a_break(desk, "order-posted-later", -31_00, 25)
    before, today = await figures(desk, found.day), await figures(desk, desk.today)
    await desk.paid(31_00, key="order-posted-later")
    await desk.matching.run(WECHAT)
    assert (await desk.again(found)).state is BreakState.CLOSED
    assert changed(before, await figures(desk, found.day)) == {"lines": 31_00, "booked_later": -31_00}
    assert changed(today, await figures(desk, desk.today)) == {"lines": 31_00, "books": -31_00}


async def test_what_a_later_statement_shows_belongs_to_the_day_of_its_posting(desk: FinanceDesk) -> None:
    await desk.imported(
        desk.bill([desk.moved("", -1, day=desk.today - timedelta(days=24))]), day=desk.today - timedelta(days=24)
    )
    key, after = await desk.paid(32_00), desk.today + timedelta(days=1)
    await desk.matching.run(WECHAT)
    before = await figures(desk, desk.today)
    await desk.imported(desk.bill([desk.moved(key, -32_00, day=after)]), day=after)
    assert changed(before, await figures(desk, desk.today)) == {"entries": 32_00, "seen_later": -32_00}
    assert (await figures(desk, after)).seen_later_minor == 0


async def test_late_is_what_is_open_for_longer_than_the_policy_says(desk: FinanceDesk) -> None:
    found = await a_break(desk, "", -33_00, 20)
    late_after = reconciliation_in_force(desk.today).sources[WECHAT].late_after
    since = found.since - (desk.clock() - desk.ahead)
    in_time, late = [await figures(desk, found.day, since + late_after + timedelta(hours=more)) for more in (-1, 1)]
    assert late.late - in_time.late == 1
    assert late.breaks == in_time.breaks
