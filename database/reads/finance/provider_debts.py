"""What licensed providers are owed back of our commissions whose sales came back, since when, and what was paid back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.sales import ProviderRepaymentRow
from domain.errors.general import NotFound
from domain.money import Money

PAGE = 20
# What is paid back or kept counts for the oldest return first: the debt is as old as the first one that is not covered.
_OWED = text("""
SELECT split_part(a.code, ':', 2) AS provider, -account_balance(a.id)::bigint AS owed, first.at AS since, first.sale
FROM account a
CROSS JOIN LATERAL (
    SELECT made.at, made.sale FROM (
        SELECT e.id, e.at, split_part(t.cause, ':', 2) AS sale, sum(-e.amount_minor) OVER (ORDER BY e.id) AS so_far
        FROM entry e JOIN ledger_transaction t ON t.id = e.transaction_id
        WHERE e.account_id = a.id AND e.amount_minor < 0) AS made
    WHERE made.so_far > (SELECT coalesce(sum(e.amount_minor), 0) FROM entry e WHERE e.account_id = a.id AND e.amount_minor > 0)
    ORDER BY made.id LIMIT 1) AS first
WHERE starts_with(a.code, 'provider_payable:') AND a.currency = 'CNY'
ORDER BY a.code
""")


@dataclass(frozen=True)
class OwedBack:
    """What a provider (its code) is owed back (CNY), since when, and the oldest sale of it."""

    provider: str
    amount: Money
    since: datetime
    sale_id: str


async def owed_back(session: AsyncSession) -> tuple[OwedBack, ...]:
    """Return what each provider is owed back; those that are owed nothing are left out."""
    return tuple(OwedBack(row.provider, Money(row.owed), row.since, row.sale) for row in await session.execute(_OWED))


async def repayments(session: AsyncSession, limit: int = PAGE) -> tuple[ProviderRepaymentRow, ...]:
    """Return what was paid back: what waits for a second person first, then the newest; what was discarded is left out."""
    found = select(ProviderRepaymentRow).where(ProviderRepaymentRow.declined_at.is_(None))
    ordered = found.order_by(ProviderRepaymentRow.confirmed_at.is_not(None), ProviderRepaymentRow.id.desc())
    return tuple((await session.execute(ordered.limit(limit))).scalars())


async def repayment_evidence(session: AsyncSession, repayment_id: str) -> ProviderRepaymentRow:
    """Return a repayment whose document is wanted. Refuse NotFound."""
    row = await session.get(ProviderRepaymentRow, repayment_id[:26])
    if row is None:
        raise NotFound(repayment=repayment_id[:26])
    return row
