"""Sales: what each left on the accounts, from its own row and its waterfall; a returned one leaves what is owed back."""

from __future__ import annotations

from database.invariants.source import Source

# Fee and spread are credited whole; partners' parts of them cost us as much as they are owed.
SALES = Source(
    "sale",
    """
SELECT s.id, line.code, line.currency, line.minor
FROM sale s CROSS JOIN LATERAL (
    SELECT s.payer AS code, s.currency, s.total_minor AS minor
    UNION ALL SELECT 'fx_position', s.currency, -s.total_minor WHERE s.rate IS NOT NULL
    UNION ALL SELECT 'fx_position', 'CNY', s.booked_minor WHERE s.rate IS NOT NULL
    UNION ALL SELECT moved.code, 'CNY', moved.sign * p.amount_minor
    FROM sale_split p CROSS JOIN LATERAL (VALUES
        (CASE WHEN p.part IN ('cost', 'seller', 'charge', 'share') THEN p.account END, -1),
        (CASE p.part WHEN 'cost' THEN 'cost_of_sales' WHEN 'share' THEN 'partner_cost' END, 1),
        (CASE WHEN p.part = 'fee' OR p.part = 'share' AND p.base = 'fee' THEN 'service_fee'
              WHEN p.part IN ('cost', 'platform') OR p.part = 'share' THEN 'sales' END, -1)
    ) AS moved (code, sign)
    WHERE p.sale_id = s.id AND moved.code IS NOT NULL
) AS line
WHERE s.reversed_at IS NULL
UNION ALL
SELECT s.id, back.account, back.currency, back.minor
FROM sale s CROSS JOIN LATERAL jsonb_to_recordset(s.owed_back) AS back (account text, minor bigint, currency text)
""",
)
SALE_DIFFERENCES = Source(
    "sale_difference",
    """
SELECT s.currency || ':' || s.id, line.code, 'CNY', line.sign * s.difference_minor
FROM sale s CROSS JOIN LATERAL (VALUES ('fx_position', 1), ('fx_difference', -1)) AS line (code, sign)
WHERE s.difference_minor <> 0
""",
)
