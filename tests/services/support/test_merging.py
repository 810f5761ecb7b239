"""Two tickets of one customer become one, and one becomes two, without a word lost or shown to the wrong person."""

from __future__ import annotations

import pytest

from database.tables.platform import OutboxRow
from database.tables.support.tickets import TicketFileRow, TicketLinkRow, TicketMessageRow, TicketRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import TicketEnded, TicketsApart
from domain.errors.work import TaskHeldByAnother
from domain.support.tickets import MessageKind, TicketCategory, TicketState
from services.support.conversation import AfterReply, Reply
from tests.builders.ticket_desk import TicketScene, a_ticket_scene
from tests.builders.world import World


@pytest.fixture
async def scene(world: World) -> TicketScene:
    return await a_ticket_scene(world)


async def test_merged_ticket_is_closed_and_points_the_customer_to_the_other(scene: TicketScene) -> None:
    agent, old, new = await scene.agent(), await scene.opened("First"), await scene.opened("Second", about_card=False)
    await scene.held(agent, old)
    await scene.desk.merging.merge(agent, old, new)
    await scene.desk.merging.merge(agent, old, new)
    merged, into = await scene.read(old), await scene.read(new)
    assert (merged.ticket.state, merged.ticket.merged_into, merged.task.leased_by) == (TicketState.CLOSED, new, None)
    assert [one.words for one in into.said] == ["Second"]
    notices = [one for one in merged.said if one.kind is MessageKind.NOTICE]
    assert len(notices) == 1
    assert notices[0].sent_at is not None
    assert new[-6:] in notices[0].words
    sent = [one for one in await scene.world.rows(OutboxRow, topic="ticket.answered") if one.destination == scene.owner]
    assert len(sent) == 1
    assert {one.subject for one in into.links} == {scene.card_id, old}
    assert "merged" in await scene.history(old)
    assert "merged_here" in await scene.history(new)
    with pytest.raises(TicketEnded):
        await scene.hears(old)


async def test_the_customer_has_waited_since_the_earlier_of_both(scene: TicketScene) -> None:
    agent, old = await scene.agent(), await scene.opened()
    scene.clock.passes(minutes=20)
    new = await scene.opened()
    await scene.replied(agent, new)
    await scene.desk.merging.merge(agent, old, new)
    into = await scene.read(new)
    assert (into.ticket.state, into.task.waiting) == (TicketState.OPEN, False)
    assert into.ticket.unanswered_since == (await scene.read(old)).ticket.opened_at


async def test_undoable_reply_is_sent_by_the_merge(scene: TicketScene) -> None:
    agent, old, new = await scene.agent(), await scene.opened(), await scene.opened()
    await scene.replied(agent, old, AfterReply.OPEN)
    await scene.desk.merging.merge(agent, old, new)
    assert [one.kind for one in (await scene.read(old)).said if one.sent_at] == ["customer", "reply", "notice"]


async def test_merge_shows_no_words_of_another_customer(scene: TicketScene) -> None:
    agent, mine = await scene.agent(), await scene.opened()
    theirs = await scene.opened(owner=await scene.world.a_seller())
    with pytest.raises(TicketsApart):
        await scene.desk.merging.merge(agent, mine, theirs)
    with pytest.raises(FieldInvalid):
        await scene.desk.merging.merge(agent, mine, mine)
    with pytest.raises(NotFound):
        await scene.desk.merging.merge(agent, mine, "NOSUCHTICKET")
    await scene.desk.linking.ticket(agent, mine, theirs)
    assert len(await scene.world.rows(TicketLinkRow, ticket_id=theirs)) == 1
    await scene.desk.linking.remove(agent, mine, theirs)
    assert await scene.world.rows(TicketLinkRow, ticket_id=theirs) == []


async def test_ticket_held_by_a_colleague_cannot_be_merged(scene: TicketScene) -> None:
    agent, colleague = await scene.agent(), await scene.agent()
    one, other = await scene.opened(), await scene.opened()
    await scene.held(colleague, one)
    for ticket_id, into in ((one, other), (other, one)):
        with pytest.raises(TaskHeldByAnother):
            await scene.desk.merging.merge(agent, ticket_id, into)


async def test_message_is_split_off_once(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened("Where is my money?")
    await scene.held(agent, ticket_id)
    message = await scene.hears(ticket_id, "And I cannot sign in.")
    split = await scene.desk.merging.split(agent, message, "Sign-in", TicketCategory.ACCOUNT)
    assert await scene.desk.merging.split(agent, message, "Sign-in", TicketCategory.ACCOUNT) == split
    found = await scene.read(split)
    assert [one.words for one in found.said] == ["And I cannot sign in."]
    assert (found.ticket.requester, found.ticket.category) == (scene.owner, TicketCategory.ACCOUNT)
    assert "split_off" in await scene.history(ticket_id)
    assert "split_from" in await scene.history(split)
    assert len(await scene.world.rows(TicketRow, requester=scene.owner)) == 2
    assert len((await scene.read(ticket_id)).said) == 2
    reply = await scene.desk.conversation.reply(agent, ticket_id, Reply("Yes."))
    with pytest.raises(NotFound):
        await scene.desk.merging.split(agent, reply, "No", TicketCategory.OTHER)


async def test_files_of_a_split_message_are_in_both_tickets(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened(files=(("note.txt", b"seen on the bank's page"),))
    (message,) = await scene.world.rows(TicketMessageRow, ticket_id=ticket_id)
    split = await scene.desk.merging.split(agent, message.id, "Receipt", TicketCategory.OTHER)
    one, other = [await scene.world.rows(TicketFileRow, ticket_id=where) for where in (ticket_id, split)]
    assert [file.sha256 for file in one] == [file.sha256 for file in other] != []
