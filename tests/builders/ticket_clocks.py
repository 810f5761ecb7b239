"""A ticket with a clock that the test sets, in a database whose policies the test may change."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update

from database.reads.support.tickets import TicketRecord, record
from database.tables.notices import NoticeRow
from database.tables.people import PersonRow
from database.tables.support.tickets import TicketClockRow, TicketRow
from database.tables.work import AlarmRow, ClockIntervalRow, WorkItemRow
from database.ticket_clock_invariant import untrue_ticket_clocks
from domain.identifiers import ticket_task
from domain.support.tickets import InsideDesk, TicketCategory, TicketChannel, TicketState
from domain.work.deadlines import ClockOwner
from domain.work.why_due import Sentence
from services.review.desk import ReviewDesk, review_desk
from services.support.advancing import TicketStep, advance
from services.support.clocks import follow
from services.support.conversation import AfterReply, Conversation, Heard, Reply, locked
from services.support.desk import SupportDesk
from services.support.opening import NewTicket, Opening
from services.support.why_due import why_ticket_is_due
from tests.builders.deadlines import deadlines_as_built_in, deadlines_in_force, publish_deadlines
from tests.builders.hands import MONDAY
from tests.builders.world import World, world_at

HOUR = timedelta(hours=1)


class TicketScene:
    """A customer, an agent and a clock fixed at nine on a Monday in Shanghai; support works 9–12 and 13–18."""

    def __init__(self, world: World, owner: str, agent: str) -> None:
        self.world, self.owner, self.agent, self.now = world, owner, agent, MONDAY
        desk = SupportDesk(world.database, world.keyring, world.photos, self.clock)
        self.opening = Opening(desk)
        self.conversation = Conversation(desk)
        self.desk: ReviewDesk = review_desk(world.database, world.keyring, self.clock)

    def clock(self) -> datetime:
        return self.now

    async def opened(self, category: TicketCategory = TicketCategory.OTHER, words: str = "Where is it?") -> str:
        return await self.opening.open(self.owner, NewTicket(category, "Trouble", words), TicketChannel.WEB)

    async def taken(self, ticket_id: str, agent: str | None = None) -> None:
        assert await self.desk.leases.take(agent or self.agent, ticket_task(ticket_id))

    async def replied(self, ticket_id: str, after: AfterReply = AfterReply.WAIT) -> str:
        await self.taken(ticket_id)
        solution = "explained" if after is AfterReply.SOLVE else ""
        return await self.conversation.reply(self.agent, ticket_id, Reply("We look into it.", after, solution))

    async def heard(self, ticket_id: str, words: str = "It is still not here.") -> str:
        return await self.conversation.hear(self.owner, ticket_id, Heard(words, TicketChannel.WEB))

    async def advanced(self, ticket_id: str) -> TicketStep:
        async with self.world.database.transaction() as session:
            return await advance(session, ticket_id, self.now)

    async def advanced_until(self, ticket_id: str, until: datetime) -> None:
        """Look whenever the ticket asks to be looked at, as its workflow does, until a moment."""
        while (step := await self.advanced(ticket_id)).wait_s is not None:
            if self.now + timedelta(seconds=step.wait_s) > until:
                break
            self.now += timedelta(seconds=step.wait_s)
        self.now = until

    async def changed(self, ticket_id: str, change: Callable[[TicketRow, WorkItemRow], None], why: str) -> None:
        """Change a ticket as another desk's service does."""
        async with self.world.database.transaction() as session:
            ticket, task = await locked(session, ticket_id)
            change(ticket, task)
            await follow(session, ticket, task, self.now, why)

    async def ticket(self, ticket_id: str) -> TicketRecord:
        async with self.world.database.transaction() as session:
            return await record(session, ticket_id)

    async def clocks(self, ticket_id: str) -> dict[str, TicketClockRow]:
        return {row.name: row for row in await self.world.rows(TicketClockRow, ticket_id=ticket_id)}

    async def due_after(self, ticket_id: str, name: str) -> timedelta:
        """How long after nine on Monday the run is due."""
        return (await self.clocks(ticket_id))[name].due_at - MONDAY

    async def owners(self, ticket_id: str) -> list[ClockOwner]:
        rows = await self.world.rows(ClockIntervalRow, task_id=ticket_task(ticket_id))
        return [row.owner for row in sorted(rows, key=lambda row: (row.started_at, row.id))]

    async def alarms(self, ticket_id: str) -> list[str]:
        """The names of the alarms that were sent, without the policy they were sent by."""
        rows = await self.world.rows(AlarmRow, task_id=ticket_task(ticket_id))
        return sorted(row.alarm.partition("@")[0] for row in rows)

    async def notices(self, ticket_id: str) -> list[tuple[str, str, str]]:
        """Kind, person and promise of each notice of an alarm."""
        rows = await self.world.rows(NoticeRow, task_id=ticket_task(ticket_id))
        return sorted((row.kind, row.person_id, row.facts["promise"]) for row in rows if "promise" in row.facts)

    async def why_due(self, ticket_id: str) -> tuple[Sentence, ...]:
        async with self.world.database.transaction() as session:
            task = await session.get_one(WorkItemRow, ticket_task(ticket_id))
            return await why_ticket_is_due(session, task, self.now)

    async def untrue(self) -> list[str]:
        async with self.world.database.transaction() as session:
            return await untrue_ticket_clocks(session)

    async def policies(self, change: Callable[[dict[str, Any]], None]) -> int:
        """A new version of the deadlines: the newest document after `change` had it."""
        document = copy.deepcopy((await deadlines_in_force(self.world.database))[1])
        change(document)
        return await publish_deadlines(self.world.database, document)


def ask_inside(ticket: TicketRow, _task: WorkItemRow) -> None:
    """Let finance have the question."""
    ticket.state, ticket.inside_desk = TicketState.WAITING_INSIDE, InsideDesk.FINANCE


@pytest.fixture(scope="module")
def ticket_url(make_migrated: Callable[[str], str], worker: str) -> str:
    """A database of these tests alone: a version of the policies that was saved is never taken back."""
    return make_migrated(f"ticket_clocks_{worker}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ticket_world(ticket_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_at(ticket_url, tmp_path_factory.mktemp("ticket_clocks"), pool_size=4) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def scene(ticket_world: World) -> TicketScene:
    """The policies as they come with the product, no open ticket, and no person of an earlier test at work."""
    async with ticket_world.database.transaction() as session:
        await session.execute(update(TicketClockRow).where(TicketClockRow.met_at.is_(None)).values(void_at=MONDAY))
        await session.execute(
            update(ClockIntervalRow).where(ClockIntervalRow.ended_at.is_(None)).values(ended_at=MONDAY)
        )
        await session.execute(update(TicketRow).values(state=TicketState.CLOSED, closed_at=MONDAY))
        await session.execute(update(WorkItemRow).values(closed_at=MONDAY))
        await session.execute(update(PersonRow).values(active=False))
    await deadlines_as_built_in(ticket_world.database)
    return TicketScene(ticket_world, await ticket_world.a_seller(), await ticket_world.a_person("support"))
