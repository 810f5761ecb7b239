"""Stuck cards, task queues, readings and alerts for the tests of the operations pages."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, text

from database.tables.ops.health import AlertRow, HealthReadingRow
from database.tables.people import PartnerRow
from database.tables.platform import OutboxRow
from domain.identifiers import new_id
from domain.ops.alerts import AlertRule, AlertState
from domain.ops.calls import CallEnd
from domain.ops.health import Found, Measure
from domain.ops.runs import FailedAttempt, StepState
from domain.ops.workers import WAIT_BOUNDS, QueueUse
from services.ops import builds, described, watch
from services.ops.attempts import Attempts
from services.ops.calls import ProviderCallCounts
from services.ops.described import DescribedQueue, DescribedStep
from services.ops.health import keep
from services.ops.maintenance import Maintenance, WindowInput
from services.ops.stuck import StuckRuns
from services.ops.workers import Workers
from tests.reviewer_ui.conftest import House

HOUR = timedelta(hours=1)


async def stuck_runs(house: House, *cards: str) -> None:
    """The first card's step fails, the second's is taken by nobody; one queue has a worker and one has none."""
    failing, waiting, now = cards[0], cards[1:], datetime.now(UTC)
    attempts = Attempts(house.database)
    attempts.failed(
        FailedAttempt(
            f"card:{failing}", "verification.ask_issuer", "issuer-jd", "gateway_unavailable", "timeout", "issuer: timeout",
            failures=3, next_in_s=30, build_id="b1", worker="1@here",
        )
    )  # fmt: skip
    await attempts.write()
    async with house.database.transaction() as session:
        for card in waiting:
            step = DescribedStep(
                f"card:{card}", StepState.UNSTARTED, "reading.read_photos", "reading", 0, "unstarted", "", "",
                datetime(2026, 1, 1, tzinfo=UTC), None, "", "",
            )  # fmt: skip
            await described.keep(session, step, now)
        worker = {"identity": "1@here", "build_id": "b1", "seen_at": now.isoformat()}
        await described.keep_queue(session, DescribedQueue("cards", "workflow", (worker,), 0, 0.0, 1.0, 1.0), now)
        await described.keep_queue(session, DescribedQueue("reading", "activity", (), 3, 40.0, 0.0, 0.0), now)
        await watch.ended(session, watch.Look.QUEUES, {"queues": 2}, now)
        drift = {"card_missing": [f"card:{failing}"], "card_missing_count": 1, "card_unexpected_count": 0}
        await watch.ended(session, watch.Look.SWEEP, drift, now)
        await session.merge(PartnerRow(id="P-AWAY", name="Green Lane Cards", webhook_url="https://example.com/hook"))
        for given_up in (None, None, now):
            session.add(
                OutboxRow(
                    id=new_id(), kind="webhook", destination="partner:P-AWAY", topic="card.paid", payload={}, attempts=4,
                    due_at=now + timedelta(hours=1), last_failure="webhook: http_503", given_up_at=given_up,
                )
            )  # fmt: skip
    await StuckRuns(house.database).find()


async def without_maintenance(house: House) -> None:
    """No windows and no calls."""
    async with house.database.transaction() as session:
        for table in (
            "provider_window",
            "provider_step",
            "provider_slot",
            "provider_day",
            "provider_error",
            "provider_running",
        ):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # Our own.


async def a_provider_in_maintenance(house: House, by: str) -> str:
    """JD is in maintenance for two hours, after some calls of which two failed; the payment gateway's is planned."""
    now = datetime.now(UTC)
    await without_maintenance(house)
    counts = ProviderCallCounts(house.database, "1@here")
    for latency_ms, end in [(40, CallEnd.ANSWERED)] * 18 + [(5_000, CallEnd.TIMEOUT), (900, CallEnd.FAILED)]:
        counts.began("issuer:jd")
        counts.ended("issuer:jd", end, "timeout" if end is CallEnd.TIMEOUT else "http_503", latency_ms, 3)
    await counts.write()
    desk = Maintenance(house.database)
    window = await desk.begin(by, WindowInput("issuer:jd", "", "New data centre", None, now + timedelta(hours=2)))
    planned = now + timedelta(days=1)
    await desk.begin(by, WindowInput("payout", "", "Certificates change", planned, planned + timedelta(hours=1)))
    return window


async def worker_processes(house: House, person: str) -> None:
    """A card worker that works, a reader that is drained, and a third that is lost; open cards hold work of two builds."""
    workers, pid = Workers(house.database), os.getpid()
    async with house.database.transaction() as session:
        await session.execute(text("DELETE FROM worker_process"))
    waits = tuple(98 if place == 1 else int(place == 6) for place in range(len(WAIT_BOUNDS) + 1))
    for kind, host, build in (("cards", "here", "b2"), ("reading", "here", "b1"), ("cards", "elsewhere", "b1")):
        await workers.claim(kind, host, pid, build)
    used = {"workflow": QueueUse(2, 100, waits), "activity": QueueUse(7, 100, waits)}
    await workers.beat("cards@here", pid, {"cards": used})
    await workers.drain(person, "reading@here", "a new disk")
    await workers.ended("reading@here", pid)
    async with house.database.transaction() as session:
        lost = {"at": datetime.now(UTC) - timedelta(minutes=5)}
        await session.execute(text("UPDATE worker_process SET beat_at = :at WHERE name = 'cards@elsewhere'"), lost)
        await builds.keep(session, {"b1": 3, "b2": 41}, datetime.now(UTC))


async def readings_and_alerts(house: House, owner: str) -> dict[str, str]:
    """Readings in every state, and alerts: two that fire, a snoozed one and one that is over; returns their ids by subject."""
    now = datetime.now(UTC)
    found = [
        Found(Measure.CONNECTIONS, 9_200, {"used": "92", "most": "100"}),
        Found(Measure.WORKERS, 1, {"queues": "7"}, parts={"reading activity": 1}),
        Found(Measure.BACKUP, 100_000, {"never": "yes"}),
        Found(Measure.REPLICATION, 0, absent=True),
        Found(Measure.DATABASE_SIZE, 1_500_000_000),
        Found(Measure.CLOCK, 0.4),
        Found(Measure.PHOTOS, 4_000, {"free_bytes": "90000000000", "writable": "yes"}),
        Found(Measure.OUTBOX, 0),
    ]
    alerts = [
        _an_alert(AlertRule.WORKERS, "reading activity", now, owner="ops"),
        _an_alert(AlertRule.PAYOUT_UNKNOWN, "", now, value=7_200, limit_value=1_800, owner=f"person:{owner}"),
        _an_alert(
            AlertRule.DISK, "", now, value=9_300, limit_value=9_000, snoozed_by=owner, snoozed_until=now + 4 * HOUR,
            snooze_reason="a new disk comes at noon", acknowledged_by=owner, acknowledged_at=now,
        ),
        _an_alert(AlertRule.INVARIANTS, "I5", now - HOUR, state=AlertState.OVER, over_at=now),
    ]  # fmt: skip
    async with house.database.transaction() as session:
        await session.execute(delete(AlertRow))
        await session.execute(delete(HealthReadingRow))
        await keep(session, found, now)
        session.add_all(alerts)
    return {one.subject or one.rule.value: one.id for one in alerts}


def _an_alert(rule: AlertRule, subject: str, fired_at: datetime, **more: Any) -> AlertRow:
    given: dict[str, Any] = {"state": AlertState.FIRING, "value": 1, "limit_value": 0, "owner": "ops"}
    given |= more
    return AlertRow(
        id=new_id(), rule=rule, subject=subject, since=fired_at, fired_at=fired_at, worst=given["value"], sent=1,
        sent_at=fired_at, **given,
    )  # fmt: skip
