"""Matching of open lines with what our books expect, in whole sets: by key, by reference, by amount and day."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, Date, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.orders import ORDER_TABLES
from domain.finance.breaks import BreakKind
from domain.finance.statements import LineKind, StatementSource
from domain.money import Currency
from domain.rules.reconciliation import FeeHandling, SourceRules

# What makes an expectation free to be matched.
FREE = """
x.line_id IS NULL AND x.break_id IS NULL AND x.cancelled_by IS NULL AND NOT EXISTS (SELECT FROM statement_line o WHERE o.entry_id = x.entry_id)
"""
# The business day on which an expectation was posted, which for what was written down later is after its own.
BOOKED = "CAST(x.at AT TIME ZONE 'Asia/Shanghai' AS date)"
BACKDATED_DAYS = 92  # What was posted is dated back by no more.
# Each line gets the first free expectation that it names, each expectation the first line that names it.
_NAMED = """
WITH found AS (
    SELECT l.id, x.entry_id, row_number() OVER (PARTITION BY l.id ORDER BY x.entry_id) AS of_line,
           row_number() OVER (PARTITION BY x.entry_id ORDER BY l.at, l.number, l.id) AS of_entry
    FROM statement_line l JOIN expectation x
      ON x.source = l.source AND x.{column} = l.{column} AND x.amount_minor = l.amount_minor AND x.currency = l.currency
         AND x.account IN ('', l.account)
    WHERE l.source = CAST(:source AS varchar) AND l.state = 'open' AND l.{column} <> '' AND {free})
UPDATE statement_line l SET state = 'auto', entry_id = found.entry_id
FROM found WHERE found.id = l.id AND of_line = 1 AND of_entry = 1
"""
_BY_KEY = text(_NAMED.format(column="key", free=FREE))
_BY_REFERENCE = text(_NAMED.format(column="reference", free=FREE))
# What a line without a key and an expectation have in common, besides the same amount or one within the tolerance.
_NEARBY = """
x.source = l.source AND x.day BETWEEN l.day - CAST(:window AS int) AND l.day + CAST(:window AS int)
AND x.currency = l.currency AND x.account IN ('', l.account)
"""
_SAME_AMOUNT = f"{_NEARBY} AND x.amount_minor = l.amount_minor"
_NEAR_AMOUNT = f"""
{_NEARBY} AND x.amount_minor BETWEEN l.amount_minor - CAST(:tolerance AS bigint) AND l.amount_minor + CAST(:tolerance AS bigint)
AND sign(x.amount_minor) = sign(l.amount_minor)
"""
_WITHOUT_KEY = """
l.source = CAST(:source AS varchar) AND l.state = 'open' AND l.key = '' AND l.kind <> ALL(CAST(:never AS varchar[]))
"""


def _with_one_expectation(alike: str) -> str:
    """Return `found`: lines without a key, each with the only expectation that is so alike.

    A second one is enough to know that there is none such, however many thousand of one amount a day has.
    """
    return f"""
WITH found AS (
    SELECT l.id, one.entry_id FROM statement_line l
    CROSS JOIN LATERAL (
        SELECT min(few.entry_id) AS entry_id, count(*) AS many
        FROM (SELECT x.entry_id FROM expectation x WHERE {alike} AND {FREE} ORDER BY x.day LIMIT 2) AS few) AS one
    WHERE {_WITHOUT_KEY} AND one.many = 1)
"""  # noqa: S608  # Conditions of ours.


def _of_one_line(alike: str) -> str:
    """Return the condition that an expectation `x` has one line without a key that is so alike."""
    return f"""
(SELECT count(*) FROM (
    SELECT FROM statement_line l WHERE {_WITHOUT_KEY} AND {alike} ORDER BY l.day LIMIT 2) AS lines) = 1
"""  # noqa: S608  # Conditions of ours.


# Without a key: the only line and the only expectation of that amount within the window.
_BY_AMOUNT = text(f"""
{_with_one_expectation(_SAME_AMOUNT)}
UPDATE statement_line u SET state = 'auto', entry_id = found.entry_id
FROM found JOIN expectation x ON x.entry_id = found.entry_id
WHERE u.id = found.id AND {_of_one_line(_SAME_AMOUNT)}
""")  # noqa: S608  # Conditions of ours.
# The same for amounts that differ by no more than the tolerance: each is the only one that is so near to the other, neither has
# a break, and no open line names the order.
_NEAR = text(f"""
{_with_one_expectation(_NEAR_AMOUNT)}
SELECT u.id AS line, u.kind, u.account, u.day, u.at, u.amount_minor, u.currency, x.entry_id, x.amount_minor AS ours_minor,
       x.currency AS ours_currency, x.card_id
FROM found JOIN expectation x ON x.entry_id = found.entry_id JOIN statement_line u ON u.id = found.id
WHERE {_of_one_line(_NEAR_AMOUNT)}
  AND NOT EXISTS (SELECT FROM statement_break b WHERE b.state <> 'closed' AND b.line_id = u.id)
  AND NOT EXISTS (SELECT FROM statement_break b WHERE b.state <> 'closed' AND b.entry_id = x.entry_id)
  AND NOT EXISTS (SELECT FROM statement_line k WHERE k.source = u.source AND k.state = 'open' AND k.key <> '' AND k.key = x.key)
ORDER BY u.at, u.id LIMIT :most
""")  # noqa: S608  # Conditions of ours.
# What our books have of the transfers of the batch whose number a bank's line has.
_OF_BATCH = """
FROM bank_batch b JOIN bank_line m ON m.batch_id = b.id
JOIN expectation x ON x.source = 'bank' AND x.key = m.key
WHERE b.number = l.key AND l.source = 'bank' AND sign(x.amount_minor) = sign(l.amount_minor)
"""
# A bank may book one debit for a whole batch, by its number: it settles those transfers that are still free.
_MEMBERS = f"{_OF_BATCH} AND x.currency = l.currency AND x.account IN ('', l.account) AND {FREE}"
# Whether another line settles transfers of the batch that a line names.
_BATCH_TAKEN = f"""
EXISTS (SELECT {_OF_BATCH}
        AND (x.line_id IS NOT NULL OR EXISTS (SELECT FROM statement_line o WHERE o.entry_id = x.entry_id)))
"""  # noqa: S608  # A condition of ours.
# The first line whose amount is that of them all; they are marked as those that it lists.
_BY_BATCH = text(f"""
WITH named AS (
    SELECT l.id, row_number() OVER (PARTITION BY l.key ORDER BY l.at, l.number, l.id) AS place
    FROM statement_line l
    WHERE l.source = CAST(:source AS varchar) AND l.state = 'open' AND l.amount_minor = (SELECT sum(x.amount_minor) {_MEMBERS})
), listed AS (
    UPDATE expectation e SET line_id = of_line.id
    FROM (SELECT named.id, one.entry_id FROM named JOIN statement_line l ON l.id = named.id
          CROSS JOIN LATERAL (SELECT x.entry_id {_MEMBERS}) AS one WHERE named.place = 1) AS of_line
    WHERE e.entry_id = of_line.entry_id
)
UPDATE statement_line u SET state = 'auto' FROM named WHERE named.id = u.id AND named.place = 1
""")  # noqa: S608  # Conditions of ours.
_LISTED = text(f"""
SELECT one.entry_id, one.amount_minor FROM statement_line l
CROSS JOIN LATERAL (SELECT x.entry_id, x.amount_minor {_MEMBERS}) AS one WHERE l.id = :line ORDER BY one.entry_id
""")  # noqa: S608  # Conditions of ours.
# The other half of an adjustment that was posted for a line without an expectation of its own, and was not reversed since.
_ADJUSTED = text("""
UPDATE statement_line l SET state = 'auto', entry_id = x.entry_id
FROM expectation x WHERE x.line_id = l.id AND l.source = CAST(:source AS varchar) AND l.state = 'open' AND x.amount_minor = l.amount_minor
  AND NOT EXISTS (SELECT FROM entry e JOIN ledger_transaction t ON t.id = e.transaction_id
                  LEFT JOIN ledger_transaction r ON r.reverses = t.id
                  WHERE e.id = x.entry_id AND (r.id IS NOT NULL OR t.reverses IS NOT NULL))
""")
_ORDERED = " UNION ALL ".join(
    f"SELECT key, rail, state, amount_minor, settled_at FROM {table.__tablename__}"  # noqa: S608  # Our own table.
    for table in ORDER_TABLES.values()
)
# What WeChat Pay's bill shows of a transfer that is not over, or whose money is on its way back, is no break yet.
_NOT_OVER = f"""
l.source = 'wechat' AND l.kind IN ('transfer', 'other', 'returned') AND EXISTS (
    SELECT FROM ({_ORDERED}) AS o
    WHERE o.key = l.key AND o.rail = l.source AND o.amount_minor = abs(l.amount_minor)
      AND (o.state IN ('prepared', 'unknown') OR o.state = 'refused' AND l.amount_minor < 0 AND o.settled_at > now() - interval '3 days'))
"""  # Names of our own tables.
# What left under the key of a refused order and came back, of which our books have nothing: each line with the other.
_CAME_BACK = text(f"""
SELECT went, back FROM (
    SELECT d.id AS went, r.id AS back, row_number() OVER (PARTITION BY d.id ORDER BY r.at, r.id) AS of_went,
           row_number() OVER (PARTITION BY r.id ORDER BY d.at, d.id) AS of_back
    FROM statement_line d
    JOIN statement_line r ON r.source = d.source AND r.account = d.account AND r.key = d.key AND r.currency = d.currency
         AND r.amount_minor = -d.amount_minor AND r.state = 'open' AND r.kind = 'returned' AND r.day >= d.day
    JOIN ({_ORDERED}) AS o ON o.key = d.key AND o.rail = d.source AND o.amount_minor = r.amount_minor AND o.state = 'refused'
    WHERE d.source = CAST(:source AS varchar) AND d.state = 'open' AND d.key <> '' AND d.kind IN ('transfer', 'other')
      AND NOT EXISTS (SELECT FROM expectation x WHERE x.source = d.source AND x.key = d.key)
      AND NOT EXISTS (SELECT FROM statement_break b WHERE b.line_id IN (d.id, r.id) AND b.state NOT IN ('open', 'closed'))
) AS pair WHERE of_went = 1 AND of_back = 1 ORDER BY went LIMIT :most
""")  # noqa: S608  # Names of our own tables.
_NEW_BREAKS = text(f"""
SELECT l.id AS line, l.kind, l.account, l.day, l.at, l.amount_minor, l.currency,
       x.entry_id, x.amount_minor AS ours_minor, x.currency AS ours_currency, x.card_id, other.entry_id AS taken, other.amount_minor AS taken_minor,
       other.currency AS taken_currency, (SELECT sum(x.amount_minor) {_MEMBERS}) AS batch_minor,
       {_BATCH_TAKEN} AS batch_taken
FROM statement_line l
LEFT JOIN LATERAL (
    SELECT x.entry_id, x.amount_minor, x.currency, x.card_id FROM expectation x
    WHERE l.key <> '' AND x.source = l.source AND x.key = l.key AND sign(x.amount_minor) = sign(l.amount_minor)
      AND l.kind <> CAST(:fee AS varchar) AND x.account IN ('', l.account) AND {FREE}
      AND NOT EXISTS (SELECT FROM statement_break b WHERE b.entry_id = x.entry_id AND b.state <> 'closed')
    ORDER BY x.entry_id LIMIT 1) AS x ON true
LEFT JOIN LATERAL (
    SELECT y.entry_id, y.amount_minor, y.currency FROM expectation y
    WHERE x.entry_id IS NULL AND l.key <> '' AND y.source = l.source AND y.key = l.key
      AND sign(y.amount_minor) = sign(l.amount_minor) AND y.line_id IS NULL ORDER BY y.entry_id LIMIT 1) AS other ON true
WHERE l.source = CAST(:source AS varchar) AND l.state = 'open'
  AND NOT EXISTS (SELECT FROM statement_break b WHERE b.line_id = l.id AND b.state <> 'closed') AND NOT ({_NOT_OVER})
ORDER BY l.at, l.id LIMIT :most
""")  # noqa: S608  # Conditions of ours.
_NOT_THERE = text(f"""
SELECT x.entry_id, x.account, x.day, x.at, x.amount_minor, x.currency FROM expectation x
WHERE x.source = CAST(:source AS varchar) AND x.day BETWEEN :earliest AND :latest AND greatest(x.day, {BOOKED}) = ANY(:days)
  AND x.account IN ('', CAST(:account AS varchar)) AND x.currency = ANY(CAST(:currencies AS varchar[])) AND {FREE}
  AND NOT EXISTS (SELECT FROM statement_break b WHERE b.entry_id = x.entry_id AND b.state <> 'closed')
ORDER BY x.at, x.entry_id LIMIT :most
""").bindparams(bindparam("days", type_=ARRAY(Date)))  # noqa: S608  # Conditions of ours.
_OVER = text("""
SELECT b.id FROM statement_break b
LEFT JOIN statement_line l ON l.id = b.line_id
LEFT JOIN expectation x ON x.entry_id = b.entry_id
WHERE b.source = CAST(:source AS varchar) AND b.state <> 'closed'
  AND (l.state <> 'open'
       OR (b.line_id IS NULL AND (coalesce(x.line_id, x.break_id) IS NOT NULL OR x.cancelled_by IS NOT NULL
           OR EXISTS (SELECT FROM statement_line o WHERE o.entry_id = x.entry_id))))
ORDER BY b.id LIMIT :most
""")
# An order of unknown outcome, named by a line with its exact amount: it was paid, unless the money came back. A bill of
# WeChat Pay proves nothing: it shows a transfer that its receiver has not confirmed as one that arrived. The gateway is asked.
# A bank cannot be: what left and came back was paid, and its return is booked once the order has ended.
PROVED = """
UPDATE {table} p SET answered = 'paid', state = 'unknown', gateway_reference = coalesce(p.gateway_reference, l.reference)
FROM statement_line l
WHERE l.source = CAST(:source AS varchar) AND l.state = 'open' AND l.kind IN ('transfer', 'other') AND l.key = p.key AND p.rail = l.source
  AND l.amount_minor = -p.amount_minor AND l.currency = p.currency
  AND p.answered IS NULL AND p.settled_at IS NULL AND p.state IN ('prepared', 'unknown') AND l.source <> 'wechat'
  AND (l.source = 'bank' OR NOT EXISTS (
      SELECT FROM statement_line r WHERE r.source = l.source AND r.state = 'open' AND r.kind = 'returned' AND r.key = l.key))
RETURNING p.key, l.id AS line
"""
AT_ONCE = 2_000
_NEVER_BY_AMOUNT = [LineKind.FEE.value, LineKind.FUNDS.value]


@dataclass(frozen=True)
class FoundBreak:
    """A break to be written; amounts in minor units, `difference_minor` what the statement has more than our books."""

    kind: BreakKind
    account: str
    day: date
    since: datetime
    line_id: str | None
    entry_id: int | None
    amount_minor: int
    difference_minor: int
    currency: str
    ours_minor: int | None = None  # Of the free expectation that the line names with another amount.
    card_id: str | None = None


async def match(session: AsyncSession, source: StatementSource, rules: SourceRules) -> int:
    """Match the source's open lines; return how many."""
    given, total = {"source": source.value}, 0
    for statement in (_ADJUSTED, _BY_KEY, _BY_REFERENCE, _BY_BATCH):
        while done := (await session.execute(statement, given)).rowcount:  # type: ignore[attr-defined]
            total += done  # Of lines and expectations that are named twice, a pair at a time.
    by_amount = await session.execute(_BY_AMOUNT, {**given, "window": rules.window_days, "never": _NEVER_BY_AMOUNT})
    return int(total + by_amount.rowcount)  # type: ignore[attr-defined]


async def proved(session: AsyncSession, source: StatementSource) -> list[tuple[str, str]]:
    """Keep for orders of unknown outcome that a line says they were paid; return their keys with the lines."""
    found: list[tuple[str, str]] = []
    for table in ORDER_TABLES.values():
        rows = await session.execute(text(PROVED.format(table=table.__tablename__)), {"source": source.value})
        found += sorted((row.key, row.line) for row in rows)
    return found


async def came_back(session: AsyncSession, source: StatementSource) -> list[str]:
    """Return lines, in pairs, by which the money of refused orders left and came back; at most AT_ONCE pairs."""
    rows = await session.execute(_CAME_BACK, {"source": source.value, "most": AT_ONCE})
    return [line for row in rows for line in (row.went, row.back)]


async def new_breaks(session: AsyncSession, source: StatementSource, rules: SourceRules) -> list[FoundBreak]:
    """Return the breaks of open lines that have none yet, at most AT_ONCE, the oldest first."""
    given = {"source": source.value, "fee": LineKind.FEE.value, "most": AT_ONCE}
    return _each_entry_once(_judged(row, rules) for row in await session.execute(_NEW_BREAKS, given))


async def near(session: AsyncSession, source: StatementSource, rules: SourceRules) -> list[FoundBreak]:
    """Return the pairs of a line without a key and the only expectation whose amount differs by no more than the tolerance."""
    if not rules.tolerance_minor:
        return []
    given = {
        "source": source.value, "window": rules.window_days, "tolerance": rules.tolerance_minor, "never": _NEVER_BY_AMOUNT,
        "most": AT_ONCE,
    }  # fmt: skip
    return [_judged(row, rules) for row in await session.execute(_NEAR, given)]


async def not_there(
    session: AsyncSession, source: StatementSource, account: str, days: Sequence[date], currencies: Collection[Currency]
) -> list[FoundBreak]:
    """Return what our books have of these days and no statement has, without a break yet, at most AT_ONCE.

    Only what is in `currencies` is expected: those whose statements there are.
    What was posted later than on its own day is judged with the day of its posting: nobody could see it before.
    """
    if not days:
        return []
    span = {"earliest": min(days) - timedelta(days=BACKDATED_DAYS), "latest": max(days)}
    given = {
        "source": source.value,
        "account": account,
        "days": list(days),
        "most": AT_ONCE,
        **span,
        "currencies": sorted(currencies),
    }
    return [
        FoundBreak(
            BreakKind.MISSING_THERE, row.account, row.day, row.at, None, row.entry_id, row.amount_minor, -row.amount_minor,
            row.currency,
        )
        for row in await session.execute(_NOT_THERE, given)
    ]  # fmt: skip


async def listed(session: AsyncSession, line_id: str) -> dict[int, int]:
    """Return the free expectations of the batch that a line names, with their amounts in minor units; none for another line."""
    return {row.entry_id: row.amount_minor for row in await session.execute(_LISTED, {"line": line_id})}


async def over(session: AsyncSession, source: StatementSource) -> list[str]:
    """Return the open breaks whose other side came meanwhile, at most AT_ONCE."""
    return list((await session.execute(_OVER, {"source": source.value, "most": AT_ONCE})).scalars())


def _judged(row: Any, rules: SourceRules) -> FoundBreak:
    ours, entry = row.ours_minor, row.entry_id
    if row.kind == LineKind.FEE:
        alike = row.taken_minor is not None and row.taken_currency == row.currency
        agreed = rules.fee_of(row.taken_minor) if alike else 0  # A share of yuan is no charge in dollars.
        kind, difference, entry = BreakKind.FEE_DIFFERENCE, row.amount_minor + agreed, None
    elif entry is not None and row.currency != row.ours_currency:
        kind, difference = BreakKind.CURRENCY, row.amount_minor
    elif entry is not None:
        larger = abs(row.amount_minor) > abs(ours)
        kind, difference = (BreakKind.AMOUNT_OVER if larger else BreakKind.AMOUNT_UNDER), row.amount_minor - ours
        if larger and ours < 0 and rules.fees is FeeHandling.IN_AMOUNT:
            kind = BreakKind.FEE_DIFFERENCE
    elif row.batch_minor is not None:
        larger, difference = abs(row.amount_minor) > abs(row.batch_minor), row.amount_minor - int(row.batch_minor)
        kind = BreakKind.AMOUNT_OVER if larger else BreakKind.AMOUNT_UNDER
    elif row.taken is not None or row.batch_taken:  # A batch's second debit repeats many: it names none of them.
        kind, difference, entry = BreakKind.DUPLICATE, row.amount_minor, row.taken
    else:
        kind, difference = BreakKind.MISSING_HERE, row.amount_minor
    return FoundBreak(
        kind, row.account, row.day, row.at, row.line, entry, row.amount_minor, difference, row.currency, ours, row.card_id
    )  # fmt: skip


def _each_entry_once(found: Iterable[FoundBreak]) -> list[FoundBreak]:
    """Two lines that name one free expectation with other amounts: the second is judged when the first has its break."""
    seen: set[int] = set()
    kept = []
    for one in found:
        if one.entry_id is not None and one.kind is not BreakKind.DUPLICATE:
            if one.entry_id in seen:
                continue
            seen.add(one.entry_id)
        kept.append(one)
    return kept
