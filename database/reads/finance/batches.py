"""A bank's batches as finance sees them: what waits, each batch, and the bank's word on every line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import BankBatchRow, BankFileRow, BankLineRow, ReturnRow
from database.tables.finance.statements import StatementLineRow
from domain.finance.banks import BatchState
from domain.finance.payout import RETURNED, PayoutOutcome
from domain.money import Money

PAGE = 50


@dataclass(frozen=True)
class Waiting:
    """The orders that wait for a batch."""

    orders: int
    total: Money
    oldest: datetime | None


@dataclass(frozen=True)
class BatchView:
    """One batch; `said` counts the lines that the bank has answered."""

    id: str
    number: str
    bank: str
    state: BatchState
    day: date
    lines: int
    said: int
    total: Money
    proposed_by: str
    proposers: tuple[str, ...]
    proposed_at: datetime
    checked_by: str | None
    taken_at: datetime | None
    sha256: str | None


@dataclass(frozen=True)
class LineView:
    """One transfer of a batch; `card_id` is None for a goodwill payment, the payee masked."""

    number: int
    key: str
    card_id: str | None
    payee: str
    amount: Money
    outcome: PayoutOutcome | None
    returned: bool
    said: str | None
    reference: str | None
    proved_by: StatementLineRow | None = None  # The line that proves it, where no file of results said so.


async def named(session: AsyncSession, number: str) -> BankBatchRow | None:
    """Return the batch of this number, as a bank writes it on a statement's line; None for anything else."""
    wanted = select(BankBatchRow).where(BankBatchRow.number == number)
    return (await session.execute(wanted)).scalar_one_or_none() if number else None


async def waiting(session: AsyncSession) -> Waiting:
    """Return what waits for a batch."""
    open_lines = (BankLineRow.batch_id.is_(None), BankLineRow.outcome.is_(None))
    statement = select(
        func.count(), func.coalesce(func.sum(BankLineRow.amount_minor), 0), func.min(BankLineRow.entered_at)
    )
    count, total, oldest = (await session.execute(statement.where(*open_lines))).one()
    return Waiting(count, Money(int(total)), oldest)


async def batches(session: AsyncSession, limit: int = PAGE) -> tuple[BatchView, ...]:
    """List the newest batches."""
    statement = select(BankBatchRow, _said()).order_by(BankBatchRow.proposed_at.desc(), BankBatchRow.id).limit(limit)
    return tuple(_batch(row, said) for row, said in await session.execute(statement))


async def batch(session: AsyncSession, batch_id: str) -> BatchView | None:
    """Return one batch, None when there is none of that id."""
    found = (await session.execute(select(BankBatchRow, _said()).where(BankBatchRow.id == batch_id))).one_or_none()
    return None if found is None else _batch(*found)


async def lines(session: AsyncSession, batch_id: str) -> tuple[LineView, ...]:
    """List the lines of a batch in their order."""
    statement = (
        select(BankLineRow, PayoutRow.card_id, PayoutRow.payee_masked, StatementLineRow, ReturnRow.returned_at)
        .outerjoin(PayoutRow, PayoutRow.key == BankLineRow.key)
        .outerjoin(StatementLineRow, StatementLineRow.id == BankLineRow.proved_by)
        .outerjoin(ReturnRow, ReturnRow.key == BankLineRow.key)
        .where(BankLineRow.batch_id == batch_id)
        .order_by(BankLineRow.number)
    )
    return tuple(_line(*found) for found in await session.execute(statement))


async def files(session: AsyncSession, batch_id: str) -> tuple[BankFileRow, ...]:
    """List the bank's files that were taken in for a batch, the oldest first."""
    statement = select(BankFileRow).where(BankFileRow.batch_id == batch_id).order_by(BankFileRow.taken_in_at)
    return tuple((await session.execute(statement)).scalars())


def _said() -> ScalarSelect[int]:
    answered = (BankLineRow.batch_id == BankBatchRow.id, BankLineRow.outcome.is_not(None))
    return select(func.count()).select_from(BankLineRow).where(*answered).correlate(BankBatchRow).scalar_subquery()


def _batch(row: BankBatchRow, said: int) -> BatchView:
    return BatchView(
        row.id, row.number, row.bank, row.state, row.day, row.lines, said, Money(row.sum_minor), row.proposed_by,
        tuple(row.proposers), row.proposed_at, row.checked_by, row.taken_at, row.sha256,
    )  # fmt: skip


def _line(
    row: BankLineRow,
    card_id: str | None,
    payee: str | None,
    shown: StatementLineRow | None,
    returned_at: datetime | None,
) -> LineView:
    returned = row.said == RETURNED or returned_at is not None
    return LineView(
        row.number or 0, row.key, card_id, payee or "", Money(row.amount_minor, row.currency), row.outcome, returned,
        None if returned else row.said, row.reference, shown,
    )  # fmt: skip
