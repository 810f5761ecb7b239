"""The orders that wait for a bank's batch, and what the bank's files said of them: what the bank's gateway reads and writes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from database.once import insert_once
from database.repositories.orders import order as order_of
from database.session import Database
from database.tables.finance.rails import BankBatchRow, BankLineRow
from domain.finance.banks import Kept
from domain.finance.payout import ListedPayment, PayoutOrder, PayoutOutcome
from domain.money import Money


class KeptBankBook:
    """The book in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, order: PayoutOrder) -> Kept:
        """Let the order wait for a batch, once per key; return it as it is kept. One whose outcome is known never waits."""
        line = BankLineRow(key=order.key, amount_minor=order.amount.amount_minor, currency=order.amount.currency)
        async with self._database.transaction() as session:
            row = await order_of(session, order.key, lock=True)
            if row is not None and row.answered is not None and await session.get(BankLineRow, order.key) is None:
                return Kept(order.amount, row.answered, row.gateway_reference, row.refusal_code)
            await insert_once(session, line, "key")
            return _kept(await session.get_one(BankLineRow, order.key))

    async def kept(self, key: str) -> Kept | None:
        """Return the order of that key; None where none was entered."""
        async with self._database.transaction() as session:
            found = await session.get(BankLineRow, key)
            return None if found is None else _kept(found)

    async def paid(self, since: datetime, until: datetime) -> list[ListedPayment]:
        """Return what the bank's files said to be paid, of batches whose file was taken in that time."""
        statement = (
            select(BankLineRow)
            .join(BankBatchRow, BankBatchRow.id == BankLineRow.batch_id)
            .where(BankLineRow.outcome == PayoutOutcome.PAID, BankBatchRow.taken_at.between(since, until))
            .order_by(BankLineRow.key)
        )
        async with self._database.transaction() as session:
            return [
                ListedPayment(line.key, Money(line.amount_minor, line.currency), line.reference or "")
                for line in (await session.execute(statement)).scalars()
            ]


def _kept(line: BankLineRow) -> Kept:
    amount = Money(line.amount_minor, line.currency)
    return Kept(amount, line.outcome or PayoutOutcome.UNKNOWN, line.reference, line.said)
