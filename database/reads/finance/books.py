"""The books: trial balance, statement of an account, and journal; each as of any day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.finance.chart import AccountKind
from domain.money import Currency, Money

PAGE = 50
# What closed months left is read from their closing, so that only the months since are summed.
_TRIAL = text("""
WITH closed AS (
    SELECT max(month) AS month FROM ledger_period
    WHERE month < to_char(CAST(:on AS date), 'YYYY-MM') AND EXISTS (
        SELECT FROM ledger_period_balance b WHERE b.month = ledger_period.month)
), moved AS (
    SELECT e.account_id, sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0) AS debits,
           -sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0) AS credits
    FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id, closed
    WHERE t.effective_on <= :on AND (closed.month IS NULL OR to_char(t.effective_on, 'YYYY-MM') > closed.month)
    GROUP BY e.account_id
)
SELECT a.code, a.kind, a.currency,
       coalesce(b.debits_minor, 0) + coalesce(moved.debits, 0) AS debits,
       coalesce(b.credits_minor, 0) + coalesce(moved.credits, 0) AS credits
FROM account a
LEFT JOIN moved ON moved.account_id = a.id
LEFT JOIN ledger_period_balance b ON b.account_id = a.id AND b.month = (SELECT month FROM closed)
WHERE moved.account_id IS NOT NULL OR b.account_id IS NOT NULL
ORDER BY a.code, a.currency
""")
_LINES = """
SELECT e.id, t.id AS transaction, t.key, t.what, t.card_id, t.cause, t.at, t.effective_on, t.late_for, e.amount_minor, e.currency, a.code,
       r.key AS reverses
FROM entry e
JOIN ledger_transaction t ON t.id = e.transaction_id
JOIN account a ON a.id = e.account_id
LEFT JOIN ledger_transaction r ON r.id = t.reverses
"""
_STATEMENT = text(
    _LINES + "WHERE a.code = :code AND a.currency = :currency AND e.id < :before ORDER BY e.id DESC LIMIT :limit"
)
_JOURNAL = text(
    _LINES
    + "WHERE (t.id, e.id) > (:transaction, :entry) AND t.effective_on BETWEEN :since AND :until"
    + " ORDER BY t.id, e.id LIMIT :limit"
)
NEWEST = 2**63 - 1


@dataclass(frozen=True)
class TrialLine:
    """An account's sums up to a day, in minor units, both positive."""

    code: str
    kind: AccountKind
    currency: Currency
    debits_minor: int
    credits_minor: int

    @property
    def balance_minor(self) -> int:
        """Return the balance; positive is a debit."""
        return self.debits_minor - self.credits_minor

    @property
    def balance(self) -> Money:
        """Return the balance as money; positive is a debit."""
        return Money(self.balance_minor, self.currency)

    @property
    def debits(self) -> Money:
        """Return the sum of debits."""
        return Money(self.debits_minor, self.currency)

    @property
    def credits(self) -> Money:
        """Return the sum of credits, positive."""
        return Money(self.credits_minor, self.currency)


@dataclass(frozen=True)
class BookLine:
    """One line of the books with its transaction. `reverses` is the key of the transaction that it takes back."""

    id: int
    transaction: int
    key: str
    what: str
    card_id: str | None
    cause: str
    at: datetime
    effective_on: date
    late_for: date | None
    amount_minor: int
    currency: Currency
    code: str
    reverses: str | None

    @property
    def amount(self) -> Money:
        """Return the amount; positive is a debit."""
        return Money(self.amount_minor, self.currency)


async def trial_balance(session: AsyncSession, on: date) -> tuple[TrialLine, ...]:
    """Return every account that was used up to the end of a day, by code."""
    found = await session.execute(_TRIAL, {"on": on})
    return tuple(
        TrialLine(row.code, AccountKind(row.kind), Currency(row.currency), int(row.debits), int(row.credits))
        for row in found
    )


async def statement(
    session: AsyncSession, code: str, currency: Currency = Currency.CNY, before: int = NEWEST, limit: int = PAGE
) -> tuple[BookLine, ...]:
    """Return the account's newest lines before an entry's id, newest first."""
    values = {"code": code, "currency": currency.value, "before": before, "limit": limit}
    return _read((await session.execute(_STATEMENT, values)).mappings())


async def journal(
    session: AsyncSession, since: date, until: date, after: tuple[int, int] = (0, 0), limit: int = PAGE
) -> tuple[BookLine, ...]:
    """Return lines that count for these days (both included), transaction by transaction, behind a transaction and entry."""
    values = {"since": since, "until": until, "transaction": after[0], "entry": after[1], "limit": limit}
    return _read((await session.execute(_JOURNAL, values)).mappings())


def _read(rows: Iterable[RowMapping]) -> tuple[BookLine, ...]:
    return tuple(BookLine(**{**row, "currency": Currency(row["currency"])}) for row in rows)
