"""Alert rules: each fires and ends, is sent once, and stays as it is while nothing is known; what people do about one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from database.tables.notices import NoticeRow
from database.tables.ops.health import AlertRow
from database.tables.people import AuditRow
from database.tables.platform import OutboxRow
from domain.errors.general import FieldInvalid
from domain.errors.ops import AlertIsOver
from domain.errors.people import NotAllowed
from domain.errors.work import SecretInWords
from domain.ops.alerts import AlertRule, AlertState
from domain.ops.health import Found, Measure
from domain.places import business_day
from domain.policies.book import BOOK
from domain.rules.alerts import KIND, Rule, alerts_in_force
from domain.support.tickets import TicketCategory
from services.ops.alert_acts import AlertActs
from services.ops.alerts import Alerts, Judged
from services.ops.health import keep
from tests.builders import installation as rows

pytestmark = pytest.mark.asyncio(loop_scope="session")
START = datetime.now(UTC).replace(microsecond=0)  # A snooze begins when a person says so.
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
Plant = Callable[[AsyncSession, datetime, bool], Awaitable[None]]


def a_reading(measure: Measure, value: float, **parts: float) -> Plant:
    """What the job of health would have written down."""

    async def plant(session: AsyncSession, now: datetime, bad: bool) -> None:
        await keep(session, [Found(measure, value, parts=parts) if bad else Found(measure, 0.0)], now)

    return plant


def stuck_runs(number: int, age: timedelta) -> Plant:
    async def plant(session: AsyncSession, now: datetime, bad: bool) -> None:
        await session.execute(text("DELETE FROM stuck_run"))
        session.add_all(rows.a_stuck_run(now - age) for _ in range(number if bad else 0))

    return plant


async def overdue_tasks(session: AsyncSession, now: datetime, bad: bool) -> None:
    await session.execute(text("DELETE FROM work_item"))
    session.add_all(rows.an_overdue_task(now) for _ in range(11 if bad else 10))


async def an_unknown_payment(session: AsyncSession, now: datetime, bad: bool) -> None:
    await session.execute(text("UPDATE payout SET state = 'paid'"))
    if bad:
        await rows.an_unknown_payment(session, now - HOUR)


async def late_quotes(session: AsyncSession, now: datetime, bad: bool) -> None:
    """Of twenty cards of the last hour three were quoted late, or none."""
    for table in ("quote", "card"):
        await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # Names of our own.
    for place in range(20):
        late = bad and place < 3
        await rows.a_card(session, now - 30 * MINUTE, 5 * MINUTE if late else 10 * SECOND)


async def tickets_about_late_payouts(session: AsyncSession, now: datetime, bad: bool) -> None:
    """Five of the last hour, or four; the one before is three weeks old."""
    for table in ("ticket", "work_item"):
        await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # Names of our own.
    for opened_at in [now - HOUR] * (5 if bad else 4) + [now - 21 * DAY + HOUR]:
        await rows.a_ticket(session, opened_at, TicketCategory.PAYOUT_LATE)


CASES: Mapping[AlertRule, Plant] = {
    AlertRule.STUCK: stuck_runs(21, MINUTE),
    AlertRule.STUCK_OLDEST: stuck_runs(1, 2 * HOUR),
    AlertRule.WORKERS: a_reading(Measure.WORKERS, 1, **{"reading activity": 1}),
    AlertRule.DEADLINES: overdue_tasks,
    AlertRule.INVARIANTS: a_reading(Measure.INVARIANTS, 2, I5=2),
    AlertRule.WEBHOOKS: a_reading(Measure.WEBHOOKS, 1001),
    AlertRule.LOOPS: a_reading(Measure.LOOPS, 1),
    AlertRule.SET_ASIDE: a_reading(Measure.SET_ASIDE, 6),
    AlertRule.TICKET_GROWTH: tickets_about_late_payouts,
    AlertRule.PAYOUT_UNKNOWN: an_unknown_payment,
    AlertRule.OUTBOX: a_reading(Measure.OUTBOX, 301),
    AlertRule.BACKUP: a_reading(Measure.BACKUP, 108_001),
    AlertRule.CLOCK: a_reading(Measure.CLOCK, 31),
    AlertRule.TEMPORAL: a_reading(Measure.TEMPORAL, 61),
    AlertRule.QUOTES: late_quotes,
    AlertRule.DISK: a_reading(Measure.DISK, 9_001),
    AlertRule.CONNECTIONS: a_reading(Measure.CONNECTIONS, 8_501),
}


async def test_every_rule_has_a_case_and_is_switched_on() -> None:
    assert set(CASES) == set(AlertRule) == set(alerts_in_force(business_day(START)).rules)


def limits_of(rule: AlertRule) -> Rule:
    return alerts_in_force(business_day(START)).rules[rule]


async def judged(database: Database, now: datetime, plant: Plant | None = None, bad: bool = True) -> Judged:
    """Plant the state of that moment, and judge by a fresh process."""
    if plant is not None:
        async with database.transaction() as session:
            await plant(session, now, bad)
    return await Alerts(database, lambda: now).judge()


async def found(database: Database, table: Any) -> list[Any]:
    async with database.transaction() as session:
        return list((await session.execute(select(table).order_by(table.id))).scalars())


async def audited(database: Database, alert: AlertRow) -> list[AuditRow]:
    return [one for one in await found(database, AuditRow) if one.subject == alert.id]


async def fires(database: Database, rule: AlertRule) -> datetime:
    """Let the rule fire; returns the moment."""
    await judged(database, START, CASES[rule])
    at = START + limits_of(rule).timing.fires_after
    await judged(database, at, CASES[rule])
    return at


@pytest.mark.parametrize("rule", list(AlertRule))
async def test_a_rule_fires_after_its_time_and_ends_after_its_calm(installation: Database, rule: AlertRule) -> None:
    timing = limits_of(rule).timing
    owner = await rows.a_person(installation, limits_of(rule).owner)
    if timing.fires_after:
        assert (await judged(installation, START, CASES[rule])).fired == 0
        assert [one.state for one in await found(installation, AlertRow)] == [AlertState.PENDING]
    at = START + timing.fires_after
    assert (await judged(installation, at, CASES[rule])).fired == 1
    (alert,) = await found(installation, AlertRow)
    assert (alert.rule, alert.state, alert.fired_at) == (rule, AlertState.FIRING, at)
    assert alert.value > limits_of(rule).limit
    assert alert.policy_version == alerts_in_force(business_day(START)).version
    (notice,) = await found(installation, NoticeRow)
    assert (notice.person_id, notice.kind, notice.facts["topic"]) == (owner, "alert", rule.value)

    calm = at + MINUTE
    assert (await judged(installation, calm, CASES[rule], bad=False)).ended == (0 if timing.calm_for else 1)
    await judged(installation, calm + timing.calm_for, CASES[rule], bad=False)
    (alert,) = await found(installation, AlertRow)
    assert (alert.state, alert.over_at) == (AlertState.OVER, calm + timing.calm_for)
    assert [one.kind for one in await found(installation, NoticeRow)] == ["alert", "alert_over"]


@pytest.mark.parametrize("rule", list(AlertRule))
async def test_a_value_at_its_limit_is_no_alert(installation: Database, rule: AlertRule) -> None:
    await judged(installation, START, CASES[rule], bad=False)
    await judged(installation, START + HOUR, CASES[rule], bad=False)
    assert await found(installation, AlertRow) == []


async def test_lasting_alert_is_sent_once(installation: Database) -> None:
    await rows.a_person(installation, "ops")
    at = await fires(installation, AlertRule.STUCK)
    for minute in range(5):
        await judged(installation, at + minute * MINUTE, CASES[AlertRule.STUCK])
    assert len(await found(installation, AlertRow)) == len(await found(installation, NoticeRow)) == 1


async def test_alert_is_sent_once_after_a_crash_before_commit(
    installation: Database,
) -> None:
    await rows.a_person(installation, "ops")
    plant = CASES[AlertRule.INVARIANTS]

    class Killed(Exception):
        pass

    with pytest.raises(Killed):
        await _judged_and_killed(installation, plant, Killed())
    assert await found(installation, NoticeRow) == await found(installation, AlertRow) == []
    assert (await judged(installation, START, plant)).fired == 1
    assert (await judged(installation, START + SECOND, plant)).fired == 0
    assert len(await found(installation, NoticeRow)) == 1


async def _judged_and_killed(database: Database, plant: Plant, killed: Exception) -> None:
    from database.reads.ops.alert_values import observed
    from services.ops.alerts import _Look

    async with database.transaction() as session:
        await plant(session, START, True)
    async with database.transaction() as session:
        rules = alerts_in_force(business_day(START))
        await _Look(session, rules, START).open(await observed(session, rules, START))
        raise killed


async def test_a_value_that_flaps_fires_once(installation: Database) -> None:
    await rows.a_person(installation, "ops")
    at = await fires(installation, AlertRule.STUCK)
    for minute in range(1, 9):
        await judged(installation, at + minute * MINUTE, CASES[AlertRule.STUCK], bad=minute % 2 == 0)
    assert [one.state for one in await found(installation, AlertRow)] == [AlertState.FIRING]
    assert len(await found(installation, NoticeRow)) == 1


async def test_unknown_value_neither_fires_nor_ends_an_alert(installation: Database) -> None:
    await rows.a_person(installation, "ops")
    at = await fires(installation, AlertRule.WORKERS)
    later = at + HOUR  # The reading is an hour old: Temporal, or who asks it, is away.
    assert await judged(installation, later) == Judged(0, 0)
    assert [one.state for one in await found(installation, AlertRow)] == [AlertState.FIRING]


async def test_each_task_queue_has_an_alert_of_its_own(installation: Database) -> None:
    await rows.a_person(installation, "ops")
    both = a_reading(Measure.WORKERS, 2, **{"cards workflow": 1, "reading activity": 1})
    one = a_reading(Measure.WORKERS, 1, **{"reading activity": 1})
    for minute, plant in enumerate((both, both, one, one)):
        await judged(installation, START + minute * MINUTE, plant)
    states = {alert.subject: alert.state for alert in await found(installation, AlertRow)}
    assert states == {"cards workflow": AlertState.OVER, "reading activity": AlertState.FIRING}


async def test_a_snoozed_alert_is_sent_again_when_the_snooze_ends_and_not_before(installation: Database) -> None:
    ops = await rows.a_person(installation, "ops")
    await fires(installation, AlertRule.DISK)
    (alert,) = await found(installation, AlertRow)
    await AlertActs(installation).snooze(ops, alert.id, 4, "a new disk\n comes at noon")
    until = (await found(installation, AlertRow))[0].snoozed_until
    for moment in (until - HOUR, until - SECOND):
        await judged(installation, moment, CASES[AlertRule.DISK])
    assert len(await found(installation, NoticeRow)) == 1
    await judged(installation, until + SECOND, CASES[AlertRule.DISK])
    assert [one.kind for one in await found(installation, NoticeRow)] == ["alert", "alert"]
    (audit,) = await audited(installation, alert)
    assert (audit.act, audit.actor, audit.reason) == ("ops:alert:snooze", f"person:{ops}", "a new disk comes at noon")


async def test_snooze_carries_over_to_the_next_alert_of_its_kind(installation: Database) -> None:
    ops = await rows.a_person(installation, "ops")
    plant, timing = CASES[AlertRule.INVARIANTS], limits_of(AlertRule.INVARIANTS).timing
    assert timing.fires_after == timing.calm_for == timedelta()
    await judged(installation, START, plant)
    await AlertActs(installation).snooze(ops, (await found(installation, AlertRow))[0].id, 4, "known")
    await judged(installation, START + MINUTE, plant, bad=False)
    await judged(installation, START + 2 * MINUTE, plant)
    first, second = await found(installation, AlertRow)
    assert (first.state, second.state, second.snooze_reason) == (AlertState.OVER, AlertState.FIRING, "known")
    assert [one.kind for one in await found(installation, NoticeRow)] == ["alert", "alert_over"]


async def test_an_acknowledged_alert_keeps_who_did_so_first(installation: Database) -> None:
    first, second = await rows.a_person(installation, "ops"), await rows.a_person(installation, "admin")
    await fires(installation, AlertRule.DISK)
    (alert,) = await found(installation, AlertRow)
    for person in (first, second):
        await AlertActs(installation).acknowledge(person, alert.id)
    assert (await found(installation, AlertRow))[0].acknowledged_by == first
    assert len(await audited(installation, alert)) == 1


async def test_invalid_alert_acts_are_refused(installation: Database) -> None:
    ops, senior = await rows.a_person(installation, "ops"), await rows.a_person(installation, "senior")
    await judged(installation, START, CASES[AlertRule.INVARIANTS])
    (alert,) = await found(installation, AlertRow)
    acts = AlertActs(installation)
    with pytest.raises(NotAllowed):
        await acts.acknowledge(senior, alert.id)
    for hours, reason in ((5, "why"), (4, " "), (4, "x" * 201)):
        with pytest.raises(FieldInvalid):
            await acts.snooze(ops, alert.id, hours, reason)
    with pytest.raises(SecretInWords):
        await acts.snooze(ops, alert.id, 4, "card 6212345678901234567")
    await judged(installation, START + MINUTE, CASES[AlertRule.INVARIANTS], bad=False)
    with pytest.raises(AlertIsOver):
        await acts.snooze(ops, alert.id, 4, "why")


async def test_a_rule_that_is_switched_off_ends_its_alert(
    installation: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rows.a_person(installation, "ops")
    at = await fires(installation, AlertRule.DISK)
    in_force = BOOK.in_force(KIND, business_day(START))
    shares = {**in_force.document["shares"], "disk": {**in_force.document["shares"]["disk"], "on": False}}
    off = replace(in_force, document={**in_force.document, "shares": shares})
    monkeypatch.setattr(BOOK, "in_force", lambda *_: off)
    await judged(installation, at + MINUTE, CASES[AlertRule.DISK])
    assert [one.state for one in await found(installation, AlertRow)] == [AlertState.OVER]


async def test_the_address_of_the_policy_is_sent_both_ends_of_an_alert(
    installation: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force = BOOK.in_force(KIND, business_day(START))
    document = {**in_force.document, "webhook_url": "https://ops.example.com/alerts"}
    with_address = replace(in_force, document=KIND.require_valid(document, in_force.document))
    monkeypatch.setattr(BOOK, "in_force", lambda *_: with_address)
    plant = CASES[AlertRule.INVARIANTS]
    for minute, bad in enumerate((True, True, False, False)):
        await judged(installation, START + minute * MINUTE, plant, bad)
    sent = await found(installation, OutboxRow)
    assert [(one.kind, one.destination, one.topic) for one in sent] == [
        ("webhook", "alerts", "alert.firing"),
        ("webhook", "alerts", "alert.over"),
    ]
    assert sent[0].payload["runbook"] == "/operations/runbook#invariants"
    assert (sent[0].payload["subject"], sent[1].payload["over_at"]) == ("I5", (START + 2 * MINUTE).isoformat())


async def test_operations_are_notified_when_the_owner_left(installation: Database) -> None:
    ops = await rows.a_person(installation, "ops")
    await fires(installation, AlertRule.PAYOUT_UNKNOWN)  # Finance owns it, and there is nobody in finance.
    assert [one.person_id for one in await found(installation, NoticeRow)] == [ops]
