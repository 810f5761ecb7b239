"""A goodwill payment at the console: proposed from the ticket, agreed to by another person, and never with an account in clear."""

from __future__ import annotations

from sqlalchemy import select

from database.tables.support.goodwill import GoodwillRow
from domain.people.roles import Role
from domain.support.goodwill import GoodwillState
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.escalation_scenes import HeldTicket, a_held_ticket, paid_before


async def path_of(house: House, ticket: HeldTicket) -> str:
    """Where the ticket's payment is agreed to."""
    async with house.database.transaction() as session:
        found = select(GoodwillRow.id).where(GoodwillRow.ticket_id == ticket.ticket_id)
        return f"/goodwill/{(await session.execute(found)).scalars().one()}/agree"


async def state_of(house: House, ticket: HeldTicket) -> GoodwillState:
    async with house.database.transaction() as session:
        found = select(GoodwillRow.state).where(GoodwillRow.ticket_id == ticket.ticket_id)
        return (await session.execute(found)).scalars().one()


async def test_goodwill_is_proposed_and_approved_by_another_person(house: House) -> None:
    ticket = await a_held_ticket(house, await house.cards.waiting())
    agent, here = house.browser(await house.sessions.open(ticket.agent)), f"/tickets/{ticket.ticket_id}/goodwill"
    assert "never paid before" in (await agent.get(here)).text
    key = await paid_before(house, ticket)
    form = await agent.get(here)
    assert ("138****0021" in form.text, "13800000021" in form.text) == (True, False)
    for amount in ("", "abc", "20.005", "-5", "51.00"):
        refused = await post(agent, here, amount=amount, reason_code="late", payee=key, note="Two days.")
        assert (refused.status_code, "Two days." in refused.text) == (422, True), amount
    sent = await post(agent, here, amount="20.00", reason_code="late", payee=key, note="Two days.")
    assert sent.status_code == 303
    mine = await agent.get(here)
    assert ("Withdraw the proposal" in mine.text, "/agree" in mine.text) == (True, False)
    lead = await house.as_(Role.SUPPORT_LEAD, "Lea")
    page = await lead.get("/goodwill")
    assert "Pay ¥20.00 to 138****0021" in page.text
    path = await path_of(house, ticket)
    assert f'action="{path}"' in page.text
    assert (await post(agent, path)).status_code == 403
    assert (await post(lead, path)).status_code == 303
    assert await state_of(house, ticket) is GoodwillState.AGREED
    assert "Being paid" in (await lead.get("/goodwill")).text
    assert (await post(await house.as_(Role.FINANCE), path)).status_code == 409


async def test_a_proposal_is_withdrawn_by_its_agent_or_declined(house: House) -> None:
    ticket = await a_held_ticket(house, await house.cards.waiting())
    key = await paid_before(house, ticket)
    agent, here = house.browser(await house.sessions.open(ticket.agent)), f"/tickets/{ticket.ticket_id}/goodwill"
    assert (await post(agent, here, amount="20", reason_code="late", payee=key)).status_code == 303
    other = await house.as_(Role.SUPPORT, "Bo")
    async with house.database.transaction() as session:
        given = (
            await session.execute(select(GoodwillRow.id).where(GoodwillRow.ticket_id == ticket.ticket_id))
        ).scalar_one()
    assert (await post(other, f"{here}/{given}/withdraw")).status_code == 403
    assert (await post(agent, f"{here}/{given}/withdraw")).status_code == 303
    assert await state_of(house, ticket) is GoodwillState.WITHDRAWN
    assert (await post(await house.as_(Role.FINANCE), f"/goodwill/{given}/decline")).status_code == 409
