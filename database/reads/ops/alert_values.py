"""What alert rules compare with their limits, beside the readings of health: stuck cards, deadlines, payments, quotes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops.health import readings
from database.reads.ops.ticket_growth import growing
from domain.identifiers import least_id
from domain.ops.alerts import AlertRule
from domain.ops.health import Measure, Reading, State
from domain.rules.alerts import AlertRules

QUOTES_WITHIN = timedelta(hours=1)
STARTED_AFTER = timedelta(days=1)  # A card may have waited so long between its submission and its start.
BASIS = 10_000
SUBJECTS_MAX = 50  # Alerts of one rule at the same time.
# Rules that take their value from a reading, and those with one alert for each part of it.
_READ = {
    rule: Measure(rule.value) for rule in AlertRule if rule.value in {measure.value for measure in Measure}
}  # fmt: skip
_BY_PART = frozenset({AlertRule.WORKERS, AlertRule.INVARIANTS})
Values = Mapping[AlertRule, Mapping[str, float]]
_VALUES = """
SELECT (SELECT count(*) FROM stuck_run) AS stuck,
       (SELECT coalesce(max(extract(epoch FROM CAST(:now AS timestamptz) - since)), 0) FROM stuck_run) AS stuck_oldest,
       (SELECT count(*) FROM work_item WHERE closed_at IS NULL AND NOT decided AND breached_at IS NOT NULL) AS deadlines,
       (SELECT coalesce(max(extract(epoch FROM CAST(:now AS timestamptz) - prepared_at)), 0) FROM payout
        WHERE state = 'unknown' AND NOT EXISTS (SELECT FROM bank_line l WHERE l.key = payout.key)
          AND NOT EXISTS (SELECT FROM payout_confirmation c WHERE c.key = payout.key AND c.closed_at IS NULL AND c.expires_at > :now)
       ) AS payout_unknown
"""
# Cards of the last hour that no person had to do anything for: those quoted in time, and those quoted late or not at all.
_QUOTES = """
WITH started AS (
    SELECT id, started_at, waiting_for, outcome, (SELECT min(created_at) FROM quote WHERE card_id = card.id) AS quoted_at
    FROM card WHERE id > :from_id AND started_at > CAST(:begins AS timestamptz) AND started_at <= CAST(:ends AS timestamptz)
), judged AS (
    SELECT quoted_at <= started_at + CAST(:goal AS interval) AS in_time FROM started AS one
    WHERE (quoted_at IS NOT NULL OR (outcome IS NULL AND waiting_for IN ('machine', 'issuer')))
      AND NOT EXISTS (SELECT FROM card_event WHERE card_id = one.id AND at > one.started_at
                      AND at < coalesce(one.quoted_at, CAST(:now AS timestamptz)) AND actor NOT IN ('machine', 'gateway'))
      AND NOT EXISTS (SELECT FROM work_item WHERE card_id = one.id
                      AND opened_at < coalesce(one.quoted_at, CAST(:now AS timestamptz)))
)
SELECT count(*) AS judged, count(*) FILTER (WHERE in_time IS NOT TRUE) AS missed FROM judged
"""


async def observed(session: AsyncSession, rules: AlertRules, now: datetime) -> Values:
    """Return each rule's value by subject; a rule whose value is not known at this moment is left out."""
    found: dict[AlertRule, Mapping[str, float]] = {}
    for one in await readings(session, now):
        rule = next((rule for rule, measure in _READ.items() if measure is one.found.measure), None)
        if rule is not None and one.state is not State.UNKNOWN:
            found[rule] = _of(rule, one)
    found |= {rule: {"": value} for rule, value in (await values(session, now)).items()}
    if AlertRule.QUOTES in rules.rules:
        goal = timedelta(seconds=rules.quote_s)
        found[AlertRule.QUOTES] = {"": await missed_quotes(session, goal, rules.quotes_least, now)}
    if (growth := rules.rules.get(AlertRule.TICKET_GROWTH)) is not None:
        causes = sorted((await growing(session, growth.limit, now)).items(), key=lambda one: -one[1])
        found[AlertRule.TICKET_GROWTH] = {cause.subject: float(n) for cause, n in causes[:SUBJECTS_MAX]}
    return found


def _of(rule: AlertRule, one: Reading) -> Mapping[str, float]:
    if rule in _BY_PART:
        return dict(list(one.found.parts.items())[:SUBJECTS_MAX])
    value = one.found.value
    return {"": 0.0 if one.found.absent or value is None else abs(value)}


async def values(session: AsyncSession, now: datetime) -> dict[AlertRule, float]:
    """Return the value of each rule that our own rows answer; ages in seconds."""
    row = (await session.execute(text(_VALUES), {"now": now})).mappings().one()
    return {AlertRule(name): float(value) for name, value in row.items()}


async def missed_quotes(session: AsyncSession, goal: timedelta, least: int, now: datetime) -> float:
    """Return the share (basis points) of the last hour's cards that were not quoted within `goal`.

    Only cards that need no person count; 0 where they are fewer than `least`.
    """
    ends = now - goal
    begins = ends - QUOTES_WITHIN
    from_id = least_id(int((begins - STARTED_AFTER).timestamp() * 1000))
    given = {"from_id": from_id, "begins": begins, "ends": ends, "goal": goal, "now": now}
    row = (await session.execute(text(_QUOTES), given)).one()
    return 0.0 if row.judged < max(1, least) else row.missed * BASIS / row.judged
