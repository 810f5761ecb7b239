"""Read suspense: each entry with its uncleared amount, its age, and who put it there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.suspense import ReversalRow, SuspenseClearingRow
from domain.finance.rails import Rail
from domain.finance.reversals import ReversalOf
from domain.money import Currency, Money

PAGE, HISTORY = 200, 50
# An entry that was reversed no longer counts, nor does its reversal; a clearing's own entry is no money that came or went.
_STANDS = """
SELECT e.id, split_part(a.code, ':', 2) AS rail, e.amount_minor, e.currency, e.at, t.id AS transaction_id, t.key, t.cause,
       abs(e.amount_minor) - known.agreed AS stands_minor, known.proposed AS proposed_minor, b.id AS break_id,
       coalesce(nullif(l.key, ''), l.reference, '') AS named,
       coalesce(l.day, t.effective_on) AS moved_on, coalesce(l.reference, '') AS reference, p.name AS by
FROM account a
JOIN entry e ON e.account_id = a.id
JOIN ledger_transaction t ON t.id = e.transaction_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(c.amount_minor) FILTER (WHERE c.agreed_at IS NOT NULL), 0) AS agreed,
           coalesce(sum(c.amount_minor) FILTER (WHERE c.agreed_at IS NULL), 0) AS proposed
    FROM suspense_clearing c
    WHERE (c.entry_id = e.id OR c.other_entry_id = e.id) AND c.declined_at IS NULL AND c.reversed_at IS NULL) AS known
LEFT JOIN statement_break b ON b.posted_key = t.key AND b.posted_key <> ''
LEFT JOIN statement_line l ON l.id = b.line_id
LEFT JOIN person p ON p.id = b.decided_by
WHERE a.code LIKE 'suspense:%' AND t.reverses IS NULL AND t.cause NOT LIKE 'suspense:%'
  AND NOT EXISTS (SELECT FROM ledger_transaction r WHERE r.reverses = t.id)
"""
_ALL = text(f"""
{_STANDS} AND abs(e.amount_minor) > known.agreed AND (CAST(:rail AS varchar) IS NULL OR a.code = 'suspense:' || CAST(:rail AS varchar))
ORDER BY e.at, e.id LIMIT :most
""")  # A statement of ours.
_ONE = text(f"{_STANDS} AND e.id = :entry")  # A statement of ours.
_SUM = text(f"""
SELECT count(*) AS many, coalesce(sum(stands_minor), 0) AS minor, min(at) AS since
FROM ({_STANDS} AND abs(e.amount_minor) > known.agreed AND (CAST(:rail AS varchar) IS NULL OR a.code = 'suspense:' || CAST(:rail AS varchar))
      AND e.currency = 'CNY') AS standing
""")  # noqa: S608  # A statement of ours.
_CLEARED = text("""
SELECT EXISTS (
    SELECT FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id
    JOIN suspense_clearing c ON c.entry_id = e.id OR c.other_entry_id = e.id
    WHERE t.key = :key AND c.declined_at IS NULL AND c.reversed_at IS NULL)
""")


@dataclass(frozen=True)
class InSuspense:
    """An entry in suspense. `stands` is what of it is not cleared, `free` the part of that without a proposed clearing; positive.

    `by` is who decided that it goes there; empty where the rules or another posting did. `named`: what its line names.
    """

    entry_id: int
    rail: Rail
    came_in: bool
    amount: Money
    stands: Money
    free: Money
    at: datetime
    transaction_id: int
    cause: str
    break_id: str
    named: str
    by: str
    moved_on: date  # The day of its line; without one, the day for which it was posted.
    reference: str  # The provider's, as on its line.


@dataclass(frozen=True)
class SuspenseTotal:
    """The total of suspense: how many entries, their sum without signs (CNY), and since when the oldest."""

    many: int
    total: Money
    since: datetime | None


async def standing(session: AsyncSession, rail: Rail | None = None) -> tuple[InSuspense, ...]:
    """Return the entries in suspense, the oldest first."""
    rows = await session.execute(_ALL, {"rail": None if rail is None else rail.value, "most": PAGE})
    return tuple(_read(row) for row in rows)


async def entry(session: AsyncSession, entry_id: int) -> InSuspense | None:
    """Return an entry in suspense, also one that is fully cleared; None for any other."""
    row = (await session.execute(_ONE, {"entry": entry_id})).one_or_none()
    return None if row is None else _read(row)


async def sum_of(session: AsyncSession, rail: Rail | None = None) -> SuspenseTotal:
    """Return the total in suspense of a rail, or of all rails, at this moment."""
    row = (await session.execute(_SUM, {"rail": None if rail is None else rail.value})).one()
    return SuspenseTotal(int(row.many), Money(int(row.minor)), row.since)


async def is_cleared(session: AsyncSession, posted_key: str) -> bool:
    """Return whether something that was posted under a key was cleared out of suspense, or is proposed to be."""
    return bool((await session.execute(_CLEARED, {"key": posted_key})).scalar_one())


async def clearings(session: AsyncSession) -> tuple[SuspenseClearingRow, ...]:
    """Return the newest clearings that were not declined, those that wait for a second person first."""
    found = (
        select(SuspenseClearingRow)
        .where(SuspenseClearingRow.declined_at.is_(None))
        .order_by(SuspenseClearingRow.agreed_at.is_not(None), SuspenseClearingRow.id.desc())
        .limit(HISTORY)
    )
    return tuple((await session.execute(found)).scalars())


async def reversals(session: AsyncSession, of: ReversalOf, subjects: tuple[str, ...]) -> tuple[ReversalRow, ...]:
    """Return requests to reverse decisions on these subjects that were not declined, the newest first."""
    found = (
        select(ReversalRow)
        .where(ReversalRow.of == of, ReversalRow.subject.in_(subjects), ReversalRow.declined_at.is_(None))
        .order_by(ReversalRow.id.desc())
    )
    return tuple((await session.execute(found)).scalars())


async def reversals_waiting(session: AsyncSession) -> tuple[ReversalRow, ...]:
    """Return the requests that wait for a second person, the oldest first."""
    waits = (ReversalRow.agreed_at.is_(None), ReversalRow.declined_at.is_(None))
    return tuple((await session.execute(select(ReversalRow).where(*waits).order_by(ReversalRow.id))).scalars())


def _read(row: object) -> InSuspense:
    one = row._mapping  # type: ignore[attr-defined]
    currency = Currency(one["currency"])
    return InSuspense(
        one["id"], Rail(one["rail"]), one["amount_minor"] < 0, Money(abs(one["amount_minor"]), currency),
        Money(int(one["stands_minor"]), currency), Money(int(one["stands_minor"] - one["proposed_minor"]), currency), one["at"],
        one["transaction_id"], one["cause"], one["break_id"] or "", one["named"], one["by"] or "",
        one["moved_on"], one["reference"],
    )  # fmt: skip
