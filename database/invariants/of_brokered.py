"""A licensed provider's payments to the sellers of brokered cards: once two people said so, paid out of its split account."""

from __future__ import annotations

from database.invariants.source import Source

BROKERED = Source(
    "brokered",
    """
SELECT p.id, line.code, p.currency, line.minor
FROM brokered_payment p
JOIN sale_split s ON s.sale_id = p.sale_id AND s.part = 'seller'
CROSS JOIN LATERAL (VALUES (s.account, s.amount_minor), ('split_account:' || p.provider, -s.amount_minor)) AS line (code, minor)
WHERE p.confirmed_at IS NOT NULL
""",
)
