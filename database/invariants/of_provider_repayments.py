"""What was paid back to licensed providers: once two people said so, out of our cash."""

from __future__ import annotations

from database.invariants.source import Source

PROVIDER_REPAYMENTS = Source(
    "provider_repaid",
    """
SELECT p.id, line.code, 'CNY', line.minor
FROM provider_repayment p
CROSS JOIN LATERAL (VALUES ('provider_payable:' || p.provider, p.amount_minor), ('cash:' || p.rail, -p.amount_minor)) AS line (code, minor)
WHERE p.confirmed_at IS NOT NULL
""",
)
