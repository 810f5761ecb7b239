"""I4: every card and every goodwill payment is paid at most once, and exactly once if and only if it ended as paid."""

from __future__ import annotations

from database.invariants.base import Invariant


class CardsPaidOnce(Invariant):
    """Paid if and only if exactly one order was, and never two orders that may both still arrive."""

    code, name = "I4", "cards_paid_once"
    sql = """
SELECT 'card ' || card.id || ' ended ' || coalesce(outcome, 'not yet') || ' with ' || paid || ' paid orders'
FROM card JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'paid') AS paid,
           count(*) FILTER (WHERE state <> 'refused') AS alive
    FROM payout WHERE card_id = card.id
) orders ON true
WHERE alive > 1 OR (outcome = 'paid') IS TRUE AND paid <> 1 OR outcome <> 'paid' AND alive > 0
"""


class GoodwillPaidOnce(Invariant):
    """A goodwill payment and its one order have the same end."""

    code, name, often = "I4", "goodwill_paid_once", True
    sql = """
SELECT 'goodwill ' || g.id || ' is ' || g.state || ' with an order that is ' || coalesce(o.state, 'not there')
FROM goodwill g LEFT JOIN goodwill_order o ON o.goodwill_id = g.id
WHERE g.state IN ('paid', 'refused') AND g.state IS DISTINCT FROM o.state
   OR g.state = 'agreed' AND o.state IN ('paid', 'refused')
   OR g.state NOT IN ('agreed', 'paid', 'refused') AND o.key IS NOT NULL
"""
