"""Every measure in every state that it can have, from real rows; and what of a reading is shown once it is old."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops.health import readings
from database.repositories import outbox, set_aside
from database.repositories.notices import tell
from database.session import Database
from database.tables.notices import NoticePreferencesRow
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.ops.health import FRESH, SCALES, Found, Measure, State, Unit, reading, worst
from services.ops import described, upkeep, watch
from services.ops.described import DescribedQueue
from services.ops.health import Health, keep, measured
from services.ops.loops import LoopReport, LoopSeen
from services.ops.watch import Look
from tests.builders import installation as rows

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOW = datetime.now(UTC).replace(microsecond=0)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def taken(database: Database, measure: Measure) -> Found:
    async with database.transaction() as session:
        return next(one for one in await measured(session, NOW) if one.measure is measure)


@pytest.mark.parametrize("measure", list(Measure))
async def test_each_scale_has_its_states_in_order(measure: Measure) -> None:
    scale = SCALES[measure]
    sign = -1 if scale.less else 1
    if scale.attention is not None:
        assert scale.state_of(scale.attention) is State.ATTENTION
        assert scale.state_of(scale.attention - sign) is State.OK
    if scale.broken is not None:
        assert scale.state_of(scale.broken) is State.BROKEN
        assert scale.state_of(scale.broken - sign) is (State.OK if scale.attention is None else State.ATTENTION)
    if scale.attention is None and scale.broken is None:
        assert scale.unit is Unit.BYTES
        assert scale.state_of(10**15) is State.OK


async def test_an_old_reading_and_one_that_was_never_taken_are_unknown(installation: Database) -> None:
    async with installation.transaction() as session:
        await keep(session, [Found(Measure.DISK, 9_600.0)], NOW)
    for later, state in ((FRESH, State.BROKEN), (FRESH + SECOND, State.UNKNOWN)):
        async with installation.transaction() as session:
            found = {one.found.measure: one for one in await readings(session, NOW + later)}
        assert (found[Measure.DISK].state, found[Measure.DISK].taken_at) == (state, NOW)
        assert (found[Measure.CLOCK].state, found[Measure.CLOCK].taken_at) == (State.UNKNOWN, None)


async def test_a_reading_says_what_it_means_without_a_value() -> None:
    assert Found(Measure.CLOCK, None).state is State.UNKNOWN
    assert Found(Measure.REPLICATION, 10.0**9, absent=True).state is State.OK
    assert Found(Measure.PHOTOS, 1.0, failed=True).state is State.BROKEN
    assert reading(Found(Measure.CLOCK, 0.0), NOW, NOW).state is State.OK


async def test_overall_health_is_that_of_the_worst_part() -> None:
    assert worst([State.OK, State.ATTENTION, State.UNKNOWN]) is State.UNKNOWN
    assert worst([State.OK, State.BROKEN, State.UNKNOWN]) is State.BROKEN
    assert worst([State.OK]) is State.OK


async def test_the_server_is_measured(installation: Database) -> None:
    found = await taken(installation, Measure.CONNECTIONS)
    assert 0 < int(found.facts["used"]) <= int(found.facts["most"])
    assert found.value == int(found.facts["used"]) * 10_000 / int(found.facts["most"])
    assert (await taken(installation, Measure.REPLICATION)).absent
    assert ((await taken(installation, Measure.DATABASE_SIZE)).value or 0) > 1_000_000


async def test_the_oldest_transaction_is_another_connections(installation: Database) -> None:
    async with installation.transaction() as other:
        await other.execute(text("SELECT pg_sleep(0.3)"))
        assert ((await taken(installation, Measure.TRANSACTION)).value or 0) >= 0.3


async def a_webhook(session: AsyncSession, due: datetime, kind: str = "webhook") -> None:
    delivery_id = await outbox.put(session, kind, "partner:one", "card.paid", {})
    await session.execute(text("UPDATE outbox SET due_at = :due WHERE id = :id"), {"due": due, "id": delivery_id})


async def test_pending_outbox_rows_are_counted(installation: Database) -> None:
    async with installation.transaction() as session:
        await a_webhook(session, NOW + MINUTE)  # It failed, and is tried again later: nobody is behind.
    assert (await taken(installation, Measure.OUTBOX)).state is State.OK
    for late, state in ((61 * SECOND, State.ATTENTION), (11 * MINUTE, State.BROKEN)):
        async with installation.transaction() as session:
            await a_webhook(session, NOW - late, "message")
        found = await taken(installation, Measure.OUTBOX)
        assert (found.value, found.state) == (late.total_seconds(), state)
    webhooks = await taken(installation, Measure.WEBHOOKS)
    assert (webhooks.value, webhooks.state) == (1, State.OK)
    assert int(webhooks.facts["oldest_s"]) < 600


async def test_notifications_that_have_not_left_count_after_five_minutes(installation: Database) -> None:
    person = await rows.a_person(installation, "ops")
    async with installation.transaction() as session:
        session.add(NoticePreferencesRow(person_id=person, mail=True, digest_minutes=0))
    async with installation.transaction() as session:
        for _ in range(20):
            await tell(session, [person], NoticeKind.ALERT, new_id())
    assert (await taken(installation, Measure.NOTICES)).value == 0
    async with installation.transaction() as session:
        await session.execute(text("UPDATE notice SET due_at = :due"), {"due": NOW - 6 * MINUTE})
    found = await taken(installation, Measure.NOTICES)
    assert (found.value, found.state) == (20, State.ATTENTION)
    async with installation.transaction() as session:
        await session.execute(text("DELETE FROM notice"))
        await session.execute(text("DELETE FROM notice_preference"))


async def test_work_that_was_set_aside_is_counted(installation: Database) -> None:
    async with installation.transaction() as session:
        await set_aside.put(session, "courier", "one", "ValueError at x.py:1", NOW)
    assert (await taken(installation, Measure.SET_ASIDE)).state is State.ATTENTION


async def test_an_installation_without_submissions_has_nothing_to_check_or_to_lose(installation: Database) -> None:
    for measure in (Measure.INVARIANTS, Measure.CHECKED, Measure.BACKUP):
        assert (await taken(installation, measure)).absent, measure


async def test_without_a_check_or_a_backup_an_installation_is_as_old_as_its_first_submission(
    installation: Database,
) -> None:
    async with installation.transaction() as session:
        await rows.a_card(session, NOW - 27 * HOUR)
    for measure in (Measure.CHECKED, Measure.BACKUP):
        found = await taken(installation, measure)
        assert (found.state, found.facts) == (State.ATTENTION, {"never": "yes"})
    assert (await taken(installation, Measure.INVARIANTS)).state is State.UNKNOWN


async def test_checks_and_backups_are_seen_and_the_newest_counts(installation: Database) -> None:
    async with installation.transaction() as session:
        await rows.a_card(session, NOW - 90 * DAY)
        broken = [("I5", "card A stands still"), ("I5", "card B stands still"), ("I12", "payment C")]
        await upkeep.checked(session, broken, NOW - 2 * HOUR, NOW - 2 * HOUR)
        await upkeep.backed_up(session, 3, NOW - 80 * HOUR, NOW - HOUR)
    invariants = await taken(installation, Measure.INVARIANTS)
    assert (invariants.value, invariants.parts, invariants.state) == (3, {"I5": 2, "I12": 1}, State.BROKEN)
    assert (await taken(installation, Measure.BACKUP)).state is State.BROKEN  # It holds what was there when it began.
    async with installation.transaction() as session:
        await upkeep.checked(session, [], NOW - HOUR, NOW - HOUR)
        await upkeep.backed_up(session, 3, NOW - HOUR, NOW - HOUR)
    assert [
        (await taken(installation, one)).state for one in (Measure.INVARIANTS, Measure.CHECKED, Measure.BACKUP)
    ] == [
        State.OK,
        State.OK,
        State.OK,
    ]


async def test_one_process_of_many_begins_a_check_that_is_due(installation: Database) -> None:
    async def claimed(now: datetime) -> bool:
        async with installation.transaction() as session:
            return await upkeep.claim_check(session, 6 * HOUR, 30 * MINUTE, now)

    assert [await claimed(NOW), await claimed(NOW + MINUTE)] == [True, False]
    assert await claimed(NOW + 31 * MINUTE)  # The first one died.
    async with installation.transaction() as session:
        await upkeep.checked(session, [], NOW, NOW + HOUR)
    assert [await claimed(NOW + 6 * HOUR), await claimed(NOW + 7 * HOUR + SECOND)] == [False, True]


async def test_temporals_silence_is_measured_by_its_last_answer(installation: Database) -> None:
    assert (await taken(installation, Measure.TEMPORAL)).state is State.UNKNOWN
    for silent, state in ((SECOND, State.OK), (21 * SECOND, State.ATTENTION), (MINUTE, State.BROKEN)):
        async with installation.transaction() as session:
            await watch.ended(session, Look.QUEUES, {}, NOW - silent)
        assert (await taken(installation, Measure.TEMPORAL)).state is state
    async with installation.transaction() as session:
        await watch.ended(session, Look.STUCK, {}, NOW)
    assert (await taken(installation, Measure.LOOKS)).state is State.UNKNOWN  # Nothing was compared yet.
    async with installation.transaction() as session:
        await watch.ended(session, Look.SWEEP, {}, NOW - 151 * SECOND)
    assert (await taken(installation, Measure.LOOKS)).state is State.ATTENTION


async def test_queue_without_a_poller_is_named(installation: Database) -> None:
    assert (await taken(installation, Measure.WORKERS)).state is State.UNKNOWN
    polled, idle = ({"identity": "1@here"},), ()
    async with installation.transaction() as session:
        await described.keep_queue(session, DescribedQueue("cards", "workflow", polled, 0, 0.0, 1.0, 1.0), NOW)
    assert (await taken(installation, Measure.WORKERS)).state is State.OK
    async with installation.transaction() as session:
        await described.keep_queue(session, DescribedQueue("reading", "activity", idle, 3, 40.0, 0.0, 0.0), NOW)
    found = await taken(installation, Measure.WORKERS)
    assert (found.value, dict(found.parts), found.state) == (1, {"reading activity": 1}, State.BROKEN)
    async with installation.transaction() as session:
        await session.execute(text("UPDATE task_queue SET seen_at = :at"), {"at": NOW - 2 * MINUTE})
    assert (await taken(installation, Measure.WORKERS)).state is State.UNKNOWN  # Temporal does not answer.


def a_loop(name: str, lag_s: float, failures: int = 0) -> LoopSeen:
    return LoopSeen(name, 1.0, lag_s, 5.0, failures)


async def test_loops_that_fail_or_are_late_are_named_and_old_processes_forgotten(installation: Database) -> None:
    assert (await taken(installation, Measure.LOOPS)).state is State.UNKNOWN
    seen = [a_loop("stuck", 2.0), a_loop("courier", 90.0), a_loop("teller", 1.0, failures=3)]
    assert await LoopReport(installation, "worker 1@here", lambda: seen, lambda: NOW).write() == 3
    found = await taken(installation, Measure.LOOPS)
    assert (found.value, found.state) == (2, State.ATTENTION)
    assert dict(found.parts) == {"courier (worker 1@here)": 89, "teller (worker 1@here)": 0}
    await LoopReport(installation, "worker 1@here", lambda: [a_loop("stuck", 1.0)], lambda: NOW).write()
    assert (await taken(installation, Measure.LOOPS)).state is State.OK
    await LoopReport(installation, "other 2@here", lambda: [a_loop("stuck", 1.0)], lambda: NOW + 2 * HOUR).write()
    async with installation.transaction() as session:
        left = (await session.execute(text("SELECT process FROM loop_health"))).scalars().all()
    assert left == ["other 2@here"]


async def test_a_look_keeps_every_measure_with_those_of_the_machine(installation: Database) -> None:
    async def machine() -> Sequence[Found]:
        return [Found(measure, 1.0) for measure in OF_THE_MACHINE]

    assert await Health(installation, machine, lambda: NOW).take() == len(Measure)
    async with installation.transaction() as session:
        assert all(one.taken_at == NOW for one in await readings(session, NOW))


OF_THE_MACHINE = (Measure.DISK, Measure.PHOTOS, Measure.KEYS, Measure.CERTIFICATE, Measure.CLOCK)
