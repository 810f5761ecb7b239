"""Debts of buyers and counterparties that were written off, foreign ones at what they were booked at; and refunds of deposits."""

from __future__ import annotations

from database.invariants.source import Source

# What a recovery (d) posts besides: the debt is there again, and so much less is lost.
RESTORED = """
    (d.account, d.currency, d.amount_minor), ('write_off', 'CNY', -d.value_minor),
    ('fx_position', d.currency, CASE WHEN d.currency = 'CNY' THEN 0 ELSE -d.amount_minor END),
    ('fx_position', 'CNY', CASE WHEN d.currency = 'CNY' THEN 0 ELSE d.value_minor END)"""
DEBT_WRITE_OFFS = Source(
    "debt_write_off",
    """
SELECT w.id, line.code, line.currency, line.minor
FROM debt_write_off w
CROSS JOIN LATERAL (VALUES
    (w.account, w.currency, -w.amount_minor), ('write_off', 'CNY', w.value_minor),
    ('fx_position', w.currency, CASE WHEN w.currency = 'CNY' THEN 0 ELSE w.amount_minor END),
    ('fx_position', 'CNY', CASE WHEN w.currency = 'CNY' THEN 0 ELSE -w.value_minor END)
) AS line (code, currency, minor)
WHERE w.ended_at IS NOT NULL
""",
)
DEPOSIT_REFUNDS = Source(
    "deposit_refunded",
    """
SELECT r.id, line.code, r.currency, line.minor
FROM deposit_refund r
CROSS JOIN LATERAL (VALUES ('buyer_deposit:buyer:' || r.buyer, r.amount_minor), ('cash:' || r.rail, -r.amount_minor)) AS line (code, minor)
WHERE r.confirmed_at IS NOT NULL AND r.reversed_at IS NULL
""",
)
