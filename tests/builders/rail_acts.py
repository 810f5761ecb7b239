"""What tests of the rails do and ask: a card that waits, a batch at the bank, the books."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import update

from database.invariants import violations
from database.repositories import ledger
from database.tables.finance.rails import BankBatchRow, BankLineRow
from domain.cards.card import Stage, WaitingFor
from domain.finance.payout import PayoutOutcome
from domain.finance.rails import Rail
from simulators.bills import Result, bank_format, bank_result
from tests.builders.rails import Rails

DAY = date(2026, 11, 29)


async def balance(rails: Rails, code: str) -> int:
    async with rails.world.database.transaction() as session:
        return (await ledger.balance(session, code)).amount_minor


async def owed(rails: Rails, card_id: str) -> int:
    return -await balance(rails, f"seller_payable:{await rails.world.payee_of(card_id)}")


async def books_fault(rails: Rails, *names: str) -> list[str]:
    async with rails.world.database.transaction() as session:
        found = await violations(session, rails.world.keyring.evidence_public_key, step_max=timedelta(days=1))
    return [f"{one.invariant} {one.what}" for one in found if one.invariant in names]


async def waits(rails: Rails, card_id: str) -> WaitingFor:
    """Record the wait as the workflow does after an unknown outcome."""
    await rails.world.journey.move(card_id, Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown")
    return (await rails.card(card_id)).waiting_for


async def a_batch(rails: Rails, *, bank: str = "harbour", orders: int = 1) -> tuple[list[tuple[str, str]], str, str]:
    """Orders of so many cards in a batch that was let out and taken: cards with keys, the batch's id, who took it."""
    made = [await rails.a_prepared(Rail.BANK) for _ in range(orders)]
    for card_id, key in made:
        await rails.payout.send(key)
        await waits(rails, card_id)
    one, two = await rails.world.a_person("finance"), await rails.world.a_person("finance")
    batch_id = await rails.batches.propose(one, bank)
    await rails.batches.approve(two, batch_id)
    await rails.batches.file(two, batch_id)
    return made, batch_id, two


async def number_of(rails: Rails, batch_id: str) -> str:
    (row,) = await rails.world.rows(BankBatchRow, id=batch_id)
    return str(row.number)


async def empty_the_bank(rails: Rails) -> None:
    """Orders of earlier tests wait no more."""
    async with rails.world.database.transaction() as session:
        await session.execute(
            update(BankLineRow).where(BankLineRow.outcome.is_(None)).values(outcome=PayoutOutcome.REFUSED)
        )


def a_result(number: str, key: str, *, amount: int = 46_500, state: str = "00", reason: str = "") -> bytes:
    form = bank_format("harbour")
    return bank_result(form, number, DAY, [Result(1, key, amount, state, reason, "R1")])
