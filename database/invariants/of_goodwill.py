"""Orders of goodwill payments: an expense from the moment that they are prepared, until they are refused."""

from __future__ import annotations

from database.invariants.source import Source

GOODWILL = Source(
    "goodwill",
    """
SELECT o.goodwill_id, line.code, o.currency, line.sign * o.amount_minor
FROM goodwill_order o
CROSS JOIN LATERAL (VALUES
    ('goodwill', 1), (CASE WHEN o.state = 'paid' THEN 'cash:' ELSE 'in_flight:' END || o.rail, -1)
) AS line (code, sign)
WHERE o.state <> 'refused'
""",
)
