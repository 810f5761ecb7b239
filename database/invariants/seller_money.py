"""I3: for every card, what was accepted is what is owed, in flight, paid, kept for tax, taken as a fee, and offset; at every step."""

from __future__ import annotations

from typing import Any

from database.invariants.base import Invariant, Look
from database.invariants.books import NEWEST
from database.invariants.sources import SOURCES


class SellerMoneyAddsUp(Invariant):
    """From the entries of each card alone: none of its price is lost, none is there twice, and no part is below nothing."""

    code, name, often = "I3", "seller_money_adds_up", True
    sql = f"""
WITH looked AS (
    SELECT id FROM card WHERE :whole
    UNION SELECT card_id FROM ledger_transaction WHERE NOT :whole AND card_id IS NOT NULL AND id > ({NEWEST})
), line AS (
    SELECT t.card_id, split_part(a.code, ':', 1) AS class, e.currency, e.amount_minor AS minor
    FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
    WHERE t.card_id IN (SELECT id FROM looked) AND split_part(t.cause, ':', 1) = ANY (CAST(:of_the_seller AS text[]))
), part AS (
    SELECT card_id AS id, currency,
           -coalesce(sum(minor) FILTER (WHERE class = 'seller_payable'), 0) AS owed,
           -coalesce(sum(minor) FILTER (WHERE class = 'in_flight'), 0) AS in_flight,
           -coalesce(sum(minor) FILTER (WHERE class = 'cash'), 0) AS paid,
           -coalesce(sum(minor) FILTER (WHERE class = 'tax_withheld'), 0) AS tax,
           -coalesce(sum(minor) FILTER (WHERE class = 'service_fee'), 0) AS fee,
           -coalesce(sum(minor) FILTER (WHERE class = 'seller_receivable'), 0) AS offset_,
           coalesce(sum(minor) FILTER (WHERE class = 'inventory'), 0) AS bought
    FROM line GROUP BY 1, 2
), accepted AS (
    SELECT card_id AS id, currency, sum(amount_minor) AS minor FROM quote
    WHERE state = 'accepted' AND card_id IN (SELECT id FROM looked) GROUP BY 1, 2
), back AS (
    SELECT r.card_id AS id, r.currency, sum(r.amount_minor) AS minor
    FROM part_return r JOIN payout p ON p.key = r.key
    WHERE r.agreed_at IS NOT NULL AND p.state = 'paid' AND r.card_id IN (SELECT id FROM looked) GROUP BY 1, 2
), judged AS (
    SELECT id, currency, coalesce(accepted.minor, 0) AS accepted, coalesce(bought, 0) AS bought, coalesce(owed, 0) AS owed,
           coalesce(in_flight, 0) AS in_flight, coalesce(paid, 0) AS paid, coalesce(tax, 0) AS tax,
           coalesce(fee, 0) AS fee, coalesce(offset_, 0) AS offset_
    FROM part FULL JOIN accepted USING (id, currency)
)
SELECT format('card %s: %s %s accepted, %s bought, %s owed, %s in flight, %s paid, %s tax, %s fee, %s offset', id, accepted,
              currency, bought, owed, in_flight, paid, tax, fee, offset_)
FROM judged
WHERE accepted <> bought OR accepted <> owed + in_flight + paid + tax + fee + offset_
   OR least(owed, in_flight, paid, tax, fee, offset_) < 0
UNION ALL
SELECT format('card %s ended as paid with %s %s owed, of which %s came back in parts, and %s in flight', judged.id, owed,
              judged.currency, coalesce(back.minor, 0), in_flight)
FROM judged JOIN card ON card.id = judged.id LEFT JOIN back ON back.id = judged.id AND back.currency = judged.currency
WHERE card.outcome = 'paid' AND (owed <> coalesce(back.minor, 0) OR in_flight <> 0)
"""  # noqa: S608  # Only a statement of ours is put in.

    def given(self, look: Look) -> dict[str, Any]:
        """Return whether old cards are looked at, too, and whose postings count."""
        return {"whole": look.whole, "of_the_seller": [one.name for one in SOURCES if one.of_the_seller]}
