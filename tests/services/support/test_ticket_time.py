"""What time does to a ticket: alarms once each, replies that leave, silence that closes with notice, and the end for good."""

from __future__ import annotations

from datetime import timedelta

import pytest

from database.tables.platform import OutboxRow
from database.tables.support.desk import HandOverRow
from database.tables.work import ReviewDraftRow
from domain.rules.tickets import tickets_in_force
from domain.support.handing import HandOverAnswer
from domain.support.tickets import MessageKind, TicketState
from services.support.advancing import TicketStep
from services.support.conversation import AfterReply
from services.support.desk import SupportDesk
from services.support.handing import Handing
from services.work import drafts
from tests.builders.hands import MONDAY
from tests.builders.ticket_clocks import HOUR, TicketScene, ask_inside
from tests.builders.ticket_clocks import scene as scene
from tests.builders.ticket_clocks import ticket_url as ticket_url
from tests.builders.ticket_clocks import ticket_world as ticket_world

pytestmark = pytest.mark.asyncio(loop_scope="session")
DAY = timedelta(days=1)


async def test_warning_breach_and_chain_are_each_sent_once(scene: TicketScene) -> None:
    lead, ops = await scene.world.a_person("support_lead"), await scene.world.a_person("ops")
    ticket_id = await scene.opened()
    await scene.taken(ticket_id)
    await scene.desk.tasks.assign(lead, ticket_task_of(ticket_id), scene.agent)
    await scene.advanced_until(ticket_id, MONDAY + 4 * HOUR)
    assert await scene.notices(ticket_id) == [("warning", scene.agent, "first_response")]
    await scene.advanced_until(ticket_id, MONDAY + 5 * HOUR + timedelta(minutes=1))
    assert ("breach", lead, "first_response") in await scene.notices(ticket_id)
    await scene.advanced_until(ticket_id, MONDAY + DAY + 5 * HOUR)
    for _ in range(3):
        await scene.advanced(ticket_id)
    assert await scene.alarms(ticket_id) == [
        "breach:first_response:1", "chain:0:first_response:1", "chain:1:first_response:1", "warning:first_response:1",
    ]  # fmt: skip
    assert {(kind, person) for kind, person, _ in await scene.notices(ticket_id) if kind == "chain"} == {
        ("chain", lead), ("chain", ops),
    }  # fmt: skip
    found = await scene.ticket(ticket_id)
    assert (found.task.breached_at, found.task.escalated) == (MONDAY + 5 * HOUR, False)
    assert [event.what for event in found.events][-2:] == ["soon_first_response", "late_first_response"]


def ticket_task_of(ticket_id: str) -> str:
    return f"ticket:{ticket_id}:ticket:1"


async def test_after_an_outage_breaches_are_reported_without_warnings(
    scene: TicketScene,
) -> None:
    ticket_id = await scene.opened()
    scene.now += 2 * DAY
    await scene.advanced(ticket_id)
    assert "warning:first_response:1" not in await scene.alarms(ticket_id)
    assert await scene.alarms(ticket_id) == [
        "breach:first_response:1", "chain:0:first_response:1", "chain:1:first_response:1",
    ]  # fmt: skip


async def test_alarms_pause_with_the_clock_and_resume_with_it(
    scene: TicketScene,
) -> None:
    ticket_id = await scene.opened()
    await scene.replied(ticket_id)
    scene.now += 2 * DAY
    await scene.advanced(ticket_id)
    assert await scene.alarms(ticket_id) == []
    await scene.heard(ticket_id)
    await scene.advanced_until(ticket_id, scene.now + 5.5 * HOUR)
    assert await scene.alarms(ticket_id) == ["breach:next_response:1", "warning:next_response:1"]


async def test_a_ticket_that_waits_inside_rings_too(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.changed(ticket_id, ask_inside, "escalated")
    await scene.advanced_until(ticket_id, MONDAY + 6 * HOUR)
    assert "breach:first_response:1" in await scene.alarms(ticket_id)


async def test_unaccepted_offer_expires_by_the_policy_and_is_checked_in_time(scene: TicketScene) -> None:
    ticket_id, other = await scene.opened(), await scene.world.a_person("support")
    await scene.taken(ticket_id)
    handing = Handing(SupportDesk(scene.world.database, scene.world.keyring, scene.world.photos, lambda: scene.now))
    await handing.offer(scene.agent, ticket_id, other, "shift_ends")
    assert (await scene.advanced(ticket_id)).wait_s == 1800
    scene.now += timedelta(minutes=30)
    await scene.advanced(ticket_id)
    (offer,) = await scene.world.rows(HandOverRow, ticket_id=ticket_id)
    assert offer.answer is HandOverAnswer.EXPIRED


async def test_reply_is_sent_once_it_can_no_longer_be_undone(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.replied(ticket_id)
    assert await scene.advanced(ticket_id) == TicketStep(over=False, wait_s=10)
    scene.now += timedelta(seconds=10)
    step = await scene.advanced(ticket_id)
    assert step.wait_s == 3 * 86_400 - 10, "the next is the notice of silence"
    sent = [row for row in await scene.world.rows(OutboxRow, destination=scene.owner) if row.topic == "ticket.answered"]
    assert len(sent) == 1


async def test_undone_reply_is_never_sent(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    message = await scene.replied(ticket_id)
    await scene.conversation.take_back(scene.agent, message)
    scene.now += timedelta(minutes=1)
    await scene.advanced(ticket_id)
    assert await scene.world.rows(OutboxRow, destination=scene.owner) == []


async def test_silence_is_announced_then_solves_and_then_closes_for_good(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.replied(ticket_id)
    await scene.advanced_until(ticket_id, MONDAY + 3 * DAY + HOUR)
    found = await scene.ticket(ticket_id)
    assert (found.ticket.state, found.said[-1].kind) == (TicketState.WAITING_CUSTOMER, MessageKind.NOTICE)
    assert "4 天" in found.said[-1].words
    assert found.said[-1].sent_at == MONDAY + 3 * DAY
    await scene.advanced_until(ticket_id, MONDAY + 7 * DAY + HOUR)
    found = await scene.ticket(ticket_id)
    assert (found.ticket.state, found.ticket.solution, found.ticket.solved_by) == (
        TicketState.SOLVED,
        "no_answer",
        None,
    )
    assert "14 天" in found.said[-1].words
    assert (await scene.clocks(ticket_id))["resolution:1"].met_at == MONDAY + 7 * DAY
    assert await scene.untrue() == []
    await scene.advanced_until(ticket_id, MONDAY + 22 * DAY)
    assert (await scene.ticket(ticket_id)).ticket.state is TicketState.CLOSED
    assert await scene.advanced(ticket_id) == TicketStep(over=True)
    events = (await scene.ticket(ticket_id)).events
    assert [event.what for event in events][-3:] == ["silence_noticed", "solved_by_silence", "closed"]
    version = tickets_in_force(MONDAY.date()).version
    by_policy = ["opened", "replied", "silence_noticed", "solved_by_silence", "closed"]
    assert [event.what for event in events if event.facts.get("policy") == version] == by_policy
    assert len(await scene.world.rows(OutboxRow, destination=scene.owner)) == 3, "the reply and two notices"


async def test_a_solved_ticket_keeps_its_agent_and_drafts_until_it_closes_for_good(scene: TicketScene) -> None:
    ticket_id, lead = await scene.opened(), await scene.world.a_person("support_lead")
    task_id = ticket_task_of(ticket_id)
    await scene.desk.tasks.assign(lead, task_id, scene.agent)
    await scene.replied(ticket_id, AfterReply.SOLVE)
    async with scene.world.database.transaction() as session:
        await drafts.save(session, scene.world.keyring, task_id, lead, {"note": "half a sentence"})
    await scene.advanced_until(ticket_id, MONDAY + DAY)
    found = (await scene.ticket(ticket_id)).task
    assert (found.leased_by, found.assigned_to) == (None, scene.agent)
    assert len(await scene.world.rows(ReviewDraftRow, task_id=task_id)) == 1
    await scene.advanced_until(ticket_id, MONDAY + 22 * DAY)
    after = await scene.ticket(ticket_id)
    assert (after.ticket.state, after.task.assigned_to) == (TicketState.CLOSED, None)
    assert after.task.closed_at == found.closed_at
    assert await scene.world.rows(ReviewDraftRow, task_id=task_id) == []


async def test_answer_after_the_notice_restarts_the_silence_period(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.replied(ticket_id)
    await scene.advanced_until(ticket_id, MONDAY + 4 * DAY)
    await scene.heard(ticket_id)
    await scene.replied(ticket_id)
    await scene.advanced_until(ticket_id, MONDAY + 6 * DAY)
    assert (await scene.ticket(ticket_id)).ticket.state is TicketState.WAITING_CUSTOMER
    notices = [one for one in (await scene.ticket(ticket_id)).said if one.kind is MessageKind.NOTICE]
    assert len(notices) == 1
    await scene.advanced_until(ticket_id, MONDAY + 8 * DAY)
    notices = [one for one in (await scene.ticket(ticket_id)).said if one.kind is MessageKind.NOTICE]
    assert len(notices) == 2


async def test_notice_precedes_closing_even_after_a_long_outage(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.replied(ticket_id)
    scene.now += 60 * DAY
    await scene.advanced(ticket_id)
    assert (await scene.ticket(ticket_id)).ticket.state is TicketState.WAITING_CUSTOMER
    assert (await scene.advanced(ticket_id)).wait_s == 4 * 86_400


async def test_a_solved_ticket_can_be_reopened_until_it_closes(scene: TicketScene) -> None:
    ticket_id = await scene.opened()
    await scene.replied(ticket_id, AfterReply.SOLVE)
    await scene.advanced_until(ticket_id, MONDAY + 13 * DAY)
    await scene.heard(ticket_id)
    await scene.advanced_until(ticket_id, MONDAY + 20 * DAY)
    assert (await scene.ticket(ticket_id)).ticket.state is TicketState.OPEN
