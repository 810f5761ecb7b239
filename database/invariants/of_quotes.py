"""Accepted quotes: the card is ours, its price is owed to who submitted it."""

from __future__ import annotations

from database.invariants.source import Source

QUOTES = Source(
    "quote",
    """
SELECT q.id, line.code, q.currency, line.sign * q.amount_minor
FROM quote q JOIN card c ON c.id = q.card_id JOIN submission s ON s.id = c.submission_id
CROSS JOIN LATERAL (VALUES ('inventory', 1), ('seller_payable:' || s.owner, -1)) AS line (code, sign)
WHERE q.state = 'accepted'
""",
    of_the_seller=True,
)
