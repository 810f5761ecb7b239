"""Concurrent actions on one task: exactly one of them wins, and the rows are consistent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from database.invariants import Look
from database.invariants.journeys import DecidedOnce
from database.invariants.two_people import DecisionsByTwo
from database.tables.people import AuditRow
from database.tables.review import ReviewCheckRow, ReviewDecisionRow
from database.tables.work import ReviewDraftRow, WorkItemRow
from domain.cards.review import ReviewOutcome
from domain.errors.base import Refusal
from domain.errors.people import TooManyTries
from domain.errors.review import NothingToCheck, TooLateToUndo
from domain.errors.work import NotEligible, TaskDecided, TaskHeldByAnother, TaskNotHeld
from domain.rules.checks import reveal_policy
from domain.work.task import CheckVerdict, TaskPhase
from services.review import due_decisions
from services.review.desk import ReviewDesk, review_desk
from services.work import drafts
from tests.builders.four_eyes import eyes, held_by_checker, the_decision, the_task
from tests.builders.reviewing import a_task
from tests.builders.world import World

SECOND = timedelta(seconds=1)
TRIES = 12
APPROVE = ReviewOutcome.APPROVE


async def held(world: World, review: ReviewDesk | None = None) -> tuple[str, str, str]:
    """A card, its task, and its holder."""
    card_id, opened = await a_task(world, "jd")
    person = await held_by_checker(review or world.review_desk, await world.a_person(), opened.task_id)
    return card_id, opened.task_id, person


async def at_once(*acts: Awaitable[Any], turned: bool = False) -> Sequence[Any]:
    """What became of each, in the order given; `turned` starts the last first."""
    order = list(reversed(acts)) if turned else list(acts)
    results = await asyncio.gather(*order, return_exceptions=True)
    for one in results:
        assert not isinstance(one, BaseException) or isinstance(one, Refusal), repr(one)
    return results[::-1] if turned else results


def won(result: Any) -> bool:
    return not isinstance(result, BaseException)


async def broken(world: World, task: str) -> list[str]:
    """What the invariants of decisions and of four eyes say against this task."""
    async with world.database.transaction() as session:
        found = await DecidedOnce().broken(session, Look(most=100_000))
        found += await DecisionsByTwo().broken(session, Look(alone_below=9_000_000_000, most=100_000))
    decisions = {row.id for row in await world.rows(ReviewDecisionRow, task_id=task)}
    return [line for line in found if task in line or any(decision in line for decision in decisions)]


async def teller(world: World, moment: datetime, decision: str) -> list[str]:
    async with world.database.transaction() as session:
        return [one.decision_id for one in await due_decisions.send(session, moment, 10, only=decision)]


async def test_concurrent_senders_and_undo_send_at_most_once(world: World) -> None:
    for turn in range(TRIES):
        _, task, person = await held(world)
        made = await world.review_desk.decisions.record_decision(person, task, APPROVE)
        ripe = datetime.now(UTC) + world.review_desk.decisions.undo_window + SECOND
        acts = (world.review_desk.decisions.undo(person, made), teller(world, ripe, made), teller(world, ripe, made))
        undone, *sent = await at_once(*acts, turned=bool(turn % 2))
        assert (won(undone), sum(len(one) for one in sent)) in {(True, 0), (False, 1)}
        row, kept = await the_decision(world, made), await the_task(world, task)
        assert (row.void_at is not None, row.sent_at is not None, kept.decided) == (
            won(undone), not won(undone), not won(undone),
        )  # fmt: skip
        assert await broken(world, task) == []


@pytest.mark.parametrize("act", ["take_over", "snooze", "escalate", "release", "assign"])
async def test_decision_during_a_takeover_happens_before_it_or_not_at_all(world: World, act: str) -> None:
    for turn in range(TRIES // 2):
        _, task, person = await held(world)
        senior, review = await world.a_person("senior", "ops"), world.review_desk
        later = datetime.now(UTC) + timedelta(hours=1)
        other: dict[str, Any] = {
            "take_over": lambda: review.tasks.take_over(senior, task, "urgent"),  # noqa: B023
            "snooze": lambda: review.tasks.snooze(person, task, later, "waiting_answer"),  # noqa: B023
            "escalate": lambda: review.tasks.escalate(person, task, "unsure"),  # noqa: B023
            "release": lambda: review.tasks.release(person, task),  # noqa: B023
            "assign": lambda: review.tasks.assign(senior, task, person),  # noqa: B023
        }
        decided, moved = await at_once(
            review.decisions.record_decision(person, task, APPROVE), other[act](), turned=bool(turn % 2)
        )
        row = await the_task(world, task)
        assert row.decided is won(decided)
        if won(decided) and act not in ("release", "assign"):
            assert isinstance(moved, TaskDecided)
        if not won(decided):
            assert isinstance(decided, TaskHeldByAnother | TaskNotHeld)
            assert await world.rows(ReviewDecisionRow, task_id=task) == []
        assert await broken(world, task) == []


async def test_concurrent_assignment_and_claim_give_one_holder(world: World) -> None:
    for turn in range(TRIES // 2):
        card_id, task, person = await held(world)
        await world.review_desk.tasks.release(person, task)
        lin, wu, senior = await world.a_person(), await world.a_person(), await world.a_person("senior")
        assigned, taken = await at_once(
            world.review_desk.tasks.assign(senior, task, lin),
            world.review_desk.leases.take(wu, task),
            turned=bool(turn % 2),
        )
        row = await the_task(world, task)
        assert (row.leased_by == wu, row.assigned_to == lin) == (won(taken), won(assigned))
        assert won(taken) is not won(assigned), card_id


async def test_check_and_undo_at_the_window_end_exclude_each_other(world: World) -> None:
    """Two processes whose clocks differ: to one the window still lasts, to the other it is over."""
    slow, window = eyes(world), timedelta(seconds=30)
    slow.decisions.undo_s = int(window.total_seconds())
    fast = review_desk(
        world.database, world.keyring, lambda: datetime.now(UTC) + window + SECOND, undo_s=slow.decisions.undo_s
    )
    for turn in range(TRIES):
        _, task, maker = await held(world, slow)
        made = await slow.decisions.record_decision(maker, task, APPROVE)
        checker = await held_by_checker(fast, await world.a_person(), task)
        undone, checked = await at_once(
            slow.decisions.undo(maker, made),
            fast.checks.check(checker, task, CheckVerdict.APPLY),
            turned=bool(turn % 2),
        )
        row, kept = await the_decision(world, made), await the_task(world, task)
        assert won(undone) is not won(checked)
        assert isinstance(checked, str | NothingToCheck | TaskDecided)
        assert (row.void_at is not None, kept.decided, kept.phase is TaskPhase.REVIEW) == (
            won(undone), won(checked), won(undone),
        )  # fmt: skip
        assert len(await world.rows(ReviewCheckRow, decision_id=made)) == int(won(checked))
        assert await broken(world, task) == []


async def test_double_click_acts_once(world: World) -> None:
    _, task, person = await held(world)
    review, later = world.review_desk, datetime.now(UTC) + timedelta(hours=1)
    assert all(won(one) for one in await at_once(*(review.leases.take(person, task) for _ in range(3))))
    await at_once(*(review.tasks.release(person, task) for _ in range(3)))
    acts = [row.act for row in await world.rows(AuditRow, subject=task)]
    assert acts.count("console:task:release") == 1
    await review.leases.take(person, task)
    await at_once(*(review.tasks.snooze(person, task, later, "waiting_answer") for _ in range(2)))
    await review.tasks.wake(person, task)
    await review.leases.take(person, task)
    escalated = await at_once(*(review.tasks.escalate(person, task, "unsure") for _ in range(3)))
    assert sum(won(one) for one in escalated) == 1


async def test_after_lease_expiry_only_the_new_holder_decides(world: World) -> None:
    _, task, person = await held(world)
    async with world.database.transaction() as session:
        await session.execute(update(WorkItemRow).where(WorkItemRow.id == task).values(leased_until=datetime.now(UTC)))
    with pytest.raises(TaskNotHeld):
        await world.review_desk.decisions.record_decision(person, task, APPROVE)
    colleague = await world.a_person()
    taken, again = await at_once(
        world.review_desk.leases.take(colleague, task), world.review_desk.leases.take(person, task)
    )
    assert won(taken) is not won(again)
    loser, holder = (person, colleague) if won(taken) else (colleague, person)
    with pytest.raises(TaskHeldByAnother):
        await world.review_desk.decisions.record_decision(loser, task, APPROVE)
    await world.review_desk.decisions.record_decision(holder, task, APPROVE)


async def test_task_of_an_ended_card_is_closed(world: World) -> None:
    """Its deadline's policy let it go: every act is refused, and nothing of it opens again."""
    _, task, person = await held(world)
    senior = await world.a_person("senior", "ops")
    made = await world.review_desk.decisions.record_decision(person, task, APPROVE)
    async with world.database.transaction() as session:
        await session.execute(update(WorkItemRow).where(WorkItemRow.id == task).values(closed_at=datetime.now(UTC)))
    before = await the_task(world, task)
    later, review = datetime.now(UTC) + timedelta(hours=1), world.review_desk
    with pytest.raises(TooLateToUndo):
        await review.decisions.undo(person, made)
    for act in (
        review.leases.take(person, task), review.tasks.take_over(senior, task, "urgent"), review.tasks.escalate(person, task, "unsure"),
        review.tasks.snooze(person, task, later, "waiting_answer"), review.tasks.assign(senior, task, person),
        review.checks.check(senior, task, CheckVerdict.APPLY),
    ):  # fmt: skip
        with pytest.raises((TaskDecided, NotEligible)):
            await act
    assert (await the_task(world, task)).values() == before.values()
    assert await world.rows(ReviewDraftRow, task_id=task) == []
    assert (await the_decision(world, made)).void_at is None
    assert await teller(world, datetime.now(UTC) + timedelta(hours=1), made) == []


async def test_concurrent_reveals_respect_the_hourly_limit(world: World) -> None:
    card_id, _, person = await held(world)
    most = reveal_policy(datetime.now(UTC).date()).per_hour_max
    async with world.database.transaction() as session:
        session.add_all(
            AuditRow(actor=f"person:{person}", act="console:card:reveal_number", subject=card_id, reason="compare")
            for _ in range(most - 5)
        )
    looks = await at_once(*(world.review_desk.reveals.reveal(person, card_id, "number", "compare") for _ in range(30)))
    assert sum(won(one) for one in looks) == 5
    assert {type(one) for one in looks if not won(one)} == {TooManyTries}
    acts = [row.act for row in await world.rows(AuditRow, actor=f"person:{person}")]
    assert (acts.count("console:card:reveal_number"), acts.count("console:card:reveal_refused")) == (most, 25)


async def test_a_draft_saved_during_the_release_is_not_kept(world: World) -> None:
    """The deadline's policy decides, and its decision does not pass the tellers: drafts go with the task all the same."""
    _, task, person = await held(world)
    made = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.REJECT, reason_code="forged")
    colleague = await world.a_person()
    async with world.database.transaction() as session:
        await drafts.save(session, world.keyring, task, colleague, {"number": "8104223199076643"})
    await world.review.apply(task, made)
    assert await world.rows(ReviewDraftRow, task_id=task) == []


async def test_a_decision_that_arrives_while_its_task_is_reopened_is_applied_or_void(world: World) -> None:
    for turn in range(TRIES // 2):
        _, task, person = await held(world)
        senior, other = await world.a_person("senior"), await world.a_person("senior")
        made = await world.review_desk.decisions.record_decision(person, task, APPROVE)
        async with world.database.transaction() as session:
            refused = {"undelivered_at": datetime.now(UTC), "undelivered_why": {"code": "not_expected_now", "data": {}}}
            await session.execute(update(ReviewDecisionRow).where(ReviewDecisionRow.id == made).values(**refused))
        acts = [
            world.review_desk.undeliverable.reopen(senior, made, "decide_anew"),
            world.review_desk.undeliverable.reopen(other, made, "decide_anew"),
        ]
        results = await asyncio.gather(
            *(reversed(acts) if turn % 2 else acts), world.review.apply(task, made), return_exceptions=True
        )
        back, applied = sum(isinstance(one, str) for one in results[:2]), won(results[2])
        row, kept = await the_decision(world, made), await the_task(world, task)
        assert (back, applied) in {(1, False), (0, True)}
        assert (row.void_at is not None, row.applied_at is not None, kept.closed_at is not None) == (
            back == 1, applied, applied,
        )  # fmt: skip
        assert await broken(world, task) == []
