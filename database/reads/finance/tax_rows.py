"""What counts for sellers' tax, as rows of one statement: each on the day on which the money moved.

Nothing is taken out of a month that may have been reported: what came back is a row with the other sign on the day it came back.
"""

from __future__ import annotations

from domain.finance.payout import RETURNED
from domain.places import BUSINESS_ZONE

RETURNED_KEY = "/returned"  # Ends the key of the row that takes another off again.


def _day(moment: str) -> str:
    return f"CAST({moment} AT TIME ZONE '{BUSINESS_ZONE.key}' AS date)"


def _arrived(order: str) -> str:
    """Whether an order's money arrived, also where it came back later."""
    return f"({order}.state = 'paid' OR {order}.refusal_code = '{RETURNED}') AND {order}.settled_at IS NOT NULL"


# Orders from before tax was judged have no row of their own: nothing was withheld from them. What a licensed provider paid to
# the seller of a brokered card is their income as well; we withhold nothing of it.
_PAYMENTS = f"""
    SELECT p.key, p.card_id, s.owner, p.payee_masked, {_day("p.settled_at")} AS day,
           coalesce(t.proceeds_minor, p.amount_minor) AS proceeds, coalesce(t.cost_minor, p.amount_minor) AS cost,
           coalesce(t.base_minor, 0) AS base, coalesce(t.tax_minor, 0) AS tax, coalesce(t.rate_bp, 0) AS rate_bp,
           coalesce(t.income, 'property') AS income, coalesce(t.rule, '') AS rule, coalesce(t.policy_version, '') AS version,
           p.payee_name_sealed IS NOT NULL AS named, 1 AS payments, 'payment' AS what
    FROM payout p JOIN card c ON c.id = p.card_id JOIN submission s ON s.id = c.submission_id
    LEFT JOIN tax_withholding t ON t.key = p.key
    WHERE {_arrived("p")} AND p.currency = 'CNY'
    UNION ALL
    SELECT p.key || '{RETURNED_KEY}', p.card_id, s.owner, p.payee_masked, {_day("r.returned_at")},
           -coalesce(t.proceeds_minor, p.amount_minor), -coalesce(t.cost_minor, p.amount_minor), -coalesce(t.base_minor, 0),
           -coalesce(t.tax_minor, 0), coalesce(t.rate_bp, 0), coalesce(t.income, 'property'), coalesce(t.rule, ''),
           coalesce(t.policy_version, ''), false, -1, 'returned'
    FROM payout p JOIN payout_return r ON r.key = p.key AND r.returned_at IS NOT NULL
    JOIN card c ON c.id = p.card_id JOIN submission s ON s.id = c.submission_id
    LEFT JOIN tax_withholding t ON t.key = p.key
    WHERE p.refusal_code = '{RETURNED}' AND p.settled_at IS NOT NULL AND p.currency = 'CNY'
    UNION ALL
    SELECT 'brokered:' || b.id, c.id, s.owner, '', b.paid_on, b.amount_minor, b.amount_minor, 0, 0, 0, 'property', '', '', false, 1,
           'brokered'
    FROM brokered_payment b JOIN sale ON sale.id = b.sale_id JOIN card c ON c.id = sale.card_id
    JOIN submission s ON s.id = c.submission_id
    WHERE b.confirmed_at IS NOT NULL AND b.currency = 'CNY'
"""  # noqa: S608  # Only constants of ours are put in.
# What a seller gave back of a claim, by themselves or offset against a payment that arrived, and what a dropped claim gave them
# again. No tax is given back with it: so much of the price's cost and base is taken off as is given back of the price, and the
# sums of several parts are those of the whole. An order that was paid after it counted as refused is in no row, nor what comes back of it.
_CLAIMS = f"""
    SELECT c.key, r.card_id, r.owner, '', c.day, c.minor,
           coalesce(round(t.cost_minor * c.upto / r.price_minor) - round(t.cost_minor * (c.upto - c.minor) / r.price_minor), c.minor)::bigint,
           coalesce(round(t.base_minor * c.upto / r.price_minor) - round(t.base_minor * (c.upto - c.minor) / r.price_minor), 0)::bigint,
           0, coalesce(t.rate_bp, 0), coalesce(t.income, 'property'), coalesce(t.rule, ''), coalesce(t.policy_version, ''), false, 0, c.what
    FROM (
        SELECT key, claim_id, day, minor, what, sum(minor) OVER (PARTITION BY claim_id ORDER BY day, key) AS upto FROM (
            SELECT 'claim_receipt:' || id AS key, claim_id, received_on AS day, -amount_minor AS minor, 'claim' AS what FROM claim_receipt
            UNION ALL
            SELECT 'claim_receipt:' || id || '{RETURNED_KEY}', claim_id, {_day("reversed_at")}, amount_minor, 'claim_undone'
            FROM claim_receipt WHERE reversed_at IS NOT NULL
            UNION ALL
            SELECT 'claim_offset:' || o.rollback_id || ':' || p.key, o.rollback_id, {_day("p.settled_at")}, -o.amount_minor, 'claim'
            FROM rollback_offset o JOIN payout p ON p.key = o.payout_key WHERE {_arrived("p")}
            UNION ALL
            SELECT 'claim_offset:' || o.rollback_id || ':' || p.key || '{RETURNED_KEY}', o.rollback_id, {_day("o.undone_at")},
                   o.amount_minor, 'claim_undone'
            FROM rollback_offset o JOIN payout p ON p.key = o.payout_key WHERE {_arrived("p")} AND o.undone_at IS NOT NULL
            UNION ALL
            SELECT g.key, w.claim_id, {_day("g.settled_at")}, g.amount_minor, 'payback'
            FROM goodwill_order g JOIN goodwill w ON w.id = g.goodwill_id AND w.claim_id IS NOT NULL WHERE {_arrived("g")}
            UNION ALL
            SELECT g.key || '{RETURNED_KEY}', w.claim_id, {_day("b.returned_at")}, -g.amount_minor, 'returned'
            FROM goodwill_order g JOIN goodwill w ON w.id = g.goodwill_id AND w.claim_id IS NOT NULL
            JOIN payout_return b ON b.key = g.key AND b.returned_at IS NOT NULL WHERE {_arrived("g")}
        ) AS moved (key, claim_id, day, minor, what)
    ) AS c JOIN rollback r ON r.id = c.claim_id
    LEFT JOIN LATERAL (
        SELECT * FROM tax_withholding w WHERE w.card_id = r.card_id AND w.given_back_at IS NULL ORDER BY w.key DESC LIMIT 1
    ) AS t ON true
    WHERE r.currency = 'CNY' AND r.order_key IS NULL
"""  # noqa: S608  # As above.
# By the rules of the day on which it arrived. A gift has no cost; nothing is withheld from it.
_GOODWILL = f"""
    SELECT g.key, p.card_id, w.owner, w.payee_masked, {_day("g.settled_at")}, g.amount_minor, 0, g.amount_minor, 0, 0, 'incidental',
           'goodwill', g.tax_version, false, 1, 'goodwill'
    FROM goodwill_order g JOIN goodwill w ON w.id = g.goodwill_id AND w.claim_id IS NULL AND w.part_id IS NULL JOIN payout p ON p.key = w.paid_key
    WHERE g.taxable AND {_arrived("g")} AND g.currency = 'CNY'
    UNION ALL
    SELECT g.key || '{RETURNED_KEY}', p.card_id, w.owner, w.payee_masked, {_day("b.returned_at")}, -g.amount_minor, 0, -g.amount_minor,
           0, 0, 'incidental', 'goodwill', g.tax_version, false, -1, 'returned'
    FROM goodwill_order g JOIN goodwill w ON w.id = g.goodwill_id AND w.claim_id IS NULL AND w.part_id IS NULL JOIN payout p ON p.key = w.paid_key
    JOIN payout_return b ON b.key = g.key AND b.returned_at IS NOT NULL
    WHERE g.taxable AND {_arrived("g")} AND g.currency = 'CNY'
"""  # noqa: S608  # As above.
TAXED = f"{_PAYMENTS} UNION ALL {_CLAIMS} UNION ALL {_GOODWILL}"
