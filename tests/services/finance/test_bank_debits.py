"""A bank books one debit for a whole batch: it settles the batch's transfers, or is a break of the difference."""

from __future__ import annotations

import pytest

from database.invariants.base import Look
from database.invariants.sources import SourcesAgree
from database.repositories import day_figures
from database.tables.finance.rails import BankBatchRow
from database.tables.finance.statements import ExpectationRow
from domain.finance.breaks import Against, BreakKind, BreakState, Choice, Verb
from domain.finance.statements import LineState
from domain.rules.reconciliation import reconciliation_in_force
from simulators.bills import bank_format, bank_statement
from tests.builders.own_world import own_world
from tests.builders.reconciling import BANK, FinanceDesk
from tests.builders.world import World

world = own_world("debits")


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


async def listed(desk: FinanceDesk, keys: list[str]) -> set[str | None]:
    """The lines that stand for these orders."""
    async with desk.world.database.transaction() as session:
        await desk.matching.run_in(session, BANK)
    return {row.line_id for key in keys for row in await desk.world.rows(ExpectationRow, key=key)}  # type: ignore[attr-defined]


async def test_one_debit_of_the_sum_settles_every_transfer_once(desk: FinanceDesk) -> None:
    number, keys = await desk.batch(70_00, 30_00, 1_23)
    moved = [desk.moved(number, -101_23), desk.moved(number, -101_23)]
    row = await desk.imported(desk.bill(moved, BANK, opening=1_000_00))
    first, again = await desk.lines(row)
    assert (first.state, first.entry_id, again.state) == (LineState.AUTO, None, LineState.OPEN)
    assert await listed(desk, keys) == {first.id}
    assert [(one.kind, one.line_id) for one in await desk.breaks_of(row)] == [(BreakKind.DUPLICATE, again.id)]
    form = bank_format("union")
    await desk.imported(bank_statement(form, form["account"], desk.today, [], 0))
    rules = reconciliation_in_force(desk.today).sources[BANK]
    async with desk.world.database.transaction() as session:
        found = await day_figures.figures(session, BANK, desk.today, rules, desk.clock())
    assert found.lines_minor == -101_23
    assert found.entries_minor == 0


async def test_a_debit_that_came_before_the_result_file_is_matched_with_its_postings(desk: FinanceDesk) -> None:
    number = "CL20261130-9"
    row = await desk.imported(desk.bill([desk.moved(number, -9_99)], BANK, opening=2_000_00))
    (found,) = await desk.breaks_of(row)
    assert found.kind is BreakKind.MISSING_HERE
    made, keys = await desk.batch(5_00, 4_99)
    async with desk.world.database.transaction() as session:
        (batch,) = await desk.world.rows(BankBatchRow, number=made)  # type: ignore[attr-defined]
        (await session.get_one(BankBatchRow, batch.id)).number = number
    await desk.matching.run(BANK)
    closed = await desk.again(found)
    assert (closed.state, closed.verb) == (BreakState.CLOSED, Verb.FOUND)
    assert await listed(desk, keys) == {found.line_id}


async def test_a_debit_of_another_sum_is_a_break_of_the_difference_with_a_worked_preview(
    desk: FinanceDesk, world: World
) -> None:
    person = await world.a_person("finance")
    number, keys = await desk.batch(70_00, 30_00)
    row = await desk.imported(desk.bill([desk.moved(number, -100_50)], BANK, opening=3_000_00))
    (found,) = await desk.breaks_of(row)
    assert (found.kind, found.entry_id, found.difference_minor) == (BreakKind.AMOUNT_OVER, None, -50)
    found = await desk.taken(person, found)
    choice = Choice(Verb.EDIT, "fee", Against.RAIL_FEE)
    preview = await desk.breaks.preview(found.id, choice)
    assert [(one.code, one.posted.amount_minor) for one in preview.moves] == [
        ("cash:bank", -50), ("rail_fee:bank", 50),
    ]  # fmt: skip
    assert len(preview.listed) == 2
    await desk.breaks.decide(person, found.id, choice)
    assert [line.state for line in await desk.lines(row)] == [LineState.MANUAL]
    assert await listed(desk, keys) == {found.line_id}
    assert await desk.break_of_key(keys[0]) == []
    async with world.database.transaction() as session:
        broken = await SourcesAgree().broken(session, Look(whole=True))
    assert [one for one in broken if one.startswith(("line:", "break:"))] == []


async def test_second_debit_is_an_unlinked_duplicate_that_can_be_posted(desk: FinanceDesk, world: World) -> None:
    person = await world.a_person("finance")
    number, keys = await desk.batch(40_00, 2_00)
    debits = [desk.moved(number, -42_00), desk.moved(number, -42_00), desk.moved(number, -41_00)]
    row = await desk.imported(desk.bill(debits, BANK, opening=4_000_00))
    found = await desk.breaks_of(row)
    assert [(one.kind, one.entry_id, one.difference_minor) for one in found] == [
        (BreakKind.DUPLICATE, None, -42_00), (BreakKind.DUPLICATE, None, -41_00),
    ]  # fmt: skip
    first = (await desk.lines(row))[0]
    again = await desk.taken(person, found[0])
    choice = Choice(Verb.CREATE, "unexplained", Against.SUSPENSE)
    preview = await desk.breaks.preview(again.id, choice)
    assert ([(one.code, one.posted.amount_minor) for one in preview.moves], preview.listed) == (
        [("cash:bank", -42_00), ("suspense:bank", 42_00)], (),
    )  # fmt: skip
    await desk.breaks.decide(person, again.id, choice)
    assert await listed(desk, keys) == {first.id}


async def test_a_debit_of_a_batch_whose_transfers_the_bank_lists_one_by_one_is_a_duplicate(desk: FinanceDesk) -> None:
    number, keys = await desk.batch(11_00, 12_00)
    moved = [desk.moved(keys[0], -11_00), desk.moved(keys[1], -12_00), desk.moved(number, -23_00)]
    row = await desk.imported(desk.bill(moved, BANK, opening=5_000_00))
    assert [line.state for line in await desk.lines(row)] == [LineState.AUTO, LineState.AUTO, LineState.OPEN]
    assert [(one.kind, one.amount_minor) for one in await desk.breaks_of(row)] == [(BreakKind.DUPLICATE, -23_00)]


async def test_debit_of_an_unknown_batch_is_missing_here(desk: FinanceDesk) -> None:
    row = await desk.imported(desk.bill([desk.moved("CL20261129-0", -7_00)], BANK, opening=6_000_00))
    assert [one.kind for one in await desk.breaks_of(row)] == [BreakKind.MISSING_HERE]
