"""I8: what needs two people was done by two, each side being a person with everyone they acted for when they acted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.invariants.base import Invariant, Look, sentences
from database.reads.policies.check_rules import check_rules
from domain.finance.banks import LET_OUT
from domain.finance.routing import LOOKED_AT
from domain.people.access import HANDLING
from domain.places import business_day
from domain.review.four_eyes import CNY_PER_UNIT_MAX
from domain.rules.checks import check_policy

# The four-eyes policy compares face values, of foreign cards too, and wants two people for what no party confirmed, from
# this day on; earlier payouts were approved under the older rule.
FACE_VALUE_COMPARED_SINCE = datetime(2026, 11, 27, tzinfo=UTC)
# Two accounts that one person made, invited or reset count as one at four eyes from this day on.
HANDS_COUNTED_SINCE = datetime(2026, 11, 28, tzinfo=UTC)

_DOUBTS = ", ".join(f"'{reason.value}'" for reason in sorted(LOOKED_AT))


@dataclass(frozen=True)
class ByTwo:
    """Rows of `table` that count once `done` holds: `second` (a person's id) must be none of `firsts`; `what` names the row by `of`."""

    what: str
    table: str
    done: str
    second: str
    firsts: str
    of: str = "id"

    @property
    def sql(self) -> str:
        """Return the statement that finds the rows of one person."""
        return (
            f"SELECT format('{self.what}', {self.of}) FROM {self.table} "  # noqa: S608  # Words of our own.
            f"WHERE {self.done} AND ({self.second} IS NULL OR {self.firsts} @> to_jsonb({self.second}))"
        )


class DecisionsByTwo(Invariant):
    """A decision that needed a check was checked by another person, each judged by the policy that it was made by."""

    code, name = "I8", "decisions_by_two"
    sql = """
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

    async def broken(self, session: AsyncSession, look: Look) -> list[str]:
        """List decisions and payouts on the word of one person."""
        policy = check_policy(business_day(datetime.now(UTC)))
        rules = await check_rules(session)
        alone_below = look.alone_below
        given = {
            "alone_below": policy.value_minor_min if alone_below is None else alone_below,
            "face_since": FACE_VALUE_COMPARED_SINCE, "hands_since": HANDS_COUNTED_SINCE,
            "hands_days": min(rule.same_hands_days for rule in rules), "handling": list(HANDLING),
            "per_unit": CNY_PER_UNIT_MAX, "unverified": sorted(policy.unverified),
            "rules": json.dumps([rule.as_json() for rule in rules] if alone_below is None else []),
        }  # fmt: skip
        return await sentences(session, self.sql, look.most, **given)


class RepairsByTwo(Invariant):
    """A repair that two people had to agree to was agreed to by none of those who asked for it."""

    code, name, often = "I8", "repairs_by_two", True
    sql = ByTwo(
        "repair %s needed two people and ran on the word of those who asked for it", "repair",
        "two_people AND started_at IS NOT NULL", "decided_by", "makers",
    ).sql  # fmt: skip


class GoodwillByTwo(Invariant):
    """Check that no proposer of a goodwill payment agreed to it."""

    code, name, often = "I8", "goodwill_by_two", True
    sql = ByTwo(
        "goodwill %s was paid on the word of those who proposed it", "goodwill", "state IN ('agreed', 'paid', 'refused')",
        "checked_by", "proposers",
    ).sql  # fmt: skip


class MonthsByTwo(Invariant):
    """A month of the books was closed by two people, neither of whom acted for the other."""

    code, name, often = "I8", "months_by_two", True
    asked = ByTwo(
        "month %s was closed on the word of those who asked for it", "ledger_closing", "state = 'agreed'", "decided_by",
        "askers", of="month",
    )  # fmt: skip
    sql = f"""
SELECT 'month ' || month || ' was closed by one person' FROM ledger_period WHERE closed_by = agreed_by
UNION ALL
{asked.sql}
"""  # noqa: S608  # Words of our own.


_LET_OUT = ", ".join(f"'{state.value}'" for state in LET_OUT)
BY_TWO = (
    ByTwo(
        "claim %s stands on the word of those who proposed it", "rollback",
        "state IN ('claimed', 'settled', 'written_off', 'dropped')", "checked_by", "proposers",
    ),
    ByTwo(
        "claim %s was written off on the word of those who asked for it", "rollback", "state = 'written_off'",
        "ended_by", "write_off_askers",
    ),
    ByTwo("write-off %s was agreed to by those who asked for it", "debt_write_off", "ended_at IS NOT NULL", "ended_by", "write_off_askers"),
    *(
        ByTwo(f"{what} was taken back by those who asked for it", table, "reversed_at IS NOT NULL", "reversed_by", "reverse_askers")
        for what, table in (
            ("payment %s on a claim", "claim_receipt"), ("payment %s of a buyer", "buyer_receipt"), ("exchange %s", "fx_exchange"),
            ("refund %s to a buyer", "deposit_refund"),
        )
    ),
    ByTwo(
        "sale %s was taken back by those who asked for it", "sale", "reversed_at IS NOT NULL AND return_asked_at IS NOT NULL",
        "substr(reversed_by, 8)", "return_askers",
    ),
    *(
        ByTwo(f"{what} was confirmed by those who recorded it", table, "confirmed_at IS NOT NULL", "confirmed_by", "recorders")
        for what, table in (
            ("payment %s of a provider", "brokered_payment"), ("repayment %s to a provider", "provider_repayment"),
            ("refund %s to a buyer", "deposit_refund"),
        )
    ),
    ByTwo(
        "exchange %s was confirmed by those who recorded it", "fx_exchange", "posted_at IS NOT NULL AND confirmed_by IS NOT NULL",
        "confirmed_by", "recorders",
    ),
    ByTwo("outcome %s was agreed to by those who stated it", "stated_outcome", "agreed_at IS NOT NULL", "agreed_by", "staters"),
    ByTwo("rail %s was switched on by those who asked for it", "rail_switch", "on_at IS NOT NULL", "on_by", "askers", of="rail"),
    ByTwo("clearing %s of suspense was agreed to by those who proposed it", "suspense_clearing", "agreed_at IS NOT NULL", "agreed_by", "proposers"),
    ByTwo("part %s of a payment was booked as returned by those who proposed it", "part_return", "agreed_at IS NOT NULL", "agreed_by", "proposers"),
    ByTwo("reversal %s was agreed to by those who asked for it", "decision_reversal", "agreed_at IS NOT NULL", "agreed_by", "askers"),
    ByTwo(
        "payment %s was turned down for a doubt by those who asked for it", "payout_wait",
        f"turned_down_at IS NOT NULL AND reasons ?| ARRAY[{_DOUBTS}]", "turned_down_by", "askers", of="key",
    ),
    ByTwo("batch %s was let out by those who gathered it", "bank_batch", f"state IN ({_LET_OUT})", "checked_by", "proposers"),
    ByTwo("payee %s of a counterparty was agreed to by those who proposed it", "counterparty_payee", "state = 'agreed'", "checked_by", "proposers"),
    ByTwo(
        "payee %s was corrected on the word of those who proposed it", "payee_correction",
        "applied_at IS NOT NULL AND checked_by IS NOT NULL", "substr(checked_by, 8)", "proposers",
    ),
    # One person closes a day on which nothing is open.
    ByTwo("the day %s was closed by those who asked for it", "reconciled_day", "closed_at IS NOT NULL AND agreed_by IS NOT NULL", "agreed_by", "askers", of="source || ' ' || day"),
)  # fmt: skip


class ClaimsByTwo(Invariant):
    """What two people do about money (BY_TWO): claims, write-offs, what is taken back, confirmed, stated, let out, corrected or closed."""

    code, name = "I8", "claims_by_two"
    sql = "\nUNION ALL\n".join(one.sql for one in BY_TWO)
