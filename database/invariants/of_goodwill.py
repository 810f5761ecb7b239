"""Orders of goodwill payments: an expense, or owed to the seller no more, from when they are prepared until they are refused."""

from __future__ import annotations

from database.invariants.source import Source

GOODWILL = Source(
    "goodwill",
    """
SELECT o.goodwill_id, line.code, o.currency, line.sign * o.amount_minor
FROM goodwill_order o JOIN goodwill g ON g.id = o.goodwill_id
CROSS JOIN LATERAL (VALUES
    (CASE WHEN coalesce(g.claim_id, g.part_id) IS NULL THEN 'goodwill' ELSE 'seller_payable:' || g.owner END, 1),
    (CASE WHEN o.state = 'paid' THEN 'cash:' ELSE 'in_flight:' END || o.rail, -1)
) AS line (code, sign)
WHERE o.state <> 'refused'
""",
)
