"""The figures that machines watch: backlogs, stuck cards, workers and open work, as this installation's rows have them."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from database.repositories import outbox
from domain.identifiers import new_id
from domain.ops.runs import StepState
from jobs.figures import FiguresJob
from services.ops import described
from services.ops.described import DescribedQueue, DescribedStep
from services.ops.stuck import StuckRuns
from services.ops.workers import Workers
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


def figure(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"cardloop_{name}", labels)


async def test_the_figures_are_those_of_the_rows_and_what_is_over_is_gone(world: World) -> None:
    later = datetime.now(UTC) + timedelta(minutes=20)
    card_id, host, queue = await world.a_card(), f"host-{new_id()}", f"queue-{new_id()}"
    await world.intake.mark_started(card_id)
    await Workers(world.database).claim("cards", host, os.getpid(), f"b-{host}")
    step = DescribedStep(
        f"card:{card_id}", StepState.UNSTARTED, "reading.read_photos", "reading", 0, "unstarted", "", "",
        datetime.now(UTC), None, "", "",
    )  # fmt: skip
    async with world.database.transaction() as session:
        await outbox.put(session, "webhook", f"partner:{new_id()}", "card.paid", {})
        await described.keep(session, step, datetime.now(UTC))
        await described.keep_queue(session, DescribedQueue(queue, "activity", (), 7, 40.0, 1.0, 0.5), datetime.now(UTC))
    await StuckRuns(world.database, lambda: later).find()
    await FiguresJob(world.database, lambda: later).look()
    assert (figure("outbox_waiting", kind="webhook") or 0) >= 1
    assert (figure("outbox_oldest_seconds", kind="webhook") or 0) > 1100
    stuck = {
        one.labels["reason"]
        for family in REGISTRY.collect()
        for one in family.samples
        if one.name == "cardloop_stuck_runs"
    }
    assert stuck
    assert figure("queue_backlog", queue=queue, kind="activity") == 7
    assert figure("queue_pollers", queue=queue, kind="activity") == 0
    assert (figure("workers", kind="cards", state="lost") or 0) >= 1  # Twenty minutes later its heartbeat is old.
    assert figure("figures_timestamp_seconds") == later.timestamp()
    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM task_queue WHERE queue = :queue"), {"queue": queue})
    await FiguresJob(world.database).look()
    assert figure("queue_backlog", queue=queue, kind="activity") is None
