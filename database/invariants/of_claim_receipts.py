"""Sellers' payments for claims: our cash, and less that they owe; one that was taken back left nothing."""

from __future__ import annotations

from database.invariants.source import Source

CLAIM_RECEIPTS = Source(
    "claim_receipt",
    """
SELECT c.id, posted.code, c.currency, posted.minor
FROM claim_receipt c JOIN rollback r ON r.id = c.claim_id
CROSS JOIN LATERAL (VALUES
    ('cash:' || c.rail, c.amount_minor),
    ('seller_receivable:' || r.owner, -c.amount_minor)
) AS posted (code, minor)
WHERE c.reversed_at IS NULL
""",
)
