"""Tax withheld: kept from what is owed to the seller, until its order is refused."""

from __future__ import annotations

from database.invariants.source import Source

TAX = Source(
    "withholding",
    """
SELECT t.key, line.code, t.currency, line.sign * t.tax_minor
FROM tax_withholding t CROSS JOIN LATERAL (VALUES ('seller_payable:' || t.owner, 1), ('tax_withheld', -1)) AS line (code, sign)
WHERE t.given_back_at IS NULL
""",
    of_the_seller=True,
    page="/tax",
)
