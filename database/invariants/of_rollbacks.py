"""Claims for cards that were no good: owed by the seller until offset or given up, the card's cost is gone, or the second payment is.

A dropped claim left nothing but what had been offset before, which is owed to the seller again.
"""

from __future__ import annotations

from database.invariants.source import Source

ROLLBACKS = Source(
    "rollback",
    """
SELECT r.id, line.code, r.currency, line.minor
FROM rollback r LEFT JOIN payout p ON p.key = r.order_key
CROSS JOIN LATERAL (SELECT CASE WHEN r.reversed THEN 0 ELSE 1 END AS stands) AS claim
CROSS JOIN LATERAL (VALUES
    ('seller_receivable:' || r.owner, r.amount_minor - r.given_up_minor),
    ('seller_payable:' || r.owner, (claim.stands - 1) * (r.amount_minor - r.given_up_minor)),
    ('write_off', claim.stands * (r.price_minor - r.amount_minor + r.given_up_minor)),
    (CASE WHEN r.order_key IS NOT NULL THEN 'cash:' || p.rail WHEN r.in_stock THEN 'inventory' ELSE 'cost_of_sales' END, -claim.stands * r.price_minor)
) AS line (code, minor)
WHERE r.state IN ('claimed', 'settled', 'written_off', 'dropped')
""",
)
