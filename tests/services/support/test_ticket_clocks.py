"""Each promise to a customer has a clock of its own, which pauses, resumes, is handed over, replanned and named correctly."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from database.tables.support.tickets import TicketRow
from database.tables.work import ClockPlanRow, WorkItemRow
from domain.identifiers import ticket_task
from domain.support.tickets import ClockKind, TicketCategory, TicketState
from domain.work.deadlines import ClockOwner
from domain.work.task import Priority
from domain.work.why_due import DueReason
from services.policies.deadlines import previewed
from services.support.conversation import AfterReply
from tests.builders.deadlines import deadlines_in_force
from tests.builders.hands import MONDAY
from tests.builders.ticket_clocks import HOUR, TicketScene, ask_inside
from tests.builders.ticket_clocks import scene as scene
from tests.builders.ticket_clocks import ticket_url as ticket_url
from tests.builders.ticket_clocks import ticket_world as ticket_world

pytestmark = pytest.mark.asyncio(loop_scope="session")
DAY = timedelta(days=1)


def every_ticket(**values: Any) -> Any:
    def change(document: dict[str, Any]) -> None:
        for policy in document["policies"]:
            if policy["code"] == "ticket":
                policy.update(values)

    return change


async def test_a_ticket_opens_with_a_first_response_and_a_resolution_and_is_due_by_the_first_of_them(
    scene: TicketScene,
) -> None:
    ticket_id = await scene.opened()
    assert sorted(await scene.clocks(ticket_id)) == ["first_response:1", "resolution:1"]
    assert await scene.due_after(ticket_id, "first_response:1") == 5 * HOUR, "four working hours and the lunch break"
    found = await scene.ticket(ticket_id)
    assert found.task.due_at == MONDAY + 5 * HOUR
    assert found.task.warn_at == MONDAY + 3 * HOUR
    (plan,) = await scene.world.rows(ClockPlanRow, task_id=found.task.id)
    assert (plan.policy, plan.why, plan.due_at) == ("ticket", "opened", found.task.due_at)
    assert await scene.untrue() == []


async def test_reply_fulfils_the_first_promise_and_pauses_the_clock(
    scene: TicketScene,
) -> None:
    ticket_id = await scene.opened()
    resolution = await scene.due_after(ticket_id, "resolution:1")
    scene.now += HOUR
    await scene.replied(ticket_id)
    clocks = await scene.clocks(ticket_id)
    assert (clocks["first_response:1"].met_at, clocks["first_response:1"].met_by) == (scene.now, "support")
    assert await scene.untrue() == []
    scene.now += DAY
    await scene.heard(ticket_id)
    assert await scene.due_after(ticket_id, "resolution:1") == resolution + DAY
    answer = (await scene.clocks(ticket_id))["next_response:1"]
    assert (answer.started_at, answer.due_at - scene.now) == (scene.now, 5 * HOUR), "over lunch"
    assert await scene.owners(ticket_id) == [
        ClockOwner.SUPPORT, ClockOwner.SUPPORT, ClockOwner.CUSTOMER, ClockOwner.SUPPORT,
    ]  # fmt: skip
    assert await scene.untrue() == []


async def test_several_messages_have_one_response_clock(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.replied(ticket_id)
    scene.now += HOUR
    await scene.heard(ticket_id)
    first = (await scene.clocks(ticket_id))["next_response:1"].due_at
    scene.now += HOUR
    await scene.heard(ticket_id)
    clocks = await scene.clocks(ticket_id)
    assert "next_response:2" not in clocks
    assert clocks["next_response:1"].due_at == first


async def test_clocks_run_while_another_desk_is_asked_and_count_against_it(
    scene: TicketScene,
) -> None:
    ticket_id = await scene.opened()
    await scene.changed(ticket_id, ask_inside, "escalated")
    before = await scene.due_after(ticket_id, "first_response:1")
    scene.now += 6 * HOUR
    await scene.advanced(ticket_id)
    clock = (await scene.clocks(ticket_id))["first_response:1"]
    assert (clock.due_at - MONDAY, clock.breached_by) == (before, "finance")
    assert await scene.untrue() == []


async def test_reply_after_the_deadline_is_late_without_a_check_in_between(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    scene.now += 6 * HOUR
    await scene.replied(ticket_id)
    clock = (await scene.clocks(ticket_id))["first_response:1"]
    assert (clock.breached_at, clock.breached_by, clock.met_at) == (clock.due_at, "support", scene.now)
    assert (await scene.ticket(ticket_id)).task.breached_at is None, "what runs now is not late"


async def test_reopening_keeps_the_remaining_time_and_never_breaches_at_once(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    scene.now += 2 * DAY
    await scene.advanced_until(ticket_id, scene.now + 4 * DAY)
    await scene.replied(ticket_id, AfterReply.SOLVE)
    clocks = await scene.clocks(ticket_id)
    assert clocks["resolution:1"].met_at == scene.now
    assert clocks["resolution:1"].breached_by == "support"
    scene.now += 20 * HOUR
    await scene.heard(ticket_id)
    again = (await scene.clocks(ticket_id))["resolution:2"]
    assert (again.started_at, again.budget_s) == (scene.now, 6 * 3600), "a quarter of the policy's time"
    assert again.due_at > scene.now + HOUR
    kept = (await scene.clocks(ticket_id))["resolution:1"]
    assert kept.breached_at == clocks["resolution:1"].breached_at, "history stays as it was"
    assert await scene.untrue() == []


async def test_reopening_soon_has_all_that_is_left(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    scene.now += HOUR
    await scene.replied(ticket_id, AfterReply.SOLVE)
    scene.now += DAY
    await scene.heard(ticket_id)
    assert (await scene.clocks(ticket_id))["resolution:2"].budget_s == 23 * 3600


@pytest.mark.parametrize("words", ["谢谢！", "Thanks a lot 🙏"])
async def test_thanks_after_the_solution_neither_reopens_nor_starts_a_clock(scene: TicketScene, words: str) -> None:
    ticket_id = await scene.opened()
    await scene.replied(ticket_id, AfterReply.SOLVE)
    before = sorted(await scene.clocks(ticket_id))
    scene.now += HOUR
    await scene.heard(ticket_id, words)
    found = await scene.ticket(ticket_id)
    assert (found.ticket.state, found.ticket.unanswered_since, found.ticket.reopened) == (TicketState.SOLVED, None, 0)
    assert sorted(await scene.clocks(ticket_id)) == before
    assert found.said[-1].words == words, "it is kept all the same"


async def test_thanks_before_the_solution_count_as_a_message(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.replied(ticket_id)
    await scene.heard(ticket_id, "谢谢")
    assert (await scene.ticket(ticket_id)).ticket.state is TicketState.OPEN


@pytest.mark.parametrize("after", [AfterReply.WAIT, AfterReply.SOLVE])
async def test_undone_reply_counts_as_never_given(scene: TicketScene, after: AfterReply) -> None:
    ticket_id = await scene.opened()
    before = await scene.clocks(ticket_id)
    scene.now += HOUR
    message = await scene.replied(ticket_id, after)
    scene.now += timedelta(seconds=5)
    await scene.conversation.take_back(scene.agent, message)
    found, clocks = await scene.ticket(ticket_id), await scene.clocks(ticket_id)
    assert sorted(clocks) == sorted(before)
    assert {row.met_at for row in clocks.values()} == {None}
    assert (found.ticket.state, found.ticket.unanswered_since) == (TicketState.NEW, MONDAY)
    assert clocks["first_response:1"].due_at - before["first_response:1"].due_at <= timedelta(seconds=5)
    assert await scene.untrue() == []


async def test_remaining_reply_fulfils_the_promise(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    first = await scene.replied(ticket_id, AfterReply.OPEN)
    scene.now += timedelta(seconds=3)
    second = await scene.replied(ticket_id, AfterReply.OPEN)
    await scene.conversation.take_back(scene.agent, first)
    assert (await scene.ticket(ticket_id)).ticket.unanswered_since is None
    await scene.conversation.take_back(scene.agent, second)
    found = (await scene.ticket(ticket_id)).ticket
    assert (found.unanswered_since, found.first_replied_at) == (MONDAY, None)
    assert await scene.untrue() == []


async def test_handover_splits_the_time_by_holder(scene: TicketScene) -> None:
    ticket_id, other = await scene.opened(), await scene.world.a_person("support_lead")
    scene.now += HOUR
    await scene.taken(ticket_id)
    scene.now += HOUR
    await scene.desk.tasks.take_over(other, ticket_task(ticket_id), "absent")
    scene.now += HOUR
    await scene.desk.leases.release(other, ticket_task(ticket_id))
    scene.now += 2 * HOUR
    spent = [
        one.values for one in await scene.why_due(ticket_id) if one.reason in (DueReason.SPENT, DueReason.SPENT_BY)
    ]
    assert [one["spent"] for one in spent] == [2 * HOUR, HOUR, HOUR], "nobody's before and after, one hour each"
    assert await scene.untrue() == []


async def test_escalating_blames_the_leads_from_then_on(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    scene.now += HOUR
    await scene.taken(ticket_id)
    await scene.desk.tasks.escalate(scene.agent, ticket_task(ticket_id), "unsure")
    assert (await scene.ticket(ticket_id)).task.replan
    await scene.advanced(ticket_id)
    assert (await scene.owners(ticket_id))[-1] is ClockOwner.SUPPORT_LEAD
    scene.now += 6 * HOUR
    await scene.advanced(ticket_id)
    assert (await scene.clocks(ticket_id))["first_response:1"].breached_by == "support_lead"


async def test_a_new_version_moves_open_clocks_visibly_and_keeps_what_is_over(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    version = await scene.policies(every_ticket(first_response_s=3600, budget_s=8 * 3600, next_response_s=1800))
    scene.now += timedelta(minutes=10)
    await scene.advanced(ticket_id)
    clocks, found = await scene.clocks(ticket_id), await scene.ticket(ticket_id)
    assert (clocks["first_response:1"].due_at - MONDAY, clocks["resolution:1"].due_at - MONDAY) == (HOUR, 9 * HOUR)
    assert clocks["first_response:1"].policy_version == found.task.plan_version == version
    assert "clocks_replanned" in [event.what for event in found.events]
    assert DueReason.REPLANNED in [one.reason for one in await scene.why_due(ticket_id)]
    assert await scene.untrue() == []


async def test_overdue_clock_extended_by_a_new_version_rings_again(
    scene: TicketScene,
) -> None:
    lead, ticket_id = await scene.world.a_person("support_lead"), await scene.opened()
    scene.now += 6 * HOUR
    await scene.advanced(ticket_id)
    assert ("breach", lead, "first_response") in await scene.notices(ticket_id)
    await scene.policies(every_ticket(first_response_s=8 * 3600))
    await scene.advanced(ticket_id)
    clock = (await scene.clocks(ticket_id))["first_response:1"]
    assert (clock.breached_at, (await scene.ticket(ticket_id)).task.breached_at) == (None, None)
    scene.now += 5 * HOUR
    await scene.advanced(ticket_id)
    assert (await scene.alarms(ticket_id)).count("breach:first_response:1") == 2


async def test_promises_follow_a_policy_change(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.policies(every_ticket(first_response_s=None))
    scene.now += HOUR
    await scene.advanced(ticket_id)
    clocks, found = await scene.clocks(ticket_id), await scene.ticket(ticket_id)
    assert clocks["first_response:1"].void_at == scene.now
    assert found.task.due_at == clocks["resolution:1"].due_at
    assert "dropped_first_response" in [event.what for event in found.events]
    assert await scene.untrue() == []
    await scene.policies(every_ticket(first_response_s=7200))
    await scene.advanced(ticket_id)
    again = (await scene.clocks(ticket_id))["first_response:2"]
    assert (again.started_at, again.due_at) == (MONDAY, MONDAY + 2 * HOUR)


async def test_tickets_of_a_removed_policy_use_the_next_one(scene: TicketScene) -> None:
    ticket_id = await scene.opened(TicketCategory.PAYOUT_LATE)
    assert await scene.due_after(ticket_id, "first_response:1") == 2 * HOUR

    def without_money(document: dict[str, Any]) -> None:
        document["policies"] = [one for one in document["policies"] if one["code"] != "ticket-money"]

    await scene.policies(without_money)
    await scene.advanced(ticket_id)
    clock = (await scene.clocks(ticket_id))["first_response:1"]
    assert (clock.policy, clock.due_at - MONDAY) == ("ticket", 5 * HOUR)
    assert await scene.untrue() == []


async def test_calendar_change_recalculates_clocks(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.policies(every_ticket(calendar="always"))
    await scene.advanced(ticket_id)
    assert await scene.due_after(ticket_id, "first_response:1") == 4 * HOUR
    assert await scene.untrue() == []


async def test_another_category_has_another_policy_at_once(scene: TicketScene) -> None:
    ticket_id = await scene.opened()

    def is_about_money(ticket: TicketRow, task: WorkItemRow) -> None:
        ticket.category, task.reasons = TicketCategory.PAYMENT_UNKNOWN, [TicketCategory.PAYMENT_UNKNOWN.value]

    await scene.changed(ticket_id, is_about_money, "policy_changed")
    assert await scene.due_after(ticket_id, "first_response:1") == 2 * HOUR
    assert await scene.untrue() == []


async def test_a_draft_of_deadlines_is_tried_on_the_clocks_of_tickets(scene: TicketScene) -> None:
    await scene.opened()
    document = copy.deepcopy((await deadlines_in_force(scene.world.database))[1])
    async with scene.world.database.transaction() as session:
        as_it_is = await previewed(session, document, scene.now, 10_000)
        every_ticket(first_response_s=3600)(document)
        quicker = await previewed(session, document, scene.now, 10_000)
    assert quicker.moved == as_it_is.moved + 1
    assert max(one.before - one.after for one in quicker.largest) == 4 * HOUR


async def test_the_policy_of_tickets_gives_a_new_one_its_priority(scene: TicketScene) -> None:
    found = await scene.ticket(await scene.opened(TicketCategory.PAYMENT_UNKNOWN))
    assert found.task.priority is Priority.HIGH
    assert (await scene.ticket(await scene.opened())).task.priority is Priority.NORMAL


async def test_why_due_says_who_waits_for_whom(scene: TicketScene) -> None:
    ticket_id = await scene.opened(TicketCategory.PRIVACY)
    scene.now += HOUR
    await scene.replied(ticket_id)
    scene.now += DAY
    told = {one.reason: one.values for one in await scene.why_due(ticket_id)}
    assert told[DueReason.CUSTOMER_HAS] == {"since": MONDAY + HOUR}
    assert told[DueReason.PROMISE_STANDS] == {"promise": ClockKind.RESOLUTION, "left": 119 * HOUR}
    assert told[DueReason.PROMISE_KEPT]["promise"] is ClockKind.FIRST_RESPONSE
    assert DueReason.UNVERIFIED in told


async def test_overdue_does_not_grow_while_the_customer_is_asked(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.policies(every_ticket(budget_s=2 * 3600))
    scene.now += 3 * HOUR
    await scene.advanced(ticket_id)
    await scene.replied(ticket_id)
    looks = []
    for _ in range(3):
        scene.now += DAY
        await scene.advanced(ticket_id)
        told = {one.reason: one.values for one in await scene.why_due(ticket_id)}
        looks.append(told[DueReason.PROMISE_FROZEN]["late"])
    assert looks == [HOUR] * 3
