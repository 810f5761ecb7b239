"""Claims for cards that were no good: owed by the seller until offset, given up or dropped; the card's cost is gone."""

from __future__ import annotations

from database.invariants.source import Source

ROLLBACKS = Source(
    "rollback",
    """
SELECT r.id, line.code, r.currency, line.minor
FROM rollback r
CROSS JOIN LATERAL (
    SELECT r.amount_minor - coalesce(sum(o.amount_minor) FILTER (WHERE o.undone_at IS NULL), 0) AS minor
    FROM rollback_offset o WHERE o.rollback_id = r.id
) AS rest
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.state IN ('written_off', 'dropped') THEN rest.minor ELSE 0 END AS minor
) AS lost
CROSS JOIN LATERAL (VALUES
    ('seller_receivable:' || r.owner, r.amount_minor - lost.minor),
    ('write_off', r.price_minor - r.amount_minor + lost.minor),
    (CASE WHEN r.in_stock THEN 'inventory' ELSE 'cost_of_sales' END, -r.price_minor)
) AS line (code, minor)
WHERE r.state IN ('claimed', 'settled', 'written_off', 'dropped')
""",
)
