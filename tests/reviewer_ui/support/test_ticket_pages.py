"""Tickets at the console: an agent takes the next one, reads, replies, and goes on."""

from __future__ import annotations

import re

import httpx

from database.tables.support.tickets import TicketRow
from domain.people.roles import Role
from domain.support.tickets import TicketState
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.tickets import a_customer


def shown(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None
    return found[1]


async def the_ticket(house: House, ticket_id: str) -> TicketRow:
    async with house.database.transaction() as session:
        return await session.get_one(TicketRow, ticket_id)


async def test_the_shortest_way_through_a_ticket(house: House) -> None:
    customer, agent = await a_customer(house), await house.as_(Role.SUPPORT, "Su")
    ticket_id = await customer.asks()
    listed = await agent.get("/review?kind=ticket")
    assert f'href="/tickets/{ticket_id}"' in listed.text
    assert "My money has not come" in listed.text
    taken = await post(agent, "/review/next", filter="kind=ticket")
    assert taken.headers["location"] == f"/tickets/{ticket_id}"
    page = await agent.get(f"/tickets/{ticket_id}")
    assert page.status_code == 200
    assert "Where is my money?" in page.text
    assert customer.phone not in page.text
    sent = await post(
        agent, f"/tickets/{ticket_id}/reply", words="It is on its way.", act="wait", seen=shown(page, "seen"), key="k1"
    )
    assert sent.status_code == 303
    assert (await the_ticket(house, ticket_id)).state is TicketState.WAITING_CUSTOMER
    again = await agent.get(f"/tickets/{ticket_id}")
    assert "It is on its way." in again.text
    assert "take-back" in again.text
