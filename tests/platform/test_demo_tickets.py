"""The support desk of a demo is full at its first start: every state, channel and category, in both languages."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.demo.tickets import STORIES, DemoTickets
from database.tables.people import PartnerRow
from database.tables.support.contact_links import ContactLinkRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.support.privacy import ErasureRow
from database.tables.support.ratings import TicketRatingRow
from database.tables.support.tickets import TicketLinkRow, TicketMessageRow, TicketRow
from database.tables.work import CommentRow, WorkItemRow
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.support.tickets import InsideDesk, LinkedKind, MessageKind, TicketCategory, TicketChannel, TicketState
from services.support.search import TicketSearch
from tests.builders.own_world import own_world
from tests.builders.world import World
from tests.slowness import patience

world = own_world("demo_tickets")

SET_UP_S = 3.0  # Of a processor: what else the machine does at the same time does not count.


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.thorough
async def test_the_desk_of_a_demo_is_full_and_natural(world: World) -> None:
    people, partner = {role: await world.a_person(role) for role in Role}, new_id()
    agent = people[Role.SUPPORT]
    async with world.database.transaction() as session:
        session.add(PartnerRow(id=partner, name="Demo partner"))
    began, known = time.process_time(), {row.id for row in await world.rows(TicketRow)}
    held = cast("Any", SimpleNamespace(keyring=world.keyring))
    number = await DemoTickets(world.database, held, world.photos, people).tell(partner)
    assert time.process_time() - began < patience(SET_UP_S)
    assert (
        await DemoTickets(world.database, held, world.photos, people).tell(partner) == 0
    )  # A second start adds nothing.
    tickets = [row for row in await world.rows(TicketRow) if row.id not in known]
    assert len(tickets) == number
    assert {row.state for row in tickets} == set(TicketState)
    assert {row.category for row in tickets} == set(TicketCategory)
    assert {row.channel for row in tickets} == set(TicketChannel)
    assert {row.language for row in tickets} == {"zh_CN", "en"}
    assert {row.inside_desk for row in tickets if row.inside_desk} >= {
        InsideDesk.REVIEW,
        InsideDesk.OPS,
        InsideDesk.FINANCE,
    }
    mine = {row.id for row in tickets}
    said = [row for row in await world.rows(TicketMessageRow) if row.ticket_id in mine]
    assert {row.kind for row in said} >= {MessageKind.CUSTOMER, MessageKind.REPLY}
    assert all(row.sent_at for row in said)
    assert not any(row.masked for row in said)
    tasks = {row.id: row for row in await world.rows(WorkItemRow, kind="ticket")}
    now = datetime.now(UTC)
    waiting = [tasks[row.task_id] for row in tickets if row.state in (TicketState.NEW, TicketState.OPEN)]
    assert {task.due_at > now for task in waiting} == {True, False}
    assert all(task.leased_by is None for task in waiting)
    assert [row for row in await world.rows(CommentRow, person_id=agent) if row.task_id in tasks]
    asked = [row for row in await world.rows(TicketEscalationRow) if row.ticket_id in mine]
    assert {row.desk for row in asked} == set(InsideDesk)  # Each desk has a question in its queue.
    assert all(row.task_id for row in asked)
    assert {row.good for row in await world.rows(TicketRatingRow) if row.ticket_id in mine} == {True, False}
    assert [row for row in await world.rows(TicketLinkRow, kind=LinkedKind.CARD) if row.ticket_id in mine]
    assert [row for row in await world.rows(ErasureRow) if row.ticket_id in mine]
    assert [row for row in await world.rows(ContactLinkRow) if row.ticket_id in mine]
    found = await TicketSearch(world.database, world.keyring).find(agent, "三天了还没到账")
    assert mine & {line.id for line in found.lines}


def test_every_story_has_a_text_of_its_own() -> None:
    stories = json.loads(STORIES.read_text(encoding="utf-8"))
    assert len({story["words"] for story in stories}) == len(stories)
    assert [story["ago"] for story in stories] == sorted((story["ago"] for story in stories), reverse=True)
