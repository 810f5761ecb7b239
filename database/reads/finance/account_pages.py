"""What pages show of the books: an account's statement with its running balance, transactions whole, and totals of a class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.books import NEWEST, BookLine, TrialLine
from domain.finance.chart import AccountKind
from domain.money import Currency, Money

PAGE = 50
TRANSACTIONS_PAGE = 25
FIRST_DAY, LAST_DAY = date(1, 1, 1), date(9999, 12, 31)
# The balance after a line is the newest checkpoint before it and the entries since: constant for each line.
_STATEMENT = text("""
SELECT line.*, coalesce(kept.balance_minor, 0) + coalesce((
           SELECT sum(amount_minor) FROM entry
           WHERE account_id = line.account_id AND id > coalesce(kept.upto, 0) AND id <= line.id), 0) AS balance_minor
FROM (
    SELECT e.id, e.account_id, t.id AS transaction, t.key, t.what, t.card_id, t.cause, t.at, t.effective_on, t.late_for,
           e.amount_minor, e.currency, a.code, r.key AS reverses
    FROM account a JOIN entry e ON e.account_id = a.id
    JOIN ledger_transaction t ON t.id = e.transaction_id
    LEFT JOIN ledger_transaction r ON r.id = t.reverses
    WHERE a.code = :code AND a.currency = :currency AND e.id < :before AND t.effective_on BETWEEN :since AND :until
    ORDER BY e.id DESC LIMIT :limit
) AS line
LEFT JOIN LATERAL (
    SELECT balance_minor, upto FROM balance_checkpoint WHERE account_id = line.account_id AND upto <= line.id
    ORDER BY upto DESC LIMIT 1
) AS kept ON true
ORDER BY line.id DESC
""")
_CHOSEN = """
SELECT id FROM ledger_transaction t
WHERE t.id < :before AND t.effective_on BETWEEN :since AND :until
  AND (CAST(:what AS text) = '' OR t.what = :what) AND (CAST(:cause AS text) = '' OR t.cause = :cause)
  AND (CAST(:card AS text) = '' OR t.card_id = :card)
ORDER BY t.id DESC LIMIT :limit
"""
_TRANSACTIONS = """
SELECT e.id, t.id AS transaction, t.key, t.what, t.card_id, t.cause, t.at, t.effective_on, t.late_for,
       e.amount_minor, e.currency, a.code, r.key AS reverses, r.id AS reverses_id, b.id AS reversed_by
FROM ledger_transaction t
JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
LEFT JOIN ledger_transaction r ON r.id = t.reverses
LEFT JOIN ledger_transaction b ON b.reverses = t.id
WHERE t.id IN ({which})
ORDER BY t.id DESC, e.id
"""
_KNOWN = text("SELECT kind, account_balance(id) AS minor FROM account WHERE code = :code AND currency = :currency")
# What closed months left is read from the last of them.
_TOTALS = text("""
WITH closed AS (
    SELECT max(month) AS month FROM ledger_period WHERE EXISTS (
        SELECT FROM ledger_period_balance b WHERE b.month = ledger_period.month)
), line AS (
    SELECT a.code, a.currency, b.balance_minor AS minor FROM ledger_period_balance b JOIN account a ON a.id = b.account_id
    WHERE b.month = (SELECT month FROM closed)
    UNION ALL
    SELECT a.code, a.currency, e.amount_minor
    FROM entry e JOIN account a ON a.id = e.account_id JOIN ledger_transaction t ON t.id = e.transaction_id, closed
    WHERE closed.month IS NULL OR t.effective_on >= CAST(closed.month || '-01' AS date) + interval '1 month'
)
SELECT split_part(code, ':', 1) AS class, CASE WHEN :by_owner THEN split_part(code, ':', 2) ELSE '' END AS owner, currency,
       sum(minor) AS minor
FROM line WHERE split_part(code, ':', 1) = ANY (CAST(:classes AS text[]))
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
_STEPS = text(
    "SELECT DISTINCT what FROM ledger_transaction WHERE id > (SELECT max(id) - 50000 FROM ledger_transaction)"
)


@dataclass(frozen=True)
class StatementLine:
    """One line of an account; `balance` is what it came to after it, positive for a debit."""

    line: BookLine
    balance: Money

    @property
    def amount(self) -> Money:
        """Return the line's amount, positive for a debit."""
        return Money(self.line.amount_minor, self.line.currency)


@dataclass(frozen=True)
class BookTransaction:
    """One transaction with its lines. `reverses` and `reversed_by` are the ids of others, 0 without one."""

    id: int
    key: str
    what: str
    card_id: str | None
    cause: str
    at: datetime
    effective_on: date
    late_for: date | None
    reverses: int
    reversed_by: int
    lines: tuple[BookLine, ...]

    @property
    def amounts(self) -> tuple[Money, ...]:
        """Return the debits of each currency, summed up."""
        found: dict[Currency, int] = {}
        for one in self.lines:
            found[one.currency] = found.get(one.currency, 0) + max(0, one.amount_minor)
        return tuple(Money(minor, currency) for currency, minor in found.items())


@dataclass(frozen=True)
class Wanted:
    """Which transactions a page lists: those of these days (both included), of a step, a cause, a card; empty for any."""

    since: date = FIRST_DAY
    until: date = LAST_DAY
    what: str = ""
    cause: str = ""
    card_id: str = ""


@dataclass(frozen=True)
class ClassTotal:
    """What the accounts of a class come to, by owner where that was asked for; positive for a debit."""

    code: str
    owner: str
    balance: Money


async def account_line(session: AsyncSession, code: str, currency: Currency) -> TrialLine | None:
    """Return an account with its balance, as debits or credits; None for an account that nothing was posted on."""
    row = (await session.execute(_KNOWN, {"code": code, "currency": currency.value})).one_or_none()
    if row is None:
        return None
    minor = int(row.minor)
    return TrialLine(code, AccountKind(row.kind), currency, max(0, minor), max(0, -minor))


async def statement_lines(
    session: AsyncSession,
    code: str,
    currency: Currency,
    days: tuple[date, date],
    before: int = NEWEST,
    limit: int = PAGE,
) -> tuple[StatementLine, ...]:
    """Return the account's newest lines before an entry's id that count for these days (both included), newest first."""
    given = {
        "code": code, "currency": currency.value, "before": before, "limit": limit, "since": days[0], "until": days[1],
    }  # fmt: skip
    rows = (await session.execute(_STATEMENT, given)).mappings()
    return tuple(StatementLine(_line(row), Money(int(row["balance_minor"]), Currency(row["currency"]))) for row in rows)


async def transactions(
    session: AsyncSession, wanted: Wanted, before: int = NEWEST, limit: int = TRANSACTIONS_PAGE
) -> tuple[BookTransaction, ...]:
    """Return the newest transactions before an id, whole, newest first."""
    given = {
        "before": before, "since": wanted.since, "until": wanted.until, "what": wanted.what, "cause": wanted.cause,
        "card": wanted.card_id, "limit": limit,
    }  # fmt: skip
    return _whole((await session.execute(text(_TRANSACTIONS.format(which=_CHOSEN)), given)).mappings())


async def transaction(session: AsyncSession, transaction_id: int) -> BookTransaction | None:
    """Return one transaction, or None."""
    found = await session.execute(text(_TRANSACTIONS.format(which=":id")), {"id": transaction_id})
    return next(iter(_whole(found.mappings())), None)


async def totals(session: AsyncSession, classes: Sequence[str], *, by_owner: bool = False) -> tuple[ClassTotal, ...]:
    """Return what the accounts of these classes come to in each currency; with `by_owner` for the first part of each owner."""
    found = await session.execute(_TOTALS, {"classes": list(classes), "by_owner": by_owner})
    return tuple(ClassTotal(row[0], row[1], Money(int(row.minor), Currency(row.currency))) for row in found)


async def steps(session: AsyncSession) -> tuple[str, ...]:
    """Return the steps that were posted lately, by name."""
    return tuple(sorted((await session.execute(_STEPS)).scalars()))


def _whole(rows: Iterable[RowMapping]) -> tuple[BookTransaction, ...]:
    made = []
    for _, group in groupby(rows, key=lambda row: row["transaction"]):
        lines = list(group)
        first = lines[0]
        made.append(
            BookTransaction(
                first["transaction"], first["key"], first["what"], first["card_id"], first["cause"], first["at"],
                first["effective_on"], first["late_for"], first["reverses_id"] or 0, first["reversed_by"] or 0,
                tuple(_line(row) for row in lines),
            )
        )  # fmt: skip
    return tuple(made)


def _line(row: RowMapping) -> BookLine:
    return BookLine(
        row["id"], row["transaction"], row["key"], row["what"], row["card_id"], row["cause"], row["at"], row["effective_on"],
        row["late_for"], row["amount_minor"], Currency(row["currency"]), row["code"], row["reverses"],
    )  # fmt: skip
