"""A customer opens a ticket, an agent answers it, and neither loses a word."""

from __future__ import annotations

from datetime import timedelta

import pytest

from database.reads.support.tickets import record
from database.tables.platform import OutboxRow
from database.tables.support.tickets import TicketMessageRow
from domain.errors.general import NotFound
from domain.errors.support import CustomerWrote, ReplyLeft
from domain.errors.work import SecretInWords, TaskNotHeld
from domain.support.tickets import TICKET, TicketCategory, TicketChannel, TicketState
from domain.work.queue_filter import Wanted
from services.people.partners import Partners
from services.review.desk import review_desk
from services.support.conversation import AfterReply, Conversation, Heard, Reply, depart, locked
from services.support.desk import SupportDesk
from services.support.opening import NewTicket, Opening
from services.work.leases import Leases
from tests.builders.queueing import Clock
from tests.builders.world import World


class Scene:
    """A seller with a card, an agent at the desk, and a fixed clock."""

    def __init__(self, world: World, owner: str, card_id: str) -> None:
        self.world, self.owner, self.card_id, self.clock = world, owner, card_id, Clock()
        desk = SupportDesk(world.database, world.keyring, world.photos, self.clock)
        self.opening = Opening(desk)
        self.conversation = Conversation(desk)
        self.leases: Leases = review_desk(world.database, world.keyring, self.clock).leases

    async def opened(self, words: str = "Where is my money?", key: str | None = None) -> str:
        asked = NewTicket(TicketCategory.PAYOUT_LATE, "Money", words, (self.card_id,), key=key)
        return await self.opening.open(self.owner, asked, TicketChannel.WEB)

    async def opened_alone(self) -> str:
        asked = NewTicket(TicketCategory.OTHER, "Money", "Where is my money?")
        return await self.opening.open(self.owner, asked, TicketChannel.API)

    async def heard_of(self, ticket_id: str) -> list[str]:
        rows = await self.world.rows(OutboxRow, destination=self.owner)
        return [one.topic for one in sorted(rows, key=lambda row: row.due_at) if one.payload["ticket_id"] == ticket_id]

    async def held(self, agent: str, ticket_id: str) -> None:
        assert await self.leases.take(agent, f"ticket:{ticket_id}:ticket:1")

    async def replied(self, agent: str, ticket_id: str, after: AfterReply = AfterReply.WAIT) -> str:
        await self.held(agent, ticket_id)
        return await self.conversation.reply(agent, ticket_id, Reply("It is on its way.", after, "explained"))

    async def leave(self, ticket_id: str) -> int:
        async with self.world.database.transaction() as session:
            ticket, _ = await locked(session, ticket_id)
            return await depart(session, ticket, self.clock())


@pytest.fixture
async def scene(world: World) -> Scene:
    owner = await world.a_seller()
    return Scene(world, owner, await world.a_card(owner=owner))


async def test_a_ticket_is_an_item_of_the_support_queue_and_is_opened_once_per_key(scene: Scene) -> None:
    ticket_id = await scene.opened(key="form-1")
    assert await scene.opened(key="form-1") == ticket_id
    async with scene.world.database.transaction() as session:
        found = await record(session, ticket_id)
    assert (found.ticket.state, found.task.kind, found.task.team) == (TicketState.NEW, TICKET, "support")
    assert [one.subject for one in found.links] == [scene.card_id]
    assert [one.words for one in found.said] == ["Where is my money?"]
    assert found.task.due_at > scene.clock()


async def test_waiting_ticket_is_not_assigned_until_the_customer_answers(scene: Scene) -> None:
    agent, ticket_id = await scene.world.a_person("support"), await scene.opened()
    await scene.replied(agent, ticket_id)
    wanted = Wanted(kind=TICKET)
    taken = await scene.leases.take(agent, None, wanted)
    assert taken is None or taken.task_id != f"ticket:{ticket_id}:ticket:1"
    await scene.conversation.hear(scene.owner, ticket_id, Heard("It is not here.", TicketChannel.WEB))
    async with scene.world.database.transaction() as session:
        found = await record(session, ticket_id)
    assert (found.ticket.state, found.task.waiting) == (TicketState.OPEN, False)


async def test_reply_is_sent_after_its_undo_window_and_notified_once(scene: Scene) -> None:
    agent, ticket_id = await scene.world.a_person("support"), await scene.opened()
    message = await scene.replied(agent, ticket_id)
    assert await scene.leave(ticket_id) == 0
    scene.clock.passes(minutes=5)
    assert (await scene.leave(ticket_id), await scene.leave(ticket_id)) == (1, 0)
    sent = [one for one in await scene.world.rows(OutboxRow, topic="ticket.answered") if one.destination == scene.owner]
    assert len(sent) == 1
    with pytest.raises(ReplyLeft):
        await scene.conversation.take_back(agent, message)


async def test_partner_is_notified_of_the_solution_with_the_reply_and_of_reopening(
    scene: Scene,
) -> None:
    partner, _ = await Partners(scene.world.database, scene.world.keyring).create("Hears of tickets")
    scene.owner = f"partner:{partner}"
    agent, ticket_id = await scene.world.a_person("support"), await scene.opened_alone()
    await scene.replied(agent, ticket_id, AfterReply.SOLVE)
    heard = await scene.heard_of(ticket_id)
    scene.clock.passes(minutes=5)
    await scene.leave(ticket_id)
    solved = await scene.heard_of(ticket_id)
    await scene.conversation.hear(scene.owner, ticket_id, Heard("It broke again.", TicketChannel.API))
    assert (heard, solved) == ([], ["ticket.answered", "ticket.solved"])
    assert await scene.heard_of(ticket_id) == [*solved, "ticket.reopened"]


async def test_unsent_reply_is_undone_and_never_shown(scene: Scene) -> None:
    agent, ticket_id = await scene.world.a_person("support"), await scene.opened()
    message = await scene.replied(agent, ticket_id, AfterReply.SOLVE)
    await scene.conversation.take_back(agent, message)
    scene.clock.passes(minutes=5)
    assert await scene.leave(ticket_id) == 0
    async with scene.world.database.transaction() as session:
        found = await record(session, ticket_id)
    assert (found.ticket.state, found.task.closed_at, len(found.said)) == (TicketState.NEW, None, 1)


async def test_concurrent_agents_see_each_other_typing(scene: Scene) -> None:
    agent, ticket_id = await scene.world.a_person("support"), await scene.opened()
    await scene.held(agent, ticket_id)
    (first,) = await scene.world.rows(TicketMessageRow, ticket_id=ticket_id)
    scene.clock.passes(seconds=1)
    await scene.conversation.hear(scene.owner, ticket_id, Heard("One more thing.", TicketChannel.WEB))
    with pytest.raises(CustomerWrote):
        await scene.conversation.reply(agent, ticket_id, Reply("Fine.", seen=first.id))


async def test_card_numbers_and_pins_are_masked_before_they_are_stored(scene: Scene) -> None:
    ticket_id = await scene.opened("My card 6222 0212 3456 7890 12 does not work")
    (kept,) = await scene.world.rows(TicketMessageRow, ticket_id=ticket_id)
    assert kept.masked
    assert "6222" not in kept.words
    assert kept.words.endswith("90 12 does not work")


async def test_unrelated_people_are_refused(scene: Scene) -> None:
    ticket_id, agent = await scene.opened(), await scene.world.a_person("support")
    with pytest.raises(NotFound):
        await scene.conversation.hear(await scene.world.a_seller(), ticket_id, Heard("Hi", TicketChannel.WEB))
    with pytest.raises(TaskNotHeld):
        await scene.conversation.reply(agent, ticket_id, Reply("Hello"))
    await scene.held(agent, ticket_id)
    with pytest.raises(SecretInWords):
        await scene.conversation.reply(agent, ticket_id, Reply("Your card 6222021234567890123 is fine"))


async def test_a_solved_ticket_is_reopened_by_the_customer_and_not_late_at_once(scene: Scene) -> None:
    agent, ticket_id = await scene.world.a_person("support"), await scene.opened()
    await scene.replied(agent, ticket_id, AfterReply.SOLVE)
    scene.clock.passes(days=40)
    await scene.conversation.hear(scene.owner, ticket_id, Heard("It broke again.", TicketChannel.WEB))
    async with scene.world.database.transaction() as session:
        found = await record(session, ticket_id)
    assert (found.ticket.state, found.ticket.reopened) == (TicketState.OPEN, 1)
    assert found.task.due_at > scene.clock() + timedelta(minutes=5)
