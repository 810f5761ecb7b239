"""Sellers' payments for claims: our cash, and less that they owe or that was written off; one that was taken back left nothing.

Those that came out of suspense are posted by what two people said there.
"""

from __future__ import annotations

from database.invariants.source import Source

CLAIM_RECEIPTS = Source(
    "claim_receipt",
    """
SELECT c.id, posted.code, c.currency, posted.minor
FROM claim_receipt c JOIN rollback r ON r.id = c.claim_id
CROSS JOIN LATERAL (VALUES
    ('cash:' || c.rail, c.amount_minor),
    ('seller_receivable:' || r.owner, c.recovered_minor - c.amount_minor),
    ('write_off', -c.recovered_minor)
) AS posted (code, minor)
WHERE c.reversed_at IS NULL AND c.clearing_id IS NULL
""",
)
