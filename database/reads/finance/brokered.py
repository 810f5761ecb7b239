"""Brokered sales whose seller the licensed provider pays: those that wait for a second person, those not paid yet, those paid."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Select, and_, case, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.sales import BrokeredPaymentRow, SaleRow, SaleSplitRow
from domain.errors.general import NotFound
from domain.finance.sales import SaleMode
from domain.finance.waterfall import PartKind
from domain.money import Money

PAGE = 50


_SPLIT = text("""
SELECT split_part(a.code, ':', 2) AS provider, account_balance(a.id)::bigint AS held, coalesce((
    SELECT sum(p.amount_minor) FROM sale s JOIN sale_split p ON p.sale_id = s.id AND p.part = 'seller'
    WHERE s.payer = a.code AND s.reversed_at IS NULL AND NOT EXISTS (
        SELECT FROM brokered_payment b WHERE b.sale_id = s.id AND b.confirmed_at IS NOT NULL)), 0)::bigint AS due
FROM account a
WHERE starts_with(a.code, 'split_account:') AND a.currency = 'CNY'
  AND (CAST(:provider AS varchar) IS NULL OR a.code = 'split_account:' || CAST(:provider AS varchar))
ORDER BY a.code
""")


@dataclass(frozen=True)
class SplitAccount:
    """What a licensed provider holds of brokered sales, and what of it is to be paid to their sellers; in CNY."""

    provider: str
    held: Money
    due: Money

    @property
    def ours(self) -> Money:
        """Return what may come to us: our commission, with what partners have of it; never below nothing."""
        return max(self.held - self.due, Money(0))


@dataclass(frozen=True)
class BrokeredEntry:
    """A brokered sale: what its seller is to have, of which provider, and the payment that was recorded, if one was."""

    sale: SaleRow
    provider: str
    due: Money
    payment: BrokeredPaymentRow | None

    @property
    def state(self) -> str:
        """Return `due`, `waits` for a second person, or `paid`."""
        if self.payment is None:
            return "due"
        return "waits" if self.payment.confirmed_at is None else "paid"


async def brokered(session: AsyncSession, limit: int = PAGE) -> tuple[BrokeredEntry, ...]:
    """Return them: first what waits for a second person, then what is not paid, the oldest first; then what was paid, the newest first."""
    paid = BrokeredPaymentRow.confirmed_at.is_not(None)
    first = case((BrokeredPaymentRow.id.is_(None), 1), (paid, 2), else_=0)
    found = _entries().order_by(first, case((paid, None), else_=SaleRow.id), SaleRow.id.desc()).limit(limit)
    return tuple(_entry(*row) for row in await session.execute(found))


async def of_sale(session: AsyncSession, sale_id: str) -> BrokeredEntry | None:
    """Return one; None for a sale without a provider payment."""
    row = (await session.execute(_entries().where(SaleRow.id == sale_id))).one_or_none()
    return None if row is None else _entry(*row)


async def split_accounts(session: AsyncSession) -> tuple[SplitAccount, ...]:
    """Return what each licensed provider holds."""
    rows = await session.execute(_SPLIT, {"provider": None})
    return tuple(SplitAccount(row.provider, Money(row.held), Money(row.due)) for row in rows)


async def split_account(session: AsyncSession, provider: str) -> SplitAccount:
    """Return what a licensed provider (its code) holds; nothing where it never held anything."""
    row = (await session.execute(_SPLIT, {"provider": provider})).one_or_none()
    return SplitAccount(provider, Money(row.held if row else 0), Money(row.due if row else 0))


async def evidence(session: AsyncSession, payment_id: str) -> BrokeredPaymentRow:
    """Return a payment whose document is wanted. Refuse NotFound."""
    row = await session.get(BrokeredPaymentRow, payment_id[:26])
    if row is None:
        raise NotFound(payment=payment_id[:26])
    return row


def _entries() -> Select[SaleRow, SaleSplitRow, BrokeredPaymentRow]:
    stands = and_(BrokeredPaymentRow.sale_id == SaleRow.id, BrokeredPaymentRow.declined_at.is_(None))
    sellers = and_(
        SaleSplitRow.sale_id == SaleRow.id, SaleSplitRow.part == PartKind.SELLER, SaleSplitRow.amount_minor > 0
    )
    return (
        select(SaleRow, SaleSplitRow, BrokeredPaymentRow)
        .join(SaleSplitRow, sellers)
        .outerjoin(BrokeredPaymentRow, stands)
        .where(SaleRow.mode == SaleMode.BROKERED, SaleRow.reversed_at.is_(None))
    )


def _entry(sale: SaleRow, line: SaleSplitRow, payment: BrokeredPaymentRow | None) -> BrokeredEntry:
    return BrokeredEntry(sale, sale.payer.partition(":")[2], Money(line.amount_minor, line.currency), payment)
