"""Foreign money that was exchanged: off the account that kept it, CNY onto it, and through the position with what was realised; one that was taken back left nothing."""

from __future__ import annotations

from database.invariants.source import Source

EXCHANGES = Source(
    "exchange",
    """
SELECT x.id, line.code, line.currency, line.minor
FROM fx_exchange x CROSS JOIN LATERAL (VALUES
    (x.account, x.currency, -x.sold_minor),
    (x.account, 'CNY', x.arrived_minor),
    ('fx_position', x.currency, x.sold_minor),
    ('fx_position', 'CNY', x.difference_minor - x.arrived_minor),
    ('fx_difference', 'CNY', -x.difference_minor)
) AS line (code, currency, minor)
WHERE x.posted_at IS NOT NULL AND x.reversed_at IS NULL
""",
)
