"""Which runs count as stuck, and what the stuck ones come to by cause."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from database.reads.ops import stuck as reads
from database.tables.people import PersonRow
from database.tables.work import WorkItemRow
from domain.cards.card import Stage, WaitingFor
from domain.identifiers import new_id
from domain.ops.causes import LikelyReason
from domain.ops.runs import FailedAttempt, StepState
from services.ops import described
from services.ops.attempts import Attempts
from services.ops.described import DescribedQueue, DescribedStep
from services.ops.maintenance import Maintenance, WindowInput
from services.ops.stuck import StuckRuns
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECOND = timedelta(seconds=1)


def a_failure(card_id: str, **more: Any) -> FailedAttempt:
    made = FailedAttempt(
        workflow_id=f"card:{card_id}", step="verification.ask_issuer", queue="issuer-jd", error_class="gateway_unavailable",
        reason="timeout", message="issuer: timeout", failures=1, next_in_s=2.0, build_id="b1", worker="1@here",
    )  # fmt: skip
    return replace(made, **more)


async def found(world: World, later: timedelta = timedelta()) -> list[dict[str, Any]]:
    """The stuck runs at that time."""
    await StuckRuns(world.database, lambda: datetime.now(UTC) + later).find()
    async with world.database.transaction() as session:
        rows = await session.execute(text("SELECT * FROM stuck_run ORDER BY workflow_id"))
        return [dict(row) for row in rows.mappings()]


async def stuck(world: World, card_id: str, later: timedelta = timedelta()) -> dict[str, Any] | None:
    """The card's row among the stuck runs, or None."""
    return next((row for row in await found(world, later) if row["subject"] == card_id), None)


async def a_running_card(world: World) -> str:
    card_id = await world.a_card()
    await world.intake.mark_started(card_id)
    return card_id


async def test_a_step_is_stuck_from_its_second_failure_on_and_no_longer_once_it_succeeds(world: World) -> None:
    card_id, attempts = await a_running_card(world), Attempts(world.database)
    attempts.failed(a_failure(card_id))
    await attempts.write()
    assert await stuck(world, card_id) is None, "one failure is not stuck"
    attempts.failed(a_failure(card_id, reason="circuit_open"))
    await attempts.write()
    row = await stuck(world, card_id)
    assert row is not None
    assert (row["sign"], row["failures"], row["reason"], row["provider"]) == ("failing", 2, "circuit_open", "issuer:jd")
    assert row["cause"] == "gateway_unavailable~verification.ask_issuer~issuer:jd~b1"
    attempts.passed(f"card:{card_id}", "verification.ask_issuer")
    await attempts.write()
    assert await stuck(world, card_id) is None


async def test_announcing_a_wait_does_not_clear_the_failures_of_the_step_around_it(world: World) -> None:
    card_id, attempts = await a_running_card(world), Attempts(world.database)
    for _ in range(2):
        attempts.failed(a_failure(card_id))
        attempts.passed(f"card:{card_id}", "journey.move")
        attempts.passed(f"card:{card_id}", "provider.held")
    await attempts.write()
    assert (await stuck(world, card_id) or {})["failures"] == 2


async def test_failures_are_written_later_while_the_database_is_away(world: World) -> None:
    card_id, attempts = await a_running_card(world), Attempts(world.database)
    attempts.failed(a_failure(card_id, failures=2))

    async def broken(*_: object) -> None:
        raise ConnectionError

    write, attempts._write = attempts._write, broken  # type: ignore[method-assign,assignment]
    with pytest.raises(ConnectionError):
        await attempts.write()
    attempts._write = write  # type: ignore[method-assign]
    await attempts.write()
    assert (await stuck(world, card_id) or {})["failures"] == 2


async def test_a_failure_without_news_of_its_next_attempt_is_not_shown_for_ever(world: World) -> None:
    card_id, attempts = await a_running_card(world), Attempts(world.database)
    attempts.failed(a_failure(card_id, failures=5))
    await attempts.write()
    assert await stuck(world, card_id) is not None
    assert (await stuck(world, card_id, 70 * SECOND) or {})["sign"] == "slow", "what is left is that it does not move"


async def test_a_card_is_stuck_when_the_machine_takes_too_long_at_a_stage(world: World) -> None:
    card_id = await a_running_card(world)
    assert await stuck(world, card_id, 50 * SECOND) is None
    row = await stuck(world, card_id, 70 * SECOND)
    assert row is not None
    assert (row["sign"], row["step"], row["error_class"]) == ("slow", "intake", "slow")


async def test_a_card_that_waits_as_it_should_is_not_stuck(world: World) -> None:
    card_id = await a_running_card(world)
    until = (datetime.now(UTC) + timedelta(hours=24)).isoformat()
    await world.journey.move(card_id, Stage.READING, WaitingFor.SELLER_FIELDS, until, "reading.done")
    assert await stuck(world, card_id, timedelta(hours=24, minutes=4)) is None
    row = await stuck(world, card_id, timedelta(hours=24, minutes=6))
    assert row is not None
    assert (row["sign"], row["provider"]) == ("overdue", "seller_fields")


async def test_a_party_that_does_not_answer_makes_a_card_stuck_after_its_time(world: World) -> None:
    card_id = await a_running_card(world)
    await world.journey.move(card_id, Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown")
    assert await stuck(world, card_id, timedelta(minutes=29)) is None
    assert (await stuck(world, card_id, timedelta(minutes=31)) or {})["sign"] == "waiting"


async def test_ended_card_is_never_stuck(world: World) -> None:
    card_id, attempts = await a_running_card(world), Attempts(world.database)
    attempts.failed(a_failure(card_id, failures=9))
    await attempts.write()
    assert await world.journey.withdraw(card_id)
    assert await stuck(world, card_id) is None


async def test_cards_are_grouped_by_cause_with_count_value_and_trend(world: World) -> None:
    attempts = Attempts(world.database)
    cards = [await a_running_card(world) for _ in range(3)]
    for card_id in cards:
        attempts.failed(a_failure(card_id, failures=3, build_id="b-sum"))
    await attempts.write()
    assert len([row for row in await found(world) if row["build_id"] == "b-sum"]) == 3
    async with world.database.transaction() as session:
        (cause,) = (await session.execute(text("SELECT * FROM stuck_cause WHERE build_id = 'b-sum'"))).mappings()
    assert (cause["runs"], cause["value_minor"], list(cause["trend"].values())) == (3, 3 * 50_000, [3])
    for card_id in cards:
        attempts.passed(f"card:{card_id}", "verification.ask_issuer")
    await attempts.write()
    await found(world)
    async with world.database.transaction() as session:
        left = await session.execute(text("SELECT count(*) FROM stuck_cause WHERE build_id = 'b-sum'"))
        assert left.scalar_one() == 0, "a cause without runs is gone"


async def test_a_step_that_no_worker_takes_is_stuck_after_its_time(world: World) -> None:
    card_id, now = await a_running_card(world), datetime.now(UTC)
    step = DescribedStep(
        f"card:{card_id}",
        StepState.UNSTARTED,
        "reading.read_photos",
        "reading",
        0,
        "unstarted",
        "",
        "",
        now,
        None,
        "",
        "",
    )
    async with world.database.transaction() as session:
        await described.keep(session, step, now)
    assert await stuck(world, card_id, 15 * SECOND) is None
    row = await stuck(world, card_id, 25 * SECOND)
    assert row is not None
    assert (row["sign"], row["queue"], row["provider"]) == ("unstarted", "reading", "reader")


async def polled(world: World, queue: str, pollers: int) -> None:
    """So many workers poll the queue, as Temporal says."""
    each = tuple({"identity": f"{number}@here", "build_id": "b1"} for number in range(pollers))
    async with world.database.transaction() as session:
        found = DescribedQueue(queue, "activity", each, 500, 30.0, 50.0, 50.0)
        await described.keep_queue(session, found, datetime.now(UTC))


async def an_outage(world: World) -> tuple[str, str, str]:
    """An issuer that is down under three cards: one that keeps failing, one whose next attempt waits for its turn, one not begun."""
    async with world.database.transaction() as session:  # Of other stories, with builds of their own.
        await session.execute(text("DELETE FROM pending_step"))
    cards = [await a_running_card(world) for _ in range(3)]
    failing, waiting, new = cards
    attempts = Attempts(world.database)
    for card_id in (failing, waiting):
        for _ in range(3):
            attempts.failed(a_failure(card_id))
    await attempts.write()
    now = datetime.now(UTC)
    for card_id, failures in ((waiting, 2), (new, 0)):
        step = DescribedStep(
            f"card:{card_id}", StepState.UNSTARTED, "verification.ask_issuer", "issuer-jd", failures, "unstarted", "", "",
            now - 30 * SECOND, None, "", "",
        )  # fmt: skip
        async with world.database.transaction() as session:
            await described.keep(session, step, now)
    return failing, waiting, new


async def test_cards_that_wait_behind_the_retries_of_an_outage_have_its_cause(world: World) -> None:
    cards = await an_outage(world)
    await polled(world, "issuer-jd", 2)
    rows = [await stuck(world, card_id) for card_id in cards]
    assert {row["cause"] for row in rows if row} == {"gateway_unavailable~verification.ask_issuer~issuer:jd~b1"}
    assert [(row["sign"], row["reason"], row["failures"]) for row in rows if row] == [
        ("failing", "timeout", 3), ("failing", "timeout", 3), ("failing", "timeout", 0),
    ]  # fmt: skip


async def test_cards_of_a_queue_without_a_worker_have_that_cause(world: World) -> None:
    failing, *others = await an_outage(world)
    await polled(world, "issuer-jd", 0)
    assert (await stuck(world, failing) or {})["sign"] == "failing"
    assert [(await stuck(world, card_id) or {})["sign"] for card_id in others] == ["unstarted", "unstarted"]


async def test_a_late_retry_is_news_while_others_of_its_outage_are_tried(world: World) -> None:
    failing, waiting, _ = await an_outage(world)
    await polled(world, "issuer-jd", 2)
    late = """
        UPDATE pending_step SET state = 'failing', error_class = 'gateway_unavailable', next_at = now() - interval '3 minutes'
        WHERE subject = :id
    """
    async with world.database.transaction() as session:
        await session.execute(text(late), {"id": waiting})
    assert (await stuck(world, waiting) or {})["cause"] == (await stuck(world, failing) or {})["cause"]
    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM pending_step WHERE subject <> :id"), {"id": waiting})
    assert await stuck(world, waiting) is None, "it is described instead"


async def test_unreported_runs_are_queried_when_they_should_move(world: World) -> None:
    card_id, now = await a_running_card(world), datetime.now(UTC)

    async def due(later: timedelta, *asked: str) -> bool:
        async with world.database.transaction() as session:
            return f"card:{card_id}" in await described.due(session, asked, 10_000, now + later)

    assert [await due(timedelta()), await due(10 * SECOND), await due(10 * SECOND, f"card:{card_id}")] == [
        False,
        True,
        False,
    ]
    attempts = Attempts(world.database)
    attempts.failed(a_failure(card_id))
    await attempts.write()
    assert [await due(5 * SECOND), await due(60 * SECOND)] == [False, True]


async def test_a_stuck_card_names_its_deadline_and_who_works_on_it(world: World) -> None:
    card_id = await a_running_card(world)
    await world.verification.ask_issuer(card_id)
    await world.pricing.value(card_id, 1)
    task = await world.review.open(card_id, 1, ["card_type"])
    person = PersonRow(
        id=new_id(), email=f"{new_id()}@example.com", name="Li Na", roles=["reviewer"], password_hash="-"
    )
    async with world.database.transaction() as session:
        session.add(person)
        await session.flush()
        held = update(WorkItemRow).where(WorkItemRow.id == task.task_id)
        await session.execute(held.values(leased_by=person.id, leased_until=datetime.now(UTC) + timedelta(hours=1)))
    row = await stuck(world, card_id, timedelta(days=30))
    assert row is not None
    async with world.database.transaction() as session:
        (run,) = [one for one in await reads.runs(session, row["cause"], None, 1000) if one.subject == card_id]
        assert await reads.owners(session, [card_id, await world.a_card()]) == {card_id: "Li Na"}
    assert (run.owner, run.waiting_for) == ("Li Na", "reviewer")
    assert run.until is not None


async def held(world: World, ends_at: datetime | None) -> str:
    """JD in maintenance, from now on."""
    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))
    maintenance, by = Maintenance(world.database), await world.a_person("ops")
    return await maintenance.begin(by, WindowInput("issuer:jd", "", "New data centre", None, ends_at))


async def an_unstarted_question(world: World, card_id: str) -> None:
    """The card's question to its issuer waits in the queue."""
    await world.journey.move(card_id, Stage.VERIFICATION, WaitingFor.MACHINE, None, "verification.party_silent")
    now = datetime.now(UTC)
    step = DescribedStep(
        f"card:{card_id}", StepState.UNSTARTED, "verification.ask_issuer", "issuer-jd", 0, "unstarted", "", "",
        now - timedelta(minutes=2), None, "", "",
    )  # fmt: skip
    async with world.database.transaction() as session:
        await described.keep(session, step, now)


async def test_a_wait_for_planned_maintenance_is_not_stuck_before_its_end(world: World) -> None:
    card_id = await a_running_card(world)
    await an_unstarted_question(world, card_id)
    assert await stuck(world, card_id) is not None
    await held(world, datetime.now(UTC) + timedelta(minutes=3))
    assert await stuck(world, card_id) is None
    assert (await stuck(world, card_id, timedelta(minutes=4)) or {})["sign"] == "unstarted", "its end has passed"


async def test_maintenance_without_an_end_is_named_as_the_cause(world: World) -> None:
    card_id = await a_running_card(world)
    await an_unstarted_question(world, card_id)
    window = await held(world, None)
    row = await stuck(world, card_id)
    assert row is not None
    async with world.database.transaction() as session:
        cause = await reads.cause(session, row["cause"], datetime.now(UTC))
    assert cause is not None
    assert cause.reason is LikelyReason.MAINTENANCE
    await Maintenance(world.database).end(await world.a_person("ops"), window, at_once=True)
    assert await stuck(world, card_id) is None, "it follows as the issuer is resumed"
    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))
