"""What money in suspense was said to be: out of suspense, and onto the account that it belongs to; nothing once it is reversed."""

from __future__ import annotations

from database.invariants.of_debts import RESTORED
from database.invariants.source import Source

SUSPENSE = Source(
    "suspense",
    f"""
SELECT c.id, account.code, c.currency, account.sign * CASE WHEN c.came_in THEN c.amount_minor ELSE -c.amount_minor END
FROM suspense_clearing c
CROSS JOIN LATERAL (VALUES ('suspense:' || c.rail, 1), (
    CASE WHEN c.cleared_as IN ('buyer', 'called_back') THEN 'buyer_receivable:buyer:' || c.buyer
         WHEN c.cleared_as IN ('deposit', 'refund') THEN 'buyer_deposit:buyer:' || c.buyer
         WHEN c.cleared_as IN ('partner', 'overpaid') THEN 'partner_receivable:' || c.buyer
         ELSE CASE c.cleared_as
                      WHEN 'issuer' THEN 'issuer_payable' WHEN 'capital' THEN 'capital'
                      WHEN 'interest' THEN 'interest:' || c.rail ELSE 'rail_fee:' || c.rail END END, -1)) AS account (code, sign)
WHERE c.agreed_at IS NOT NULL AND c.reversed_at IS NULL AND c.cleared_as NOT IN ('returned', 'claim')
UNION ALL
SELECT split_part(d.posted_key, ':', 2), posted.code, posted.currency, posted.minor
FROM debt_recovery d CROSS JOIN LATERAL (VALUES {RESTORED}) AS posted (code, currency, minor)
WHERE starts_with(d.posted_key, 'suspense:') AND EXISTS (
    SELECT FROM suspense_clearing c WHERE c.id = split_part(d.posted_key, ':', 2) AND c.reversed_at IS NULL)
UNION ALL
SELECT c.id, posted.code, c.currency, posted.minor
FROM suspense_clearing c JOIN claim_receipt p ON p.clearing_id = c.id JOIN rollback r ON r.id = p.claim_id
CROSS JOIN LATERAL (VALUES
    ('suspense:' || c.rail, c.amount_minor),
    ('seller_receivable:' || r.owner, p.recovered_minor - c.amount_minor),
    ('write_off', -p.recovered_minor)
) AS posted (code, minor)
WHERE c.agreed_at IS NOT NULL AND c.reversed_at IS NULL AND p.reversed_at IS NULL
""",  # noqa: S608  # A constant of ours is put in.
)
