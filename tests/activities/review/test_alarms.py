"""Warnings, breaches and the chain after them are sent once each; in the end the policy may decide, unless a person has."""

from __future__ import annotations

from database.tables.people import PersonRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import AlarmRow, WorkItemRow
from domain.cards.review import RejectReason, ReviewOutcome
from domain.identifiers import new_id
from domain.work.task import Alarm
from tests.builders.hands import HOUR, MONDAY, Hands, budget
from tests.builders.hands import hands as hands
from tests.builders.hands import own_url as own_url
from tests.builders.hands import own_world as own_world


async def test_an_alarm_is_sent_once_to_the_people_concerned(hands: Hands) -> None:
    holder, senior, ops = [await hands.world.a_person(role) for role in ("reviewer", "senior", "ops")]
    other_team = await hands.world.a_person("senior")
    task, _ = await hands.opened(await hands.a_card())
    async with hands.world.database.transaction() as session:
        (await session.get_one(PersonRow, other_team)).team = "night"
        row = await session.get_one(WorkItemRow, task.id)
        row.leased_by, row.leased_until = holder, MONDAY + HOUR
    for _ in range(2):
        await hands.alarms.alarm(task.id, Alarm.WARNING)
    assert await hands.notices(task) == [("warning", holder)]
    for _ in range(2):
        await hands.alarms.alarm(task.id, Alarm.BREACH)
        await hands.alarms.chain(task.id, 1)
    told = await hands.notices(task)
    assert told == sorted([("warning", holder), ("breach", holder), ("breach", senior), ("chain", ops)])
    story = await hands.world.story(task.card)
    assert [story.count(what) for what in ("review.warning", "review.breach", "review.reminded")] == [1, 1, 1]
    assert {row.alarm for row in await hands.world.rows(AlarmRow, task_id=task.id)} == {"warning", "breach", "chain:1"}
    late = await hands.task(task.id)
    assert (late.escalated, late.band, await hands.due_as_kept(task.id)) == (True, 0, task.due_at)


async def test_closed_task_and_removed_step_raise_no_alarm(hands: Hands) -> None:
    task, _ = await hands.opened(await hands.a_card())
    await hands.alarms.chain(task.id, 7)
    await hands.decided(task, ReviewOutcome.APPROVE)
    await hands.alarms.alarm(task.id, Alarm.BREACH)
    await hands.alarms.chain(task.id, 0)
    assert await hands.world.rows(AlarmRow, task_id=task.id) == []


REJECTS = {"at_end": {"do": "reject", "minutes": 60, "counts": "plain"}}


async def test_policy_rejects_a_card_once_without_a_person(hands: Hands) -> None:
    await hands.policies(budget(1800, **REJECTS))
    task, told = await hands.opened(await hands.a_card())
    assert told.end_after_s == told.chain_after_s[-1] + 3600
    first, again = [await hands.alarms.decide_by_policy(task.id) for _ in range(2)]
    assert first.decision_id is not None
    assert first == again
    facts = await hands.review.apply(task.id, first.decision_id)
    assert (facts.outcome, facts.reject_reason) == (ReviewOutcome.REJECT, RejectReason.NOT_DECIDED)
    (row,) = await hands.world.rows(ReviewDecisionRow, task_id=task.id)
    assert row.person_id is None
    assert "review.not_decided" in await hands.world.story(task.card)


async def test_a_persons_decision_wins_over_the_policys(hands: Hands) -> None:
    await hands.policies(budget(1800, **REJECTS))
    task, _ = await hands.opened(await hands.a_card())
    person = await hands.world.a_person()
    staged = ReviewDecisionRow(
        id=new_id(), task_id=task.id, card_id=task.card, person_id=person, outcome=ReviewOutcome.APPROVE, needs_check="value"
    )  # fmt: skip
    async with hands.world.database.transaction() as session:
        session.add(staged)
    held_up = await hands.alarms.decide_by_policy(task.id)
    assert (held_up.decision_id, held_up.again_after_s > 0) == (None, True)
    assert [row.id for row in await hands.world.rows(ReviewDecisionRow, task_id=task.id)] == [staged.id]
    async with hands.world.database.transaction() as session:
        row = await session.get_one(ReviewDecisionRow, staged.id)
        row.void_at, row.void_why = MONDAY, "undone"
    assert (await hands.alarms.decide_by_policy(task.id)).decision_id is not None


async def test_a_policy_that_leaves_tasks_open_decides_nothing(hands: Hands) -> None:
    task, told = await hands.opened(await hands.a_card())
    assert told.end_after_s is None
    assert (await hands.alarms.decide_by_policy(task.id)).decision_id is None
    assert await hands.world.rows(ReviewDecisionRow, task_id=task.id) == []
