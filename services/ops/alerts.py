"""Judge the alert rules in force: fire, notify once, and end alerts; and what a person does about one.

Everything is decided from our own rows within one transaction, so that it works while Temporal is away, and a restart in
between neither loses an alert nor sends it twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, try_acquire
from database.reads.ops.alert_values import Values, observed
from database.session import Database
from database.tables.ops.health import AlertRow
from domain.identifiers import new_id
from domain.ops.alerts import AlertProgress, AlertRule, AlertState, following
from domain.places import business_day
from domain.rules.alerts import AlertRules, Rule, alerts_in_force
from services.ops.alert_news import Fired, fires, over


@dataclass(frozen=True)
class Judged:
    """What one look did: how many alerts fired and how many ended."""

    fired: int
    ended: int


class Alerts:
    """Judges the rules; safe to run in several processes."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def judge(self) -> Judged:
        """Look once. Raises DatabaseUnavailable. Does nothing where another process looks at this moment."""
        now = self._now()
        rules = alerts_in_force(business_day(now))
        async with self._database.transaction() as session:
            if not await try_acquire(session, AdvisoryLock.ALERTS):
                return Judged(0, 0)
            look = _Look(session, rules, now)
            await look.open(await observed(session, rules, now))
        return Judged(look.fired, look.ended)


class _Look:
    """One look at all rules: the alerts that are not over, and what becomes of each."""

    def __init__(self, session: AsyncSession, rules: AlertRules, now: datetime) -> None:
        self._session = session
        self._rules = rules
        self._now = now
        self.fired = 0
        self.ended = 0

    async def open(self, values: Values) -> None:
        rows = (await self._session.execute(select(AlertRow).where(AlertRow.state != AlertState.OVER))).scalars()
        standing = {(row.rule, row.subject): row for row in rows}
        for rule, row in [(key[0], row) for key, row in standing.items()]:
            if rule not in self._rules.rules:
                await self._end(row)  # Its rule no longer exists or is off.
        for rule, limits in self._rules.rules.items():
            if rule not in values:
                continue  # Not known: a firing alert keeps firing, and none begins.
            subjects = {*values[rule], *(subject for one, subject in standing if one is rule)}
            for subject in sorted(subjects):
                value = values[rule].get(subject, 0.0)
                await self._judged(standing.get((rule, subject)), rule, subject, limits, value)

    async def _judged(self, row: AlertRow | None, rule: AlertRule, subject: str, limits: Rule, value: float) -> None:
        before = None if row is None else AlertProgress(row.state, row.since, row.fired_at, row.calm_since)
        after = following(before, value > limits.limit, limits.timing, self._now)
        if after is None:
            if row is not None:
                await self._session.delete(row)
            return
        if row is None:
            row = await self._begun(rule, subject, after)
        row.value, row.worst, row.limit_value, row.owner = value, max(value, row.worst), limits.limit, limits.owner
        row.policy_version = self._rules.version
        if after.state is AlertState.OVER:
            await self._end(row)
            return
        self.fired += row.state is AlertState.PENDING and after.state is AlertState.FIRING
        row.state, row.fired_at, row.calm_since = after.state, after.fired_at, after.calm_since
        if row.state is AlertState.FIRING and row.sent_at is None and not _snoozed(row, self._now):
            row.sent, row.sent_at = row.sent + 1, self._now
            await fires(self._session, _fired(row), self._rules.webhook_url)

    async def _begun(self, rule: AlertRule, subject: str, after: AlertProgress) -> AlertRow:
        """Open a new alert; it inherits the snooze of the one before it."""
        row = AlertRow(
            id=new_id(), rule=rule, subject=subject, state=AlertState.PENDING, since=after.since, value=0, worst=0,
            limit_value=0, owner="",
        )  # fmt: skip
        of_same = (AlertRow.rule == rule, AlertRow.subject == subject, AlertRow.snoozed_until > self._now)
        newest = select(AlertRow).where(*of_same).order_by(AlertRow.id.desc()).limit(1)
        before = (await self._session.execute(newest)).scalar_one_or_none()
        if before is not None:
            row.snoozed_by, row.snoozed_until = before.snoozed_by, before.snoozed_until
            row.snooze_reason = before.snooze_reason
        self._session.add(row)
        return row

    async def _end(self, row: AlertRow) -> None:
        if row.state is AlertState.PENDING:
            await self._session.delete(row)
            return
        row.state, row.over_at = AlertState.OVER, self._now
        self.ended += 1
        if row.sent:
            await over(self._session, _fired(row), self._rules.webhook_url)


def _snoozed(row: AlertRow, now: datetime) -> bool:
    return row.snoozed_until is not None and row.snoozed_until > now


def _fired(row: AlertRow) -> Fired:
    return Fired(
        row.id, row.rule, row.subject, row.value, row.limit_value, row.owner, row.sent, row.fired_at or row.since,
        row.over_at,
    )  # fmt: skip
