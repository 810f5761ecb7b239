"""A customer says whether a solution was good, changes it, and gives a reason; no one else can."""

from __future__ import annotations

import pytest

from database.reads.support.tickets import record
from database.tables.support.ratings import TicketRatingRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import RatingOver
from domain.support.tickets import TicketCategory, TicketChannel, TicketState
from services.support.conversation import Conversation, Heard, solve
from services.support.desk import SupportDesk
from services.support.opening import NewTicket, Opening
from services.support.ratings import Ratings
from tests.builders.world import World


class Rated:
    """A seller's ticket that an agent solved."""

    def __init__(self, world: World, owner: str, ticket_id: str, agent: str) -> None:
        self.world, self.owner, self.ticket_id, self.agent = world, owner, ticket_id, agent
        self.ratings = Ratings(SupportDesk(world.database, world.keyring, world.photos))

    async def becomes(self, state: TicketState) -> None:
        async with self.world.database.transaction() as session:
            found = await record(session, self.ticket_id)
            if state is TicketState.SOLVED:
                solve(found.ticket, found.task, self.agent, "explained", found.ticket.opened_at)
            found.ticket.state = state

    async def kept(self) -> list[TicketRatingRow]:
        return await self.world.rows(TicketRatingRow, ticket_id=self.ticket_id)


@pytest.fixture
async def rated(world: World) -> Rated:
    owner = await world.a_seller()
    opening = Opening(SupportDesk(world.database, world.keyring, world.photos))
    ticket = await opening.open(owner, NewTicket(TicketCategory.OTHER, "Help", "Help"), TicketChannel.WEB)
    made = Rated(world, owner, ticket, await world.a_person("support"))
    await made.becomes(TicketState.SOLVED)
    return made


async def test_a_rating_is_changed_until_the_ticket_is_closed(rated: Rated) -> None:
    await rated.ratings.rate(rated.owner, rated.ticket_id, True)
    await rated.ratings.rate(rated.owner, rated.ticket_id, False, "My number 6222 0212 3456 7890 12 was asked twice")
    await rated.ratings.rate(rated.owner, rated.ticket_id, False)
    (row,) = await rated.kept()
    assert (row.good, row.solved_by) == (False, rated.agent)
    assert "6222" not in row.words
    assert row.words.endswith("90 12 was asked twice")
    async with rated.world.database.transaction() as session:
        found = await record(session, rated.ticket_id)
    assert [one.facts["good"] for one in found.events if one.what == "rated"] == ["yes", "no"]
    await rated.becomes(TicketState.CLOSED)
    with pytest.raises(RatingOver):
        await rated.ratings.rate(rated.owner, rated.ticket_id, True)


async def test_rating_requires_an_own_solved_ticket(rated: Rated) -> None:
    with pytest.raises(NotFound):
        await rated.ratings.rate(await rated.world.a_seller(), rated.ticket_id, True)
    with pytest.raises(FieldInvalid):
        await rated.ratings.rate(rated.owner, rated.ticket_id, True, "x" * 501)
    conversation = Conversation(SupportDesk(rated.world.database, rated.world.keyring, rated.world.photos))
    await conversation.hear(rated.owner, rated.ticket_id, Heard("Not solved.", TicketChannel.WEB))
    with pytest.raises(RatingOver):
        await rated.ratings.rate(rated.owner, rated.ticket_id, True)
    assert await rated.kept() == []
