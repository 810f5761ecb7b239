"""A support desk with a fixed clock: a seller with a card, tickets, and agents who hold them."""

from __future__ import annotations

from database.reads.support.tickets import TicketRecord, record
from domain.support.tickets import TicketCategory, TicketChannel
from services.review.desk import review_desk
from services.support.conversation import AfterReply, Heard, Reply, depart, locked
from services.support.desk import SupportDesk
from services.support.handing import expire_due
from services.support.opening import NewTicket
from services.support.ticket_desk import ticket_desk
from tests.builders.queueing import Clock
from tests.builders.world import World


class TicketScene:
    """The desk of one story. `owner` is its seller, `card_id` a card of theirs."""

    def __init__(self, world: World, owner: str, card_id: str) -> None:
        self.world, self.owner, self.card_id, self.clock = world, owner, card_id, Clock()
        self.desk = ticket_desk(SupportDesk(world.database, world.keyring, world.photos, self.clock))
        self.work = review_desk(world.database, world.keyring, self.clock)

    async def opened(
        self, words: str = "Where is my money?", *, owner: str | None = None, about_card: bool = True,
        files: tuple[tuple[str, bytes], ...] = (),
    ) -> str:  # fmt: skip
        cards = (self.card_id,) if about_card and owner is None else ()
        asked = NewTicket(TicketCategory.PAYOUT_LATE, "Money", words, cards, files)
        return await self.desk.opening.open(owner or self.owner, asked, TicketChannel.WEB)

    async def agent(self, *roles: str) -> str:
        return await self.world.a_person(*(roles or ("support",)))

    async def held(self, agent: str, ticket_id: str) -> None:
        assert await self.work.leases.take(agent, task_of(ticket_id))

    async def hears(self, ticket_id: str, words: str = "It is not here.") -> str:
        return await self.desk.conversation.hear(self.owner, ticket_id, Heard(words, TicketChannel.WEB))

    async def replied(self, agent: str, ticket_id: str, after: AfterReply = AfterReply.WAIT) -> str:
        await self.held(agent, ticket_id)
        return await self.desk.conversation.reply(agent, ticket_id, Reply("It is on its way.", after, "explained"))

    async def read(self, ticket_id: str) -> TicketRecord:
        async with self.world.database.transaction() as session:
            return await record(session, ticket_id)

    async def history(self, ticket_id: str) -> list[str]:
        return [one.what for one in (await self.read(ticket_id)).events]

    async def leave(self, ticket_id: str) -> int:
        async with self.world.database.transaction() as session:
            ticket, _ = await locked(session, ticket_id)
            return await depart(session, ticket, self.clock())

    async def expire(self, ticket_id: str) -> bool:
        async with self.world.database.transaction() as session:
            ticket, _ = await locked(session, ticket_id)
            return await expire_due(session, ticket, self.clock())


async def a_ticket_scene(world: World) -> TicketScene:
    """A scene with a seller of its own."""
    owner = await world.a_seller()
    return TicketScene(world, owner, await world.a_card(owner=owner))


def task_of(ticket_id: str) -> str:
    """The id of the ticket's work item."""
    return f"ticket:{ticket_id}:ticket:1"
