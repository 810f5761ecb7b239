"""A bank books one debit for a whole batch: it stands for the batch's transfers, or is a break of what the sums differ by."""

from __future__ import annotations

import pytest

from database.invariants.base import Look
from database.invariants.sources import SourcesAgree
from database.repositories import day_figures
from database.tables.finance_rails import BankBatchRow, BankLineRow
from database.tables.finance_statements import ExpectationRow
from domain.finance.breaks import Against, BreakKind, BreakState, Choice, Verb
from domain.finance.payout import PayoutOutcome
from domain.finance.statements import LineState
from domain.identifiers import new_id
from domain.rules.reconciliation import reconciliation_in_force
from simulators.bills import bank_format, bank_statement
from tests.builders.own_world import own_world
from tests.builders.reconciling import BANK, FinanceDesk
from tests.builders.world import World

world = own_world("debits")


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


async def a_batch(desk: FinanceDesk, *amounts: int) -> tuple[str, list[str]]:
    """A batch whose transfers our books have paid, as the file of results settles them; its number and the orders' keys."""
    keys = [await desk.paid(amount, BANK) for amount in amounts]
    batch = BankBatchRow(
        id=new_id(), number=f"CL20261129-{new_id()}", bank="harbour", day=desk.today, lines=len(keys), sum_minor=sum(amounts),
        proposed_by="someone",
    )  # fmt: skip
    async with desk.world.database.transaction() as session:
        session.add(batch)
        await session.flush()
        session.add_all(
            BankLineRow(key=key, amount_minor=amount, batch_id=batch.id, number=place, outcome=PayoutOutcome.PAID)
            for place, (key, amount) in enumerate(zip(keys, amounts, strict=True), 1)
        )
    return batch.number, keys


async def listed(desk: FinanceDesk, keys: list[str]) -> set[str | None]:
    """The lines that stand for these orders."""
    async with desk.world.database.transaction() as session:
        await desk.matching.run_in(session, BANK)
    return {row.line_id for key in keys for row in await desk.world.rows(ExpectationRow, key=key)}  # type: ignore[attr-defined]


async def test_one_debit_of_the_sum_stands_for_every_transfer_once(desk: FinanceDesk) -> None:
    number, keys = await a_batch(desk, 70_00, 30_00, 1_23)
    moved = [desk.moved(number, -101_23), desk.moved(number, -101_23)]
    row = await desk.imported(desk.bill(moved, BANK, opening=1_000_00))
    first, again = await desk.lines(row)
    assert (first.state, first.entry_id, again.state) == (LineState.AUTO, None, LineState.OPEN)
    assert await listed(desk, keys) == {first.id}
    assert [(one.kind, one.line_id) for one in await desk.breaks_of(row)] == [(BreakKind.MISSING_HERE, again.id)]
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
    made, keys = await a_batch(desk, 5_00, 4_99)
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
    number, keys = await a_batch(desk, 70_00, 30_00)
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
