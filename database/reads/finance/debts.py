"""What buyers and counterparties owe, what of it was written off and came after all, and refunds of deposits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.debts import DebtWriteOffRow, DepositRefundRow
from database.tables.finance.settlement import CounterpartyRow
from database.tables.finance.taken_back import waits
from domain.errors.general import NotFound
from domain.finance.chart import Account
from domain.money import Currency, Money

PAGE = 50
# What was written off and has not come since. A recovery whose posting was reversed has not come.
_LOST = """
    SELECT account, currency, amount_minor AS minor, value_minor AS value FROM debt_write_off WHERE ended_at IS NOT NULL
    UNION ALL
    SELECT r.account, r.currency, -r.amount_minor, -r.value_minor
    FROM debt_recovery r JOIN ledger_transaction t ON t.key = r.posted_key
    WHERE NOT EXISTS (SELECT FROM ledger_transaction back WHERE back.reverses = t.id)
"""
_DEBTS = text(f"""
WITH lost AS (SELECT account, currency, sum(minor) AS minor FROM ({_LOST}) AS known GROUP BY 1, 2),
owed AS MATERIALIZED (
    SELECT code, currency, account_balance(id) AS owes FROM account
    WHERE starts_with(code, 'buyer_receivable:') OR starts_with(code, 'partner_receivable:'))
SELECT a.code, a.currency, a.owes::bigint AS owes, coalesce(lost.minor, 0)::bigint AS lost
FROM owed a LEFT JOIN lost ON lost.account = a.code AND lost.currency = a.currency
WHERE a.owes <> 0 OR coalesce(lost.minor, 0) <> 0
ORDER BY owes DESC, a.code, a.currency LIMIT :most
""")  # noqa: S608  # Words of our own.
_LOST_OF = text(f"""
SELECT coalesce(sum(minor), 0)::bigint AS minor, coalesce(sum(value), 0)::bigint AS value FROM ({_LOST}) AS known
WHERE account = :account AND currency = :currency
""")  # noqa: S608  # As above.


@dataclass(frozen=True)
class Debt:
    """What a debtor owes in one currency, and what of it was written off and has not come since."""

    account: str
    owes: Money
    lost: Money

    @property
    def owner(self) -> str:
        """The owner of the account: `buyer:<code>`, or that of a counterparty's accounts."""
        return self.account.partition(":")[2]

    @property
    def of_buyer(self) -> bool:
        """Whether a buyer owes it."""
        return self.account.startswith("buyer_receivable:")

    @property
    def who(self) -> str:
        """The debtor's code as pages show it."""
        return self.owner.removeprefix("buyer:") if self.of_buyer else self.owner


async def debts(session: AsyncSession, limit: int = PAGE) -> tuple[Debt, ...]:
    """Return what is owed or lost, those that owe most first."""
    return tuple(
        Debt(row.code, Money(row.owes, Currency(row.currency)), Money(row.lost, Currency(row.currency)))
        for row in await session.execute(_DEBTS, {"most": limit})
    )


@dataclass(frozen=True)
class Lost:
    """What of a debt was written off and has not come since, and what it had been booked at (CNY)."""

    amount: Money
    value: Money


async def lost_of(session: AsyncSession, debt: Account, currency: Currency) -> Lost:
    """Return what of a debt is lost. Who acts on it has locked its account."""
    row = (await session.execute(_LOST_OF, {"account": debt.code, "currency": currency.value})).one()
    return Lost(Money(row.minor, currency), Money(row.value))


async def write_offs(session: AsyncSession, limit: int = PAGE) -> tuple[DebtWriteOffRow, ...]:
    """Return the newest write-offs, those that wait for a second person first; without debts that were kept."""
    found = select(DebtWriteOffRow).where(DebtWriteOffRow.declined_at.is_(None))
    ordered = found.order_by(DebtWriteOffRow.ended_at.is_not(None), DebtWriteOffRow.id.desc())
    return tuple((await session.execute(ordered.limit(limit))).scalars())


async def refunds(session: AsyncSession, limit: int = PAGE) -> tuple[DepositRefundRow, ...]:
    """Return the newest refunds of deposits, those that wait for a second person first; without those that were discarded."""
    found = select(DepositRefundRow).where(DepositRefundRow.declined_at.is_(None))
    waiting = DepositRefundRow.confirmed_at.is_(None) | waits(DepositRefundRow)
    return tuple(
        (await session.execute(found.order_by(waiting.desc(), DepositRefundRow.id.desc()).limit(limit))).scalars()
    )


async def party_names(session: AsyncSession, owners: Sequence[str]) -> dict[str, str]:
    """Return the names of counterparties by the owner of their accounts."""
    found = select(CounterpartyRow.owner, CounterpartyRow.name).where(CounterpartyRow.owner.in_(owners))
    rows = await session.execute(found.order_by(CounterpartyRow.owner, CounterpartyRow.id))
    return {row.owner: row.name for row in rows}


async def write_off(session: AsyncSession, write_off_id: str) -> DebtWriteOffRow:
    """Return a write-off whose document is wanted. Refuse NotFound."""
    row = await session.get(DebtWriteOffRow, write_off_id[:26])
    if row is None:
        raise NotFound(write_off=write_off_id[:26])
    return row


async def refund(session: AsyncSession, refund_id: str) -> DepositRefundRow:
    """Return a refund whose document is wanted. Refuse NotFound."""
    row = await session.get(DepositRefundRow, refund_id[:26])
    if row is None:
        raise NotFound(refund=refund_id[:26])
    return row
