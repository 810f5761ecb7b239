"""Tax withheld from payment orders: kept of what is owed to the seller, until the order is refused."""

from __future__ import annotations

from database.invariants.source import Source

WITHHOLDING = Source(
    "withholding",
    """
SELECT w.key, line.code, w.currency, line.sign * w.tax_minor
FROM tax_withholding w CROSS JOIN LATERAL (VALUES ('seller_payable:' || w.owner, 1), ('tax_withheld', -1)) AS line (code, sign)
WHERE w.given_back_at IS NULL
""",
    of_the_seller=True,
)
