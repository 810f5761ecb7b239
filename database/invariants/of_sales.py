"""Sales: the payer, the price or the seller's part, fees, cost and partners' parts; a returned one leaves what is owed back."""

from __future__ import annotations

from database.invariants.source import Source
from domain.money import MINOR_DIGITS, Currency

# Minor units of CNY for one of each currency, at a rate of 1: 100 for yen, which have no smaller unit.
_SCALE = "CASE s.currency {} END".format(
    " ".join(
        f"WHEN '{currency.value}' THEN CAST(10 AS numeric) ^ {MINOR_DIGITS[Currency.CNY] - digits}"
        for currency, digits in MINOR_DIGITS.items()
    )
)

SALES = Source(
    "sale",
    f"""
WITH line AS (
    SELECT sale_id, sum(amount_minor) FILTER (WHERE part = 'cost') AS cost, sum(amount_minor) FILTER (WHERE part = 'share') AS share,
           coalesce(sum(amount_minor) FILTER (WHERE part = 'charge'), 0) AS charge,
           coalesce(sum(amount_minor) FILTER (WHERE part = 'seller'), 0) AS seller
    FROM sale_split GROUP BY sale_id
), open_sale AS (
    SELECT s.*, line.*, s.currency <> 'CNY' AS abroad,
           CASE WHEN s.rate IS NULL THEN s.price_minor ELSE round(s.price_minor * CAST(s.rate AS numeric) * {_SCALE}) END AS price_cny
    FROM sale s LEFT JOIN line ON line.sale_id = s.id WHERE s.reversed_at IS NULL
)
SELECT o.id, posted.code, posted.currency, posted.minor
FROM open_sale o CROSS JOIN LATERAL (VALUES
    (CASE WHEN o.mode = 'brokered' THEN 'split_account'
          WHEN o.paid_from = 'deposit' THEN 'buyer_deposit:' || o.buyer ELSE 'buyer_receivable:' || o.buyer END,
     o.currency, o.total_minor),
    ('fx_position', o.currency, CASE WHEN o.abroad THEN -o.total_minor ELSE 0 END),
    ('fx_position', 'CNY', CASE WHEN o.abroad THEN o.booked_minor ELSE 0 END),
    ('cost_of_sales', 'CNY', coalesce(o.cost, 0)),
    ('inventory', 'CNY', -coalesce(o.cost, 0)),
    ('partner_cost', 'CNY', coalesce(o.share, 0)),
    ('sales', 'CNY', CASE WHEN o.mode = 'own' THEN -o.price_cny ELSE 0 END),
    ('service_fee', 'CNY', CASE WHEN o.mode = 'own' THEN o.price_cny + o.charge - o.booked_minor
                                ELSE o.charge + o.seller - o.booked_minor END)
) AS posted (code, currency, minor)
UNION ALL
SELECT l.sale_id, l.account, l.currency, -l.amount_minor
FROM sale_split l JOIN sale s ON s.id = l.sale_id
WHERE s.reversed_at IS NULL AND l.part IN ('share', 'charge', 'seller')
UNION ALL
SELECT s.id, a.code, e.currency, e.amount_minor
FROM sale s JOIN ledger_transaction t ON t.cause = 'sale:' || s.id AND t.what = 'sale_owed_back'
JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
WHERE s.reversed_at IS NOT NULL
""",  # noqa: S608  # Only numbers and codes of ours are put in.
    by_class=("split_account",),  # Which provider it was, the row does not keep.
)
