"""I4: every card and every goodwill payment is paid at most once, exactly once if and only if it ended as paid, and nobody says otherwise."""

from __future__ import annotations

from database.invariants.base import Invariant
from database.repositories.orders import ORDER_TABLES

_ORDERS = " UNION ALL ".join(
    f"SELECT key, state, refusal_code FROM {table.__tablename__} WHERE state IN ('paid', 'refused')"  # noqa: S608  # Our own.
    for table in ORDER_TABLES.values()
)


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


class PartsFit(Invariant):
    """What came back of a payment in parts is no more than was paid, and each part is paid again by its own amount to its own seller."""

    code, name, often = "I4", "parts_fit", True
    sql = """
SELECT format('order %s paid %s, and %s came back in parts', p.key, p.amount_minor, back.minor)
FROM payout p JOIN (
    SELECT key, sum(amount_minor) AS minor FROM part_return WHERE agreed_at IS NOT NULL GROUP BY key) AS back USING (key)
WHERE back.minor > p.amount_minor
UNION ALL
SELECT format('goodwill %s pays %s again for a part of %s that came back', g.id, g.amount_minor, r.amount_minor)
FROM goodwill g JOIN part_return r ON r.id = g.part_id
WHERE g.state IN ('proposed', 'agreed', 'paid')
  AND (g.amount_minor <> r.amount_minor OR g.currency <> r.currency OR g.owner <> r.owner OR r.agreed_at IS NULL)
UNION ALL
SELECT format('goodwill %s pays a part again of order %s, which came back whole', g.id, p.key)
FROM goodwill g JOIN part_return r ON r.id = g.part_id JOIN payout p ON p.key = r.key
WHERE g.state IN ('proposed', 'agreed', 'paid') AND p.state <> 'paid'
"""


class WordsAgree(Invariant):
    """No provider says the opposite of what an order ended as, and no bank can still pay one that ended as refused."""

    code, name, often = "I4", "words_agree", True
    sql = f"""
SELECT 'order ' || w.key || ' stands as ' || w.stands || ' and its provider said ' || w.said || ' (' || w.heard || ')'
FROM payout_contradiction w WHERE w.cleared_at IS NULL
UNION ALL
SELECT 'order ' || o.key || ' is ' || o.state || ' and the bank '
       || CASE WHEN l.outcome IS NULL THEN 'may still pay it by batch ' || b.number ELSE 'said ' || l.outcome END
FROM bank_line l JOIN bank_batch b ON b.id = l.batch_id JOIN ({_ORDERS}) AS o ON o.key = l.key
WHERE b.state IN ('approved', 'taken', 'finished')
  AND (l.outcome IS NULL AND o.state = 'refused'
       OR l.outcome <> o.state AND coalesce(l.said, '') <> 'REFUND' AND coalesce(o.refusal_code, '') <> 'REFUND')
  AND NOT EXISTS (SELECT FROM payout_contradiction w WHERE w.key = l.key)
"""  # noqa: S608  # Names of our own tables.
