"""A bank that never answers by file: its statement proves that an order was paid, ends the batch, and brings a return back."""

from __future__ import annotations

import pytest

from database.reads.finance import batches
from database.tables.finance.rails import BankBatchRow, BankLineRow, ContradictionRow
from domain.cards.card import Outcome, WaitingFor
from domain.finance.banks import BatchState
from domain.finance.payout import RETURNED, PayoutOutcome, PayoutState
from domain.finance.statements import LineState
from tests.builders.own_world import own_world
from tests.builders.rail_acts import a_batch, a_result, books_fault, empty_the_bank, number_of, owed
from tests.builders.rails import Rails
from tests.builders.reconciling import BANK, FinanceDesk

world = own_world("proved_by_statement")

PRICE = 465_00


@pytest.fixture
def desk(rails: Rails) -> FinanceDesk:
    return FinanceDesk(rails.world)


async def batch_of(rails: Rails, batch_id: str) -> BankBatchRow:
    (row,) = await rails.world.rows(BankBatchRow, id=batch_id)
    assert isinstance(row, BankBatchRow)
    return row


async def lines_of(rails: Rails, batch_id: str) -> list[batches.LineView]:
    async with rails.world.database.transaction() as session:
        return list(await batches.lines(session, batch_id))


async def test_lines_of_a_statement_end_the_orders_of_a_batch_that_no_file_answers(
    rails: Rails, desk: FinanceDesk
) -> None:
    await empty_the_bank(rails)
    made, batch_id, _ = await a_batch(rails, orders=2)
    (first, key), (_, later) = made
    bill = await desk.imported(desk.bill([desk.moved(key, -PRICE)], BANK, opening=1_000_00))
    assert (await batch_of(rails, batch_id)).state is BatchState.TAKEN  # The other line is not answered.
    for _ in range(2):  # As its workflow does, again and again.
        assert (await rails.payout.reconcile(key)).outcome is PayoutOutcome.PAID
        await rails.payout.conclude(key)
    assert (await rails.card(first)).outcome is Outcome.PAID
    (shown,) = [one for one in await lines_of(rails, batch_id) if one.key == key]
    assert shown.proved_by is not None
    assert (shown.outcome, shown.proved_by.day) == (PayoutOutcome.PAID, desk.today)
    assert shown.proved_by.statement_id == bill.id
    row = await desk.imported(desk.bill([desk.moved(later, -PRICE)], BANK, opening=535_00) + b"\r\n")
    assert (await batch_of(rails, batch_id)).state is BatchState.FINISHED
    await rails.payout.reconcile(later)
    await rails.payout.conclude(later)
    await desk.matching.run(BANK)
    assert [line.state for line in await desk.lines(row)] == [LineState.AUTO]
    assert await books_fault(rails, "I1", "I2", "I4") == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_what_a_statement_proved_and_a_return_line_brings_back_is_owed_again(
    rails: Rails, desk: FinanceDesk, at_once: bool
) -> None:
    await empty_the_bank(rails)
    [(card_id, key)], batch_id, _ = await a_batch(rails)
    went, back = desk.moved(key, -PRICE), desk.moved(key, PRICE, kind="退汇")
    await desk.imported(desk.bill([went, back] if at_once else [went], BANK, opening=2_000_00))
    await rails.payout.reconcile(key)
    await rails.payout.conclude(key)
    if not at_once:
        assert (await rails.card(card_id)).outcome is Outcome.PAID
        await desk.imported(desk.bill([back], BANK, opening=1_535_00) + b"\r\n")
    await desk.matching.run(BANK)
    order = await rails.order(key)
    assert (order.state, order.refusal_code) == (PayoutState.REFUSED, RETURNED)
    assert await owed(rails, card_id) == PRICE
    assert (await rails.card(card_id)).waiting_for is WaitingFor.SELLER_PAYEE
    (shown,) = await lines_of(rails, batch_id)
    assert shown.proved_by is not None
    assert (shown.returned, shown.proved_by.day) == (True, desk.today)
    assert await books_fault(rails, "I1", "I2", "I4") == []


async def test_a_file_that_comes_after_the_statement_changes_nothing_and_another_word_is_looked_at(
    rails: Rails, desk: FinanceDesk
) -> None:
    await empty_the_bank(rails)
    [(_, key)], batch_id, person = await a_batch(rails)
    await desk.imported(desk.bill([desk.moved(key, -PRICE)], BANK, opening=3_000_00))
    number = await number_of(rails, batch_id)
    assert (await rails.batches.take_in(person, batch_id, a_result(number, key))).news == 0
    await rails.payout.reconcile(key)
    await rails.payout.conclude(key)
    assert (await rails.batches.take_in(person, batch_id, a_result(number, key, state="01"))).news == 1
    (found,) = await rails.world.rows(ContradictionRow, key=key)
    assert (found.said, found.stands) == (PayoutOutcome.REFUSED, PayoutOutcome.PAID)


@pytest.mark.parametrize("what", ["another amount", "money that came"])
async def test_another_line_proves_nothing(rails: Rails, desk: FinanceDesk, what: str) -> None:
    await empty_the_bank(rails)
    [(_, key)], batch_id, _ = await a_batch(rails)
    await desk.imported(
        desk.bill([desk.moved(key, -PRICE - 1 if what == "another amount" else PRICE)], BANK, opening=4_000_00)
    )
    (line,) = await rails.world.rows(BankLineRow, key=key)
    assert (line.outcome, line.proved_by) == (None, None)
    assert (await batch_of(rails, batch_id)).state is BatchState.TAKEN
