"""What money in suspense was said to be: out of suspense, and onto the account that it belongs to; nothing once it is reversed."""

from __future__ import annotations

from database.invariants.source import Source

SUSPENSE = Source(
    "suspense",
    """
SELECT c.id, account.code, c.currency, account.sign * CASE WHEN c.came_in THEN c.amount_minor ELSE -c.amount_minor END
FROM suspense_clearing c
CROSS JOIN LATERAL (VALUES ('suspense:' || c.rail, 1), (
    CASE c.cleared_as WHEN 'buyer' THEN 'buyer_receivable:buyer:' || c.buyer WHEN 'deposit' THEN 'buyer_deposit:buyer:' || c.buyer
                      WHEN 'issuer' THEN 'issuer_payable' WHEN 'capital' THEN 'capital'
                      WHEN 'interest' THEN 'interest:' || c.rail ELSE 'rail_fee:' || c.rail END, -1)) AS account (code, sign)
WHERE c.agreed_at IS NOT NULL AND c.reversed_at IS NULL AND c.cleared_as <> 'returned'
""",
)
