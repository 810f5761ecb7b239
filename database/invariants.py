"""What must hold whatever failed and whenever it was cut off; each check names what breaks it and is run after every fault test.

I3 belongs to a stage that is not built yet; I9 and I10 look outside the database. I4's other half, at most one
transfer at the gateway, is asked of the gateway itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.clock_invariant import untrue_clocks
from database.reads.policies.check_rules import check_rules
from database.repositories import evidence
from database.settlement_invariant import SETTLED_ALONE, UNTRUE_SETTLEMENTS
from database.ticket_clock_invariant import untrue_ticket_clocks
from domain.people.access import HANDLING
from domain.places import business_day
from domain.review.four_eyes import CNY_PER_UNIT_MAX
from domain.rules.checks import check_policy

# A card whose step is running has no timer in the database; after this long without a change it counts as stuck.
STEP_MAX = timedelta(minutes=15)
# The four-eyes policy compares face values, of foreign cards too, and wants two people for what no party confirmed, from
# this day on; earlier payouts were approved under the older rule.
FACE_VALUE_COMPARED_SINCE = datetime(2026, 11, 27, tzinfo=UTC)

# Two accounts that one person made, invited or reset count as one at four eyes from this day on.
HANDS_COUNTED_SINCE = datetime(2026, 11, 28, tzinfo=UTC)


@dataclass(frozen=True)
class Violation:
    """One broken invariant, e.g. `I1`, and what breaks it: ids and amounts, never a secret."""

    invariant: str
    what: str


UNBALANCED = """
SELECT 'transaction ' || t.key || ' is off by ' || sum(e.amount_minor) || ' ' || e.currency
FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id
GROUP BY t.key, e.currency HAVING sum(e.amount_minor) <> 0
UNION ALL
SELECT 'transaction ' || key || ' has no entries'
FROM ledger_transaction t WHERE NOT EXISTS (SELECT FROM entry WHERE transaction_id = t.id)
"""

# No balance is stored: what the accounts say must be what the payment orders and quotes say on their own.
BALANCES = """
WITH balance AS (
    SELECT a.code, sum(e.amount_minor) AS minor FROM account a JOIN entry e ON e.account_id = a.id
    WHERE e.currency = 'CNY' GROUP BY a.code
), ordered AS (
    SELECT rail, state, amount_minor FROM payout UNION ALL SELECT rail, state, amount_minor FROM goodwill_order
    UNION ALL SELECT rail, state, amount_minor FROM settlement_order WHERE currency = 'CNY'
), due AS (
    SELECT 'in_flight:' || rail AS code, -coalesce(sum(amount_minor) FILTER (WHERE state IN ('prepared', 'unknown')), 0) AS minor
    FROM ordered GROUP BY rail
    UNION ALL
    SELECT 'cash:' || rail, -coalesce(sum(amount_minor) FILTER (WHERE state = 'paid'), 0) FROM ordered GROUP BY rail
    UNION ALL
    SELECT 'goodwill', coalesce(sum(amount_minor), 0) FROM goodwill_order WHERE state <> 'refused'
    UNION ALL
    SELECT 'inventory', coalesce(sum(amount_minor), 0) FROM quote WHERE state = 'accepted'
)
SELECT due.code || ' stands at ' || coalesce(balance.minor, 0) || ' where ' || due.minor || ' is due'
FROM due LEFT JOIN balance USING (code) WHERE coalesce(balance.minor, 0) <> due.minor
UNION ALL
SELECT code || ' is owed less than nothing: ' || minor FROM balance WHERE code LIKE 'seller\\_payable:%' AND minor > 0
"""

# Paid if and only if exactly one order was, and never two orders that may both still arrive.
PAYOUTS = """
SELECT 'card ' || card.id || ' ended ' || coalesce(outcome, 'not yet') || ' with ' || paid || ' paid orders'
FROM card JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'paid') AS paid,
           count(*) FILTER (WHERE state <> 'refused') AS alive
    FROM payout WHERE card_id = card.id
) orders ON true
WHERE alive > 1 OR (outcome = 'paid') IS TRUE AND paid <> 1 OR outcome <> 'paid' AND alive > 0
UNION ALL
SELECT 'goodwill ' || g.id || ' is ' || g.state || ' with an order that is ' || coalesce(o.state, 'not there')
FROM goodwill g LEFT JOIN goodwill_order o ON o.goodwill_id = g.id
WHERE g.state IN ('paid', 'refused') AND g.state IS DISTINCT FROM o.state
   OR g.state = 'agreed' AND o.state IN ('paid', 'refused')
   OR g.state NOT IN ('agreed', 'paid', 'refused') AND o.key IS NOT NULL
"""

HELD = """
SELECT 'card ' || card.id || ' waits for a reviewer with ' || open || ' open tasks'
FROM card JOIN LATERAL (
    SELECT count(*) AS open FROM work_item WHERE card_id = card.id AND kind = 'review' AND closed_at IS NULL
) tasks ON true
WHERE (waiting_for = 'reviewer') <> (open = 1) AND outcome IS NULL OR outcome IS NOT NULL AND open > 0
UNION ALL
SELECT 'card ' || id || ' waits for ' || waiting_for || ' without a deadline'
FROM card WHERE waiting_for IN ('seller_fields', 'seller_code', 'seller_item', 'seller_offer', 'outlet') AND until IS NULL
UNION ALL
SELECT 'card ' || id || ' is late: waited for ' || waiting_for || ' until ' || until
FROM card WHERE outcome IS NULL AND waiting_for <> 'reviewer' AND until < now() - CAST(:step_max AS interval)
UNION ALL
SELECT 'card ' || id || ' has stood with the machine since ' || since
FROM card WHERE outcome IS NULL AND waiting_for = 'machine' AND since < now() - CAST(:step_max AS interval)
UNION ALL
SELECT 'card ' || id || ' has ended half: stage ' || stage || ', waiting for ' || waiting_for
FROM card WHERE (outcome IS NOT NULL) <> (stage = 'ended') OR (outcome IS NOT NULL) <> (waiting_for = 'nobody')
"""

# What was undone, returned or refused stands for nothing. A checked decision left with the lease in its checker's hand.
DECISIONS = """
SELECT 'task ' || task_id || ' was decided ' || count(*) || ' times'
FROM review_decision WHERE void_at IS NULL GROUP BY task_id HAVING count(*) > 1
UNION ALL
SELECT 'decision ' || d.id || ' was applied to a task that is bound to another'
FROM review_decision d LEFT JOIN work_item t ON t.id = d.task_id
WHERE d.applied_at IS NOT NULL AND t.decision_id IS DISTINCT FROM d.id
UNION ALL
SELECT 'decision ' || id || ' was applied though it was ' || void_why
FROM review_decision WHERE applied_at IS NOT NULL AND void_at IS NOT NULL
UNION ALL
SELECT 'task ' || t.id || ' was decided by ' || d.person_id || ' without the lease'
FROM work_item t JOIN review_decision d ON d.task_id = t.id AND d.void_at IS NULL AND d.needs_check = ''
WHERE d.person_id IS NOT NULL AND t.leased_by IS NOT NULL AND (t.leased_by <> d.person_id OR t.leased_until < d.made_at)
UNION ALL
SELECT 'task ' || t.id || ' was checked by ' || c.person_id || ' without the lease'
FROM work_item t JOIN review_check c ON c.decision_id = t.decision_id AND c.verdict = 'apply'
WHERE t.leased_by IS NOT NULL AND (t.leased_by <> c.person_id OR t.leased_until < c.at)
"""

# Nobody on both sides, each side being a person with everyone they acted for when they acted.
FOUR_EYES = """
SELECT 'decision ' || d.id || ' needed a check (' || d.needs_check || ') and was applied without one by another person'
FROM review_decision d
WHERE d.applied_at IS NOT NULL AND d.needs_check <> '' AND NOT EXISTS (
    SELECT FROM review_check c
    WHERE c.decision_id = d.id AND c.verdict = 'apply'
      AND NOT (c.acting_for || to_jsonb(c.person_id)) ?| ARRAY(
          SELECT jsonb_array_elements_text(d.acting_for || to_jsonb(d.person_id))))
UNION ALL
SELECT 'decision ' || d.id || ' was made and checked by accounts that one person handled'
FROM review_decision d JOIN review_check c ON c.decision_id = d.id AND c.verdict = 'apply'
CROSS JOIN LATERAL (
    SELECT jsonb_array_elements_text(d.acting_for || to_jsonb(d.person_id)) AS id) m
CROSS JOIN LATERAL (
    SELECT jsonb_array_elements_text(c.acting_for || to_jsonb(c.person_id)) AS id) k
WHERE d.applied_at IS NOT NULL AND d.person_id IS NOT NULL AND c.at >= CAST(:hands_since AS timestamptz) AND EXISTS (
    SELECT FROM audit_event a, audit_event b
    WHERE a.act = ANY(CAST(:handling AS text[])) AND b.act = ANY(CAST(:handling AS text[])) AND a.actor LIKE 'person:%'
      AND (a.subject = m.id AND b.subject = k.id AND a.actor = b.actor
           OR a.id = b.id AND (a.subject, a.actor) IN ((m.id, 'person:' || k.id), (k.id, 'person:' || m.id)))
      AND a.at BETWEEN c.at - make_interval(days => :hands_days) AND c.at
      AND b.at BETWEEN c.at - make_interval(days => :hands_days) AND c.at)
UNION ALL
SELECT 'card ' || p.card_id || ' was paid ' || p.amount_minor || ' on the word of one person'
FROM payout p JOIN card k ON k.id = p.card_id
JOIN LATERAL (SELECT d.checks_version FROM review_decision d
              WHERE d.card_id = p.card_id AND d.applied_at IS NOT NULL AND d.outcome IN ('approve', 'approve_corrected')
              ORDER BY d.applied_at DESC LIMIT 1) d ON TRUE
WHERE p.state <> 'refused'
  AND GREATEST(p.amount_minor, CASE WHEN p.prepared_at >= CAST(:face_since AS timestamptz)
                                    THEN k.face_value_minor * CASE WHEN k.currency = 'CNY' THEN 1 ELSE CAST(:per_unit AS bigint) END
                               END) >= COALESCE((SELECT r.alone_below FROM jsonb_to_recordset(CAST(:rules AS jsonb))
                                                     AS r(version text, alone_below bigint) WHERE r.version = d.checks_version),
                                                CAST(:alone_below AS bigint))
  AND NOT EXISTS (SELECT FROM review_decision d JOIN review_check c ON c.decision_id = d.id AND c.verdict = 'apply'
                  WHERE d.card_id = p.card_id AND d.applied_at IS NOT NULL)
UNION ALL
SELECT 'decision ' || d.id || ' approved what no party had confirmed on the word of one person'
FROM review_decision d JOIN work_item t ON t.id = d.task_id
WHERE d.applied_at IS NOT NULL AND d.outcome = 'approve' AND d.person_id IS NOT NULL
  AND d.made_at >= CAST(:face_since AS timestamptz) AND t.reasons ?| COALESCE(
      (SELECT ARRAY(SELECT jsonb_array_elements_text(r.unverified)) FROM jsonb_to_recordset(CAST(:rules AS jsonb))
           AS r(version text, unverified jsonb) WHERE r.version = d.checks_version),
      CAST(:unverified AS text[]))
  AND NOT EXISTS (SELECT FROM review_check c WHERE c.decision_id = d.id AND c.verdict = 'apply')
"""

# Events and leaves are written by one statement with one moment; a leaf may belong to no event, an event never to none.
EVIDENCE = """
SELECT 'event ' || e.id || ' of card ' || e.card_id || ' (' || e.what || ') has no leaf'
FROM card_event e WHERE NOT EXISTS (
    SELECT FROM evidence_leaf l WHERE l.card_id = e.card_id AND l.what = e.what AND l.at = e.at
      AND l.body ->> 'actor' = e.actor AND l.body -> 'facts' = e.facts)
UNION ALL
SELECT 'card ' || id || ' has no event' FROM card WHERE NOT EXISTS (SELECT FROM card_event WHERE card_id = card.id)
"""


UNPLACED = """
SELECT 'leaf ' || id || ' has waited for its place since ' || at FROM evidence_leaf
WHERE tree_index IS NULL AND at < now() - CAST(:step_max AS interval) ORDER BY id LIMIT 20
"""
# A repair that two people had to agree to was agreed to by none of those who asked for it.
REPAIRED_ALONE = """
SELECT format('repair %s needed two people and ran on the word of those who asked for it', id) FROM repair
WHERE two_people AND started_at IS NOT NULL AND (decided_by IS NULL OR makers @> to_jsonb(decided_by))
"""


# A goodwill payment was agreed to by nobody of those who proposed it.
GIVEN_ALONE = """
SELECT format('goodwill %s was paid on the word of those who proposed it', id) FROM goodwill
WHERE state IN ('agreed', 'paid', 'refused') AND (checked_by IS NULL OR proposers @> to_jsonb(checked_by))
"""


async def violations(session: AsyncSession, public_key: bytes, *, step_max: timedelta = STEP_MAX) -> list[Violation]:
    """Every violation of I1, I2, I4 (its local part), I5, I6, I7, I8 and I11; none when all is well.

    `public_key` is the evidence key's. `step_max` is how long a card may stand with the machine, or past its deadline.
    """
    checks = {"I1": UNBALANCED, "I2": BALANCES, "I4": PAYOUTS, "I6": DECISIONS, "I7": EVIDENCE}
    found = [Violation(name, what) for name, sql in checks.items() for what in await _lines(session, sql)]
    found += [Violation("I4", what) for what in await _lines(session, UNTRUE_SETTLEMENTS)]
    held = await session.execute(text(HELD), {"step_max": step_max})
    found += [Violation("I5", what) for what in held.scalars()]
    found += [Violation("I8", what) for what in await one_persons_word(session)]
    found += [
        Violation("I8", what)
        for sql in (REPAIRED_ALONE, GIVEN_ALONE, SETTLED_ALONE)
        for what in await _lines(session, sql)
    ]
    found += [Violation("I7", fault) for fault in await evidence.verify_all(session, public_key)]
    found += [Violation("I7", fault) for fault in await _inconsistent(session)]
    unplaced = await session.execute(text(UNPLACED), {"step_max": step_max})
    found += [Violation("I7", what) for what in unplaced.scalars()]
    found += [Violation("I11", fault) for fault in await untrue_clocks(session)]
    found += [Violation("I11", fault) for fault in await untrue_ticket_clocks(session)]
    return found


async def one_persons_word(session: AsyncSession, alone_below: int | None = None) -> list[str]:
    """List what breaks I8, each decision judged by the policy that it was made by. `alone_below` (CNY minor units) stands for
    the limit of all of them, in tests.
    """
    policy = check_policy(business_day(datetime.now(UTC)))
    rules = await check_rules(session)
    given = {
        "alone_below": policy.value_minor_min if alone_below is None else alone_below,
        "face_since": FACE_VALUE_COMPARED_SINCE, "hands_since": HANDS_COUNTED_SINCE,
        "hands_days": min(rule.same_hands_days for rule in rules), "handling": list(HANDLING),
        "per_unit": CNY_PER_UNIT_MAX, "unverified": sorted(policy.unverified),
        "rules": json.dumps([rule.as_json() for rule in rules] if alone_below is None else []),
    }  # fmt: skip
    return list((await session.execute(text(FOUR_EYES), given)).scalars())


async def _lines(session: AsyncSession, sql: str) -> list[str]:
    return list((await session.execute(text(sql))).scalars())


async def _inconsistent(session: AsyncSession) -> list[str]:
    """Old heads against the newest one, by proofs made from the stored subtrees as an outsider would check them."""
    newest = await evidence.newest_head(session)
    if newest is None:
        return []
    oldest = (await session.execute(text("SELECT min(size) FROM evidence_tree_head"))).scalar_one()
    old = await evidence.head_of(session, oldest)
    path = await evidence.prove_consistency(session, old.size, newest.size)
    if evidence.consistent(old, newest, path):
        return []
    return [f"the head of {newest.size} leaves is no continuation of that of {old.size}"]
