"""Payment orders of cards: owed until prepared, in flight until settled, gone from the rail when paid, owed again when refused; less what is offset."""

from __future__ import annotations

from database.invariants.source import Source

PAYOUTS = Source(
    "payout",
    """
SELECT p.key, line.code, p.currency, line.minor
FROM payout p JOIN card c ON c.id = p.card_id JOIN submission s ON s.id = c.submission_id
CROSS JOIN LATERAL (VALUES
    ('seller_payable:' || s.owner, p.amount_minor + p.offset_minor),
    ('seller_receivable:' || s.owner, -p.offset_minor),
    (CASE WHEN p.state = 'paid' THEN 'cash:' ELSE 'in_flight:' END || p.rail, -p.amount_minor)
) AS line (code, minor)
WHERE p.state <> 'refused'
""",
    of_the_seller=True,
)
