"""The clock of a review in the database: stored as intervals, recalculated from them, and moved by new policies."""

from __future__ import annotations

from datetime import timedelta

from database.tables.work import ClockIntervalRow, ClockPlanRow, WorkItemRow
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.work.deadlines import ClockOwner
from domain.work.task import CameBack, Priority
from domain.work.why_due import DueReason
from tests.builders.hands import HOUR, MONDAY, Hands, all_by_office, budget
from tests.builders.hands import hands as hands
from tests.builders.hands import own_url as own_url
from tests.builders.hands import own_world as own_world


async def test_a_task_opens_with_an_interval_a_plan_and_a_reproducible_deadline(hands: Hands) -> None:
    task, told = await hands.opened(await hands.a_card())
    assert (task.warn_at, task.due_at) == (MONDAY + timedelta(seconds=1350), MONDAY + timedelta(seconds=1800))
    assert (told.warn_after_s, told.due_after_s, told.chain_after_s) == (1350, 1800, (3600, 7200))
    assert await hands.due_as_kept(task.id) == task.due_at
    (interval,) = await hands.world.rows(ClockIntervalRow, task_id=task.id)
    assert (interval.owner, interval.runs, interval.started_at, interval.ended_at) == ("reviewer", True, MONDAY, None)
    (plan,) = await hands.world.rows(ClockPlanRow, task_id=task.id)
    assert (plan.policy, plan.calendar, plan.budget_s, plan.used_s, plan.why) == (
        "ecommerce",
        "always",
        1800,
        0,
        "opened",
    )


async def test_reopened_task_has_the_remaining_time(hands: Hands) -> None:
    card = await hands.a_card()
    task, _ = await hands.opened(card)
    hands.now += timedelta(seconds=1500)
    _, again = await hands.opened(card)
    assert (again.warn_after_s, again.due_after_s) == (0, 300)
    assert len(await hands.world.rows(ClockPlanRow, task_id=task.id)) == 1
    assert len(await hands.world.rows(ClockIntervalRow, task_id=task.id)) == 1


async def test_clock_pauses_for_the_seller_and_a_later_task_keeps_the_remaining_time(hands: Hands) -> None:
    card = await hands.a_card()
    first, _ = await hands.opened(card)
    hands.now += timedelta(seconds=600)
    await hands.decided(first, ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PIN)
    hands.now += timedelta(days=2)
    second, _ = await hands.opened(card, 2)
    assert second.due_at == hands.now + timedelta(seconds=1200)
    assert (second.came_back, second.came_back_at) == (CameBack.ITEM_SENT, hands.now)
    assert await hands.due_as_kept(second.id) == second.due_at
    owners = [
        row.owner
        for row in sorted(await hands.world.rows(ClockIntervalRow, card_id=card), key=lambda one: one.started_at)
    ]
    assert owners == [ClockOwner.REVIEWER, ClockOwner.SELLER, ClockOwner.REVIEWER]
    told = {one.reason: one.values for one in await hands.why_due(card)}
    assert told[DueReason.CARRIED] == {"carried": timedelta(seconds=600), "allowed": timedelta(seconds=1200)}
    assert told[DueReason.STOOD]["owner"] is ClockOwner.SELLER


async def test_card_back_from_the_store_gets_the_minimum_time(
    hands: Hands,
) -> None:
    card = await hands.a_card()
    first, _ = await hands.opened(card)
    hands.now += timedelta(hours=3)
    await hands.decided(first, ReviewOutcome.HAND_TO_STORE)
    second, _ = await hands.opened(card, 2)
    assert second.came_back is CameBack.STORE_ANSWERED
    assert second.due_at == hands.now + timedelta(minutes=10)


async def test_rejected_card_has_no_clock_owner(hands: Hands) -> None:
    card = await hands.a_card()
    task, _ = await hands.opened(card)
    await hands.decided(task, ReviewOutcome.REJECT, reject_reason=RejectReason.FORGED)
    assert [row.ended_at for row in await hands.world.rows(ClockIntervalRow, card_id=card)] == [MONDAY]


async def test_by_the_office_calendar_a_task_of_the_evening_is_due_the_next_morning(hands: Hands) -> None:
    await hands.policies(all_by_office)
    hands.now = MONDAY.replace(hour=9, minute=45)  # A quarter to six in Shanghai.
    task, _ = await hands.opened(await hands.a_card())
    assert task.due_at == MONDAY + timedelta(days=1, minutes=15)
    told = {one.reason: one.values for one in await hands.why_due(task.card)}
    assert told[DueReason.CALENDAR] == {"calendar": "office", "zone": "Asia/Shanghai"}
    assert told[DueReason.CLOSED] == {"closed": 15 * HOUR}


async def test_a_new_version_moves_the_deadline_keeps_the_pauses_and_gives_the_reason(hands: Hands) -> None:
    card = await hands.a_card()
    first, _ = await hands.opened(card)
    hands.now += timedelta(seconds=600)
    await hands.decided(first, ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PIN)
    hands.now += timedelta(days=1)
    second, _ = await hands.opened(card, 2)
    assert await hands.policies(budget(7200)) == hands.base + 1
    hands.now += timedelta(minutes=5)
    moved = await hands.alarms.replan(second.id)
    task = await hands.task(second.id)
    assert task.due_at == second.opened_at + timedelta(seconds=7200 - 600)
    assert moved.due_after_s == 7200 - 600 - 300
    assert (task.plan_version, task.replan, await hands.due_as_kept(task.id)) == (hands.base + 1, False, task.due_at)
    assert (await hands.world.card(card)).until == task.due_at
    reasons = [one.reason for one in await hands.why_due(card)]
    assert DueReason.REPLANNED in reasons
    assert "review.replanned" in await hands.world.story(card)


async def test_another_priority_has_another_policy(hands: Hands) -> None:
    task, _ = await hands.opened(await hands.a_card())
    async with hands.world.database.transaction() as session:
        row = await session.get_one(WorkItemRow, task.id)
        row.priority, row.replan = Priority.URGENT, True
    await hands.alarms.replan(task.id)
    assert (await hands.task(task.id)).due_at == MONDAY + timedelta(seconds=900)
