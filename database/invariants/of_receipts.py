"""Payments that arrived: our cash, and what buyers owed or paid in advance, or what a provider held for us, less what it kept for what it was owed back; where CNY came for foreign money, through the position. One that was taken back left nothing."""

from __future__ import annotations

from database.invariants.of_debts import RESTORED
from database.invariants.source import Source

RECEIPTS = Source(
    "receipt",
    f"""
SELECT r.id, posted.code, posted.currency, posted.minor
FROM (SELECT *, arrived_currency <> currency AS exchanged FROM buyer_receipt) r
CROSS JOIN LATERAL (VALUES
    ('cash:' || r.rail, r.arrived_currency, r.arrived_minor),
    (CASE r.received_for WHEN 'deposit' THEN 'buyer_deposit:' WHEN 'commission' THEN 'split_account:' WHEN 'partner' THEN 'partner_receivable:' ELSE 'buyer_receivable:' END
     || r.buyer, r.currency, -r.owed_minor),
    ('provider_payable:' || r.buyer, 'CNY', CASE r.received_for WHEN 'commission' THEN r.owed_minor - r.arrived_minor ELSE 0 END),
    ('fx_position', r.arrived_currency, CASE WHEN r.exchanged THEN r.difference_minor - r.arrived_minor ELSE 0 END),
    ('fx_position', r.currency, CASE WHEN r.exchanged THEN r.owed_minor ELSE 0 END),
    ('fx_difference', 'CNY', -r.difference_minor)
) AS posted (code, currency, minor)
WHERE r.reversed_at IS NULL
UNION ALL
SELECT split_part(d.posted_key, ':', 2), posted.code, posted.currency, posted.minor
FROM debt_recovery d CROSS JOIN LATERAL (VALUES {RESTORED}) AS posted (code, currency, minor)
WHERE starts_with(d.posted_key, 'receipt:') AND EXISTS (
    SELECT FROM buyer_receipt r WHERE r.id = split_part(d.posted_key, ':', 2) AND r.reversed_at IS NULL)
""",  # noqa: S608  # A constant of ours is put in.
)
