"""What finance sees of sales: the list, one sale with its waterfall and postings, and what each buyer owes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow
from database.tables.finance.ledger import AccountRow, EntryRow, LedgerTransactionRow
from database.tables.finance.sales import BuyerReceiptRow, SaleRow, SaleSplitRow
from database.tables.finance.taken_back import waits
from domain.cards.card import CardType
from domain.errors.general import NotFound
from domain.finance.sales import SaleMode
from domain.finance.waterfall import Base, PartKind
from domain.money import Currency, Money

PAGE = 50
_BUYERS = text("""
SELECT split_part(code, ':', 3) AS buyer, currency,
       sum(account_balance(id)) FILTER (WHERE code LIKE 'buyer\\_receivable:%')::bigint AS owes,
       -sum(account_balance(id)) FILTER (WHERE code LIKE 'buyer\\_deposit:%')::bigint AS deposit,
       sum((SELECT sum(amount_minor) FROM ledger_hold h WHERE h.account_id = account.id AND h.state = 'held'))
           FILTER (WHERE code LIKE 'buyer\\_deposit:%')::bigint AS held
FROM account WHERE code LIKE 'buyer\\_receivable:%' OR code LIKE 'buyer\\_deposit:%'
GROUP BY 1, 2 ORDER BY 3 DESC NULLS LAST, 1, 2 LIMIT :limit
""")


@dataclass(frozen=True)
class SaleEntry:
    """A line of the list. `spread` is what was left to the platform besides its fees, in CNY."""

    id: str
    card_id: str
    brand: str
    card_type: CardType
    buyer: str
    price: Money
    total: Money
    spread: Money
    mode: SaleMode
    sold_at: datetime
    returned: bool


@dataclass(frozen=True)
class SplitLine:
    """A line of a waterfall with what is left after it; `base` and `fixed` say how it was calculated."""

    number: int
    rule: str
    part: PartKind
    account: str
    amount: Money
    left: Money
    base: Base | None
    base_amount: Money
    rate_bp: int
    fixed: Money


@dataclass(frozen=True)
class Posted:
    """A posting of a sale; debits are positive."""

    what: str
    account: str
    amount: Money
    effective_on: date
    at: datetime


@dataclass(frozen=True)
class SaleView:
    """One sale with its waterfall (CNY) and its postings."""

    row: SaleRow
    brand: str
    card_type: CardType
    price: Money
    total: Money
    booked: Money
    lines: tuple[SplitLine, ...]
    posted: tuple[Posted, ...]


@dataclass(frozen=True)
class BuyerEntry:
    """What a buyer owes and has to their credit in one currency, and what of that is held for cards."""

    buyer: str
    owes: Money
    deposit: Money
    held: Money

    @property
    def available(self) -> Money:
        """Return what of the deposit a sale may take."""
        return self.deposit - self.held


_STATES = {
    "kept": SaleRow.reversed_at.is_(None),
    "asked": SaleRow.reversed_at.is_(None) & SaleRow.return_asked_at.is_not(None),
    "returned": SaleRow.reversed_at.is_not(None),
}


async def sales(session: AsyncSession, state: str = "", before: str = "", limit: int = PAGE) -> tuple[SaleEntry, ...]:
    """Return the newest sales before an id; only those that are `kept`, `asked` to come back, or `returned`, where wanted."""
    spread = (
        select(func.coalesce(func.sum(SaleSplitRow.amount_minor), 0))
        .where(SaleSplitRow.sale_id == SaleRow.id, SaleSplitRow.part == PartKind.PLATFORM)
        .correlate(SaleRow)
        .scalar_subquery()
    )
    statement = (
        select(SaleRow, CardRow.brand, CardRow.card_type, spread)
        .join(CardRow, CardRow.id == SaleRow.card_id)
        .order_by(SaleRow.id.desc())
        .limit(limit)
    )
    if before:
        statement = statement.where(SaleRow.id < before)
    if state:
        statement = statement.where(_STATES[state])
    return tuple(
        SaleEntry(
            row.id, row.card_id, brand, card_type, row.buyer.partition(":")[2], Money(row.price_minor, row.currency),
            Money(row.total_minor, row.currency), Money(int(left)), row.mode, row.sold_at, row.reversed_at is not None,
        )
        for row, brand, card_type, left in await session.execute(statement)
    )  # fmt: skip


async def sale(session: AsyncSession, sale_id: str) -> SaleView:
    """Return one sale. Refuse NotFound."""
    statement = select(SaleRow, CardRow.brand, CardRow.card_type).join(CardRow, CardRow.id == SaleRow.card_id)
    found = (await session.execute(statement.where(SaleRow.id == sale_id[:26]))).one_or_none()
    if found is None:
        raise NotFound(sale=sale_id[:26])
    row, brand, card_type = found
    booked = Money(row.booked_minor)
    lines = await _lines(session, row.id, booked)
    price, total = Money(row.price_minor, row.currency), Money(row.total_minor, row.currency)
    steps = await posted(session, f"sale:{row.id}", f"sale_difference:{row.currency.value}:{row.id}")
    return SaleView(row, brand, card_type, price, total, booked, lines, steps)


async def posted(session: AsyncSession, *causes: str) -> tuple[Posted, ...]:
    """Return every posting of these causes, in the order in which they were written."""
    statement = (
        select(LedgerTransactionRow, EntryRow.amount_minor, EntryRow.currency, AccountRow.code)
        .join(EntryRow, EntryRow.transaction_id == LedgerTransactionRow.id)
        .join(AccountRow, AccountRow.id == EntryRow.account_id)
        .where(LedgerTransactionRow.cause.in_(causes))
        .order_by(LedgerTransactionRow.id, EntryRow.amount_minor.desc(), EntryRow.id)
    )
    return tuple(
        Posted(row.what, code, Money(minor, currency), row.effective_on, row.at)
        for row, minor, currency, code in await session.execute(statement)
    )


async def buyers(session: AsyncSession, limit: int = PAGE) -> tuple[BuyerEntry, ...]:
    """Return what buyers owe and have to their credit, those that owe most first."""
    return tuple(
        BuyerEntry(
            row.buyer,
            Money(row.owes or 0, Currency(row.currency)),
            Money(row.deposit or 0, Currency(row.currency)),
            Money(row.held or 0, Currency(row.currency)),
        )
        for row in await session.execute(_BUYERS, {"limit": limit})
    )


async def receipts(session: AsyncSession, limit: int = PAGE) -> tuple[BuyerReceiptRow, ...]:
    """Return the newest payments of buyers; those that wait for a second person first."""
    newest = select(BuyerReceiptRow).order_by(waits(BuyerReceiptRow).desc(), BuyerReceiptRow.id.desc()).limit(limit)
    return tuple((await session.execute(newest)).scalars())


async def _lines(session: AsyncSession, sale_id: str, booked: Money) -> tuple[SplitLine, ...]:
    statement = select(SaleSplitRow).where(SaleSplitRow.sale_id == sale_id).order_by(SaleSplitRow.line_no)
    left, lines = booked, []
    for row in (await session.execute(statement)).scalars():
        amount = Money(row.amount_minor, row.currency)
        left -= amount
        lines.append(
            SplitLine(
                row.line_no, row.rule, row.part, row.account, amount, left, row.base, Money(row.base_minor, row.currency),
                row.rate_bp, Money(row.fixed_minor, row.currency),
            )
        )  # fmt: skip
    return tuple(lines)
