"""Months of the books: those that are closed, what waits for a second person, and those that could be closed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.books import ClosingRow
from database.tables.finance.ledger import LedgerTransactionRow, PeriodRow
from domain.finance.periods import ClosingState, first_day, month_of, next_month

SHOWN = 36
_USED = text("""
SELECT to_char(effective_on, 'YYYY-MM') AS month, count(*) AS many FROM ledger_transaction
WHERE effective_on >= :since GROUP BY 1 ORDER BY 1 DESC LIMIT :limit
""")


@dataclass(frozen=True)
class Month:
    """A month with postings: how many transactions, who closed it, or who asked for that."""

    month: str
    transactions: int
    over: bool
    closed: PeriodRow | None
    asked: ClosingRow | None

    @property
    def first(self) -> date:
        """Return its first day."""
        return first_day(self.month)

    @property
    def last(self) -> date:
        """Return its last day."""
        return first_day(next_month(self.month)) - timedelta(days=1)


async def months(session: AsyncSession, today: date) -> tuple[Month, ...]:
    """Return the newest months that anything was posted in or that were closed, newest first."""
    since = date(today.year - SHOWN // 12, today.month, 1)
    used = {row.month: int(row.many) for row in await session.execute(_USED, {"since": since, "limit": SHOWN})}
    newest = select(PeriodRow).order_by(PeriodRow.month.desc()).limit(SHOWN)
    closed = {row.month: row for row in (await session.execute(newest)).scalars()}
    waiting = select(ClosingRow).where(ClosingRow.state == ClosingState.ASKED)
    asked = {row.month: row for row in (await session.execute(waiting)).scalars()}
    names = sorted({*used, *closed, *asked}, reverse=True)
    return tuple(
        Month(name, used.get(name, 0), name < month_of(today), _closing_of(name, closed), asked.get(name))
        for name in names
    )


def _closing_of(month: str, closed: Mapping[str, PeriodRow]) -> PeriodRow | None:
    """The closing of the month itself, or the first later one, which closed it as well."""
    return next((closed[name] for name in sorted(closed) if name >= month), None)


async def last_closed(session: AsyncSession) -> tuple[str, datetime] | None:
    """Return the newest closed month and when it was closed."""
    newest = select(PeriodRow).order_by(PeriodRow.month.desc()).limit(1)
    row = (await session.execute(newest)).scalar_one_or_none()
    return None if row is None else (row.month, row.closed_at)


async def month_to_close(session: AsyncSession, today: date) -> str | None:
    """Return the month that is closed next, where it is over: the one after the newest closed, or the first that was posted in."""
    closed = await last_closed(session)
    if closed is not None:
        following = next_month(closed[0])
    else:
        first = select(func.min(LedgerTransactionRow.effective_on))
        began = (await session.execute(first)).scalar_one()
        if began is None:
            return None
        following = month_of(began)
    return following if following < month_of(today) else None
