"""What our books expect to see on statements: one expectation for each entry of an account that statements are compared with.

It is read from the entries themselves, so that no posting of cash can be forgotten, whatever made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.matching import BACKDATED_DAYS, FREE
from database.repositories.orders import ORDER_TABLES
from domain.finance.statements import StatementSource
from domain.money import Money

AT_ONCE = 50_000
# No transaction of ours lasts longer: an entry older than this is there, or never will be.
SLACK = timedelta(minutes=30)
# The key of an order's step is `<order>:<step>`; that of an issuer's call
# `cost:issuer:<issuer>:<request>:…`. An adjustment for a
# line or a break is explained by what caused it. A payment of a buyer, or of a seller for a claim, one to a provider or of a deposit, and an exchange, is of the
# day on which it happened, however much later it was written down.
_FROM_BOOKS = text("""
INSERT INTO expectation (entry_id, source, account, key, reference, amount_minor, currency, at, day, cause, card_id,
                         line_id, break_id)
SELECT e.id, CAST(:source AS varchar),
       CASE WHEN t.key LIKE 'cost:issuer:%' THEN split_part(t.key, ':', 3) ELSE '' END,
       CASE WHEN t.key LIKE 'cost:issuer:%' THEN split_part(t.key, ':', 4) ELSE split_part(t.key, ':', 1) END,
       coalesce(p.gateway_reference, g.gateway_reference, s.gateway_reference, r.reference, c.reference, x.reference, v.reference, f.reference, ''), e.amount_minor, e.currency, e.at,
       CASE WHEN coalesce(r.id, c.id, x.id, v.id, f.id) IS NULL THEN CAST(e.at AT TIME ZONE 'Asia/Shanghai' AS date)
            ELSE greatest(coalesce(r.received_on, c.received_on, x.exchanged_on, v.paid_on, f.paid_on), CAST(e.at AT TIME ZONE 'Asia/Shanghai' AS date) - CAST(:back AS int)) END, t.cause, t.card_id,
       CASE WHEN t.cause LIKE 'line:%' THEN substr(t.cause, 6) END,
       CASE WHEN t.cause LIKE 'break:%' THEN substr(t.cause, 7) END
FROM account a
JOIN entry e ON e.account_id = a.id
JOIN ledger_transaction t ON t.id = e.transaction_id
LEFT JOIN payout p ON p.key = split_part(t.key, ':', 1)
LEFT JOIN goodwill_order g ON g.key = split_part(t.key, ':', 1)
LEFT JOIN settlement_order s ON s.key = split_part(t.key, ':', 1)
LEFT JOIN buyer_receipt r ON t.key = 'receipt:' || r.id
LEFT JOIN fx_exchange x ON t.key = 'exchange:' || x.id
LEFT JOIN provider_repayment v ON t.key = 'provider_repaid:' || v.id
LEFT JOIN deposit_refund f ON t.key = 'deposit_refunded:' || f.id
LEFT JOIN claim_receipt c ON t.key = 'claim_receipt:' || c.id
WHERE a.code = :code
  AND e.id > coalesce((SELECT entry_id FROM expectation WHERE source = CAST(:source AS varchar) AND at < now() - CAST(:slack AS interval)
                       ORDER BY entry_id DESC LIMIT 1), 0)
  AND NOT EXISTS (SELECT FROM expectation known WHERE known.entry_id = e.id)
ORDER BY e.id LIMIT :most
ON CONFLICT DO NOTHING
""")
# A payment of a seller or a buyer, or an exchange, that two people took back, or a second payment that was none: no statement shows it, nor that it was taken back. A line that it was matched
# with is another's money, and open again. Where a person has decided on a break of either, it stays.
_CANCELLED = text("""
WITH error (key) AS (
    SELECT 'claim_receipt:' || id FROM claim_receipt WHERE reversed_at IS NOT NULL
    UNION ALL SELECT 'receipt:' || id FROM buyer_receipt WHERE reversed_at IS NOT NULL
    UNION ALL SELECT 'exchange:' || id FROM fx_exchange WHERE reversed_at IS NOT NULL
    UNION ALL SELECT 'deposit_refunded:' || id FROM deposit_refund WHERE reversed_at IS NOT NULL
    UNION ALL SELECT order_key || ':' || 'rollback-' || id || ':' || 'claimed' FROM rollback WHERE order_key IS NOT NULL AND reversed
), pair AS (
    SELECT x.entry_id AS made, y.entry_id AS back
    FROM error
    JOIN ledger_transaction t ON t.key = error.key
    JOIN ledger_transaction r ON r.reverses = t.id
    JOIN entry e ON e.transaction_id = t.id
    JOIN entry f ON f.transaction_id = r.id AND f.account_id = e.account_id
    JOIN expectation x ON x.entry_id = e.id
    JOIN expectation y ON y.entry_id = f.id
    WHERE x.source = CAST(:source AS varchar) AND x.cancelled_by IS NULL
      AND coalesce(x.line_id, x.break_id, y.line_id, y.break_id) IS NULL
      AND NOT EXISTS (SELECT FROM statement_line o WHERE o.entry_id = y.entry_id
                      OR o.entry_id = x.entry_id AND o.amount_minor <> x.amount_minor)
), freed AS (
    UPDATE statement_line l SET state = 'open', entry_id = NULL FROM pair WHERE l.entry_id = pair.made
)
UPDATE expectation z SET cancelled_by = CASE z.entry_id WHEN pair.made THEN pair.back ELSE pair.made END
FROM pair WHERE z.entry_id IN (pair.made, pair.back)
""")
# Orders of unknown outcome, by the day on which they were last sent: a statement of that day may say that they were paid.
_UNKNOWN = " UNION ALL ".join(
    f"SELECT -amount_minor AS minor, coalesce(tried_at, prepared_at) AS at, rail, state, settled_at FROM {table.__tablename__}"  # noqa: S608
    for table in ORDER_TABLES.values()
)
_EXPECTED = text(f"""
SELECT count(*) AS many, coalesce(sum(minor), 0) AS minor FROM (
    SELECT x.amount_minor AS minor FROM expectation x
    WHERE x.source = CAST(:source AS varchar) AND x.day = CAST(:day AS date) AND x.currency = 'CNY' AND {FREE}
    UNION ALL
    SELECT o.minor FROM ({_UNKNOWN}) AS o
    WHERE o.rail = CAST(:source AS varchar) AND o.state = 'unknown' AND o.settled_at IS NULL
      AND CAST(o.at AT TIME ZONE 'Asia/Shanghai' AS date) = CAST(:day AS date)) AS expected
""")  # noqa: S608  # Conditions and names of ours.


@dataclass(frozen=True)
class Expected:
    """What our books expect of a day and no line of a statement has: how many movements, and their sum with its sign."""

    count: int
    total: Money


async def expected_on(session: AsyncSession, source: StatementSource, day: date) -> Expected:
    """Return what is expected of a day of a source in yuan, with its orders of unknown outcome."""
    row = (await session.execute(_EXPECTED, {"source": source.value, "day": day})).one()
    return Expected(row.many, Money(int(row.minor)))


async def from_books(session: AsyncSession, source: StatementSource) -> int:
    """Write the expectations of entries that have none yet, up to fifty thousand; return how many. Safe to repeat."""
    values = {
        "source": source.value, "code": source.own.code, "slack": SLACK,
        "most": AT_ONCE, "back": BACKDATED_DAYS,
    }  # fmt: skip
    done = await session.execute(_FROM_BOOKS, values)
    return int(done.rowcount)  # type: ignore[attr-defined]


async def all_from_books(session: AsyncSession, source: StatementSource) -> int:
    """Write the expectations of every entry that has none yet, and pair those that cancel each other; return how many were written."""
    total = 0
    while (done := await from_books(session, source)) > 0:
        total += done
        if done < AT_ONCE:
            break
    if total:
        await session.execute(_CANCELLED, {"source": source.value})
    return total
