"""What finance sees of foreign money: where it is kept, its exchanges, and the values of positions at the ends of months."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.sales import FxExchangeRow, FxRevaluationRow
from database.tables.finance.taken_back import waits
from domain.money import Currency, Money

PAGE = 50
_KEPT = text("""
SELECT code, currency, minor FROM (
    SELECT code, currency, account_balance(id)::bigint AS minor FROM account
    WHERE currency <> 'CNY' AND split_part(code, ':', 1) = ANY (CAST(:classes AS text[]))) AS kept
WHERE minor > 0 ORDER BY code, currency
""")


@dataclass(frozen=True)
class Kept:
    """Foreign money that an account (its code) keeps."""

    account: str
    amount: Money


async def kept(session: AsyncSession, classes: tuple[str, ...]) -> tuple[Kept, ...]:
    """Return what accounts of these classes keep in foreign money."""
    rows = await session.execute(_KEPT, {"classes": list(classes)})
    return tuple(Kept(row.code, Money(row.minor, Currency(row.currency))) for row in rows)


async def exchanges(session: AsyncSession, limit: int = PAGE) -> tuple[FxExchangeRow, ...]:
    """Return exchanges: those that wait for a second person first, then the newest; not the discarded ones."""
    found = select(FxExchangeRow).where(FxExchangeRow.declined_at.is_(None))
    waiting = FxExchangeRow.posted_at.is_(None) | waits(FxExchangeRow)
    ordered = found.order_by(waiting.desc(), FxExchangeRow.id.desc()).limit(limit)
    return tuple((await session.execute(ordered)).scalars())


async def revaluations(session: AsyncSession, limit: int = PAGE) -> tuple[FxRevaluationRow, ...]:
    """Return the newest values of positions at the end of months."""
    newest = select(FxRevaluationRow).order_by(FxRevaluationRow.month.desc(), FxRevaluationRow.currency).limit(limit)
    return tuple((await session.execute(newest)).scalars())
