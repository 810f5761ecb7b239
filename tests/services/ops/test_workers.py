"""Worker processes: their names, what state their heartbeats show, and a drain that holds until it is lifted."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta

import psutil
import pytest
from sqlalchemy import select, text

from database.drains import is_drained
from database.reads.ops import workers as reads
from database.tables.people import AuditRow
from domain.errors.general import FieldInvalid, NotFound
from domain.identifiers import new_id
from domain.ops.workers import LOST_AFTER, WAIT_BOUNDS, QueueUse, Waits, WorkerState, state_of, worker_name
from services.ops.workers import Workers
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
PID = os.getpid()


async def seen(world: World, name: str) -> reads.WorkerProcess:
    async with world.database.transaction() as session:
        found = await reads.process(session, name, datetime.now(UTC))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("beat_s", "ended", "drained", "state"),
    [
        (0, False, False, WorkerState.WORKING),
        (0, False, True, WorkerState.DRAINING),
        (0, True, True, WorkerState.DRAINED),
        (0, True, False, WorkerState.STOPPED),
        (11, False, False, WorkerState.LOST),
        (11, False, True, WorkerState.LOST),
        (999, True, True, WorkerState.DRAINED),
    ],
)
async def test_a_workers_state_follows_from_the_age_of_its_heartbeat(
    beat_s: int, ended: bool, drained: bool, state: WorkerState
) -> None:
    beat = NOW - timedelta(seconds=beat_s)
    assert state_of(beat, beat if ended else None, beat if drained else None, NOW) is state


async def test_every_process_has_a_unique_name(world: World) -> None:
    workers, host = Workers(world.database), f"host-{new_id()}"
    first, second = await asyncio.gather(*(workers.claim("cards", host, pid, "b1") for pid in (1, PID)))
    assert {first.name, second.name} == {worker_name("cards", host), worker_name("cards", host, 2)}
    again = await workers.claim("cards", host, PID, "b1")
    assert again.name in {first.name, second.name}
    gone = next(pid for pid in range(4_000_000, 5_000_000) if not psutil.pid_exists(pid))
    other = f"host-{new_id()}"
    await workers.claim("cards", other, gone, "b1")
    assert (await workers.claim("cards", other, PID, "b1")).name == worker_name("cards", other)


async def test_a_drain_is_taken_up_with_the_next_heartbeat_and_holds_until_it_is_lifted(world: World) -> None:
    workers, host = Workers(world.database), f"host-{new_id()}"
    name = (await workers.claim("reading", host, PID, "b2")).name
    used = {"reading": {"activity": QueueUse(1, 4)}}
    assert not await workers.beat(name, PID, used)
    person = new_id()
    await workers.drain(person, name, " a new disk ")
    await workers.drain(new_id(), name, "a second request changes nothing")
    assert await workers.beat(name, PID, used)
    draining = await seen(world, name)
    assert (draining.state, draining.drain_why, draining.used) == (WorkerState.DRAINING, "a new disk", 1)
    await workers.ended(name, PID)
    assert (await seen(world, name)).state is WorkerState.DRAINED
    assert await is_drained(world.database.engine.url.render_as_string(hide_password=False), name)
    assert (await workers.claim("reading", host, PID, "b2")).drained
    assert (await seen(world, name)).state is WorkerState.DRAINED
    await workers.undrain("cli:root", name)
    assert not (await workers.claim("reading", host, PID, "b2")).drained
    async with world.database.transaction() as session:
        rows = await session.execute(select(AuditRow).where(AuditRow.subject == name).order_by(AuditRow.id))
        acts = [(row.actor, row.act, row.reason) for row in rows.scalars()]
    assert acts == [
        (f"person:{person}", "console:worker:drain", "a new disk"),
        ("cli:root", "cli:worker:undrain", ""),
    ]


async def test_an_unknown_worker_and_a_drain_without_a_reason_are_refused(world: World) -> None:
    workers = Workers(world.database)
    with pytest.raises(NotFound):
        await workers.drain("p", "cards@nowhere", "why")
    name = (await workers.claim("cards", f"host-{new_id()}", PID, "b1")).name
    for why in ("  ", "x" * 201):
        with pytest.raises(FieldInvalid):
            await workers.drain("p", name, why)


async def test_slots_and_waits_are_those_of_live_workers_and_each_build_has_its_processes(world: World) -> None:
    workers, host, build = Workers(world.database), f"host-{new_id()}", new_id()
    quick, slow = [0] * (len(WAIT_BOUNDS) + 1), [0] * (len(WAIT_BOUNDS) + 1)
    quick[0], slow[8] = 98, 2
    names = [(await workers.claim("cards", f"{host}-{number}", PID, build)).name for number in range(3)]
    for name, waits in zip(names, (quick, slow, quick), strict=True):
        await workers.beat(name, PID, {host: {"activity": QueueUse(3, 100, tuple(waits))}})
    async with world.database.transaction() as session:
        lost = {"name": names[2], "at": datetime.now(UTC) - LOST_AFTER - timedelta(seconds=1)}
        await session.execute(text("UPDATE worker_process SET beat_at = :at WHERE name = :name"), lost)
    async with world.database.transaction() as session:
        found = [one for one in await reads.processes(session, datetime.now(UTC)) if one.name in names]
        builds = await reads.builds(session, found)
    total = reads.slots(found)[host, "activity"]
    assert (total.used, total.slots, total.waits.total) == (6, 200, 100)
    assert (total.waits.quantile_s(0.98), total.waits.quantile_s(0.99)) == (0.01, 10.0)
    assert total.waits.share_at_once() == 0.98
    assert [(one.working, one.open_runs) for one in builds if one.build_id == build] == [(2, None)]


async def test_a_queue_without_tasks_has_no_waits_and_foreign_counts_are_left_out() -> None:
    none = Waits()
    assert (none.quantile_s(0.99), none.share_at_once()) == (None, None)
    assert none.and_also([1, 2]) == none
