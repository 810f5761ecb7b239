"""An order whose outcome is known leaves the queue of the bank: nothing that is settled goes into a file.

Locks are taken in one order everywhere: batches (`hold_batches`), then the order, then its line.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories.orders import ORDER_TABLES, OrderRow
from database.tables.finance.rails import BankBatchRow, BankLineRow
from domain.finance.banks import BatchState
from domain.finance.payout import PayoutOutcome
from domain.finance.rails import Rail
from gateways.banks.files import LINES_MAX

OTHERWISE = "SETTLED_OTHERWISE"  # In the place of the bank's word, of an order that never went to the bank.


async def hold_batches(session: AsyncSession) -> None:
    """Let nobody gather, let out or take a batch, or read results in, until the transaction ends."""
    await acquire(session, AdvisoryLock.BANK_BATCHES)


async def waiting(session: AsyncSession) -> list[BankLineRow]:
    """Return the lines that a batch may take, locked, the one that waits longest first: none whose order has an outcome."""
    known = [
        exists(select(table.key).where(table.key == BankLineRow.key, table.answered.is_not(None)))
        for table in ORDER_TABLES.values()
    ]
    statement = (
        select(BankLineRow)
        .where(BankLineRow.batch_id.is_(None), BankLineRow.outcome.is_(None), *(~one for one in known))
        .order_by(BankLineRow.entered_at, BankLineRow.key)
        .limit(LINES_MAX)
        .with_for_update()
    )
    return list((await session.execute(statement)).scalars())


async def of_batch(session: AsyncSession, batch_id: str) -> list[BankLineRow]:
    """Return a batch's lines in their order."""
    statement = select(BankLineRow).where(BankLineRow.batch_id == batch_id).order_by(BankLineRow.number)
    return list((await session.execute(statement)).scalars())


async def without_settled(session: AsyncSession, batch: BankBatchRow, at: datetime) -> int:
    """Take the orders whose outcome is known out of a batch whose file was never taken; return how many.

    Their rows are locked until the transaction ends, so that nobody else's word comes between. A batch of which nothing is
    left is dropped.
    """
    lines = await of_batch(session, batch.id)
    known = await _outcomes(session, [line.key for line in lines])
    await _left_by(session, batch, lines, known, at)
    return len(known)


async def leave(session: AsyncSession, row: OrderRow, at: datetime) -> None:
    """Let an order whose outcome is known wait for a batch no more; the caller holds its row.

    In a batch it stays: who lets that out looks.
    """
    line = await session.get(BankLineRow, row.key, with_for_update=True) if row.rail is Rail.BANK else None
    if line is not None and row.answered is not None and line.outcome is None and line.batch_id is None:
        _out(line, row.answered, at)


async def leave_batch(session: AsyncSession, row: OrderRow, outcome: PayoutOutcome, at: datetime) -> None:
    """Let an order with this outcome leave the queue or a batch that was not let out; the caller holds the batches and its row.

    What was let out stays there: the bank's file says what became of it.
    """
    line = await session.get(BankLineRow, row.key) if row.rail is Rail.BANK else None
    batch = None if line is None or line.batch_id is None else await session.get(BankBatchRow, line.batch_id)
    if batch is None:
        await leave(session, row, at)
    elif batch.state is BatchState.PROPOSED:
        await _left_by(session, batch, await of_batch(session, batch.id), {row.key: outcome}, at)


async def _left_by(
    session: AsyncSession, batch: BankBatchRow, lines: list[BankLineRow], known: dict[str, PayoutOutcome], at: datetime
) -> None:
    left = [line for line in lines if line.key not in known]
    for line in lines:
        if line.key in known:
            _out(line, known[line.key], at)
    for number, line in enumerate(left, 1):
        line.number = number
    batch.lines, batch.sum_minor = len(left), sum(line.amount_minor for line in left)
    if not left:
        batch.state, batch.finished_at = BatchState.DROPPED, at
    await session.flush()


async def _outcomes(session: AsyncSession, keys: list[str]) -> dict[str, PayoutOutcome]:
    found: dict[str, PayoutOutcome] = {}
    for table in ORDER_TABLES.values():
        rows: Any = select(table.key, table.answered).where(table.key.in_(keys)).order_by(table.key).with_for_update()
        found |= {row.key: row.answered for row in await session.execute(rows) if row.answered is not None}
    return found


def _out(line: BankLineRow, outcome: PayoutOutcome, at: datetime) -> None:
    line.batch_id, line.number = None, None
    line.outcome, line.said, line.said_at = outcome, OTHERWISE, at
