"""Payment orders of cards: owed until prepared, in flight until settled, gone from the rail when paid, owed again when refused; less what is offset, and what came back in parts."""

from __future__ import annotations

from database.invariants.source import Source

PAYOUTS = Source(
    "payout",
    """
SELECT p.key, line.code, p.currency, line.minor
FROM payout p JOIN card c ON c.id = p.card_id JOIN submission s ON s.id = c.submission_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(r.amount_minor), 0) AS minor FROM part_return r WHERE r.key = p.key AND r.agreed_at IS NOT NULL) AS back
CROSS JOIN LATERAL (VALUES
    ('seller_payable:' || s.owner, p.amount_minor + p.offset_minor - back.minor),
    ('seller_receivable:' || s.owner, -p.offset_minor),
    (CASE WHEN p.state = 'paid' THEN 'cash:' ELSE 'in_flight:' END || p.rail, back.minor - p.amount_minor)
) AS line (code, minor)
WHERE p.state <> 'refused'
""",
    of_the_seller=True,
)
