"""An agent asks on a mail contact's ticket which seller it is; wrong numbers stay on the page, and only a lead undoes."""

from __future__ import annotations

import re

import pytest

from domain.people.roles import Role
from domain.support.tickets import TicketCategory, TicketChannel
from services.support.contact_links import ContactLinks
from services.support.contacts import contact_of
from services.support.desk import SupportDesk
from services.support.opening import NewTicket, Opening
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.tickets import Customer, a_customer


async def a_mail_ticket(house: House, customer: Customer) -> str:
    async with house.database.transaction() as session:
        contact = await contact_of(session, house.keyring, f"{customer.seller_id.lower()}@example.com", "en")
        contact_id = contact.id
    asked = NewTicket(TicketCategory.OTHER, "By mail", "It is me")
    return await Opening(SupportDesk(house.database, house.keyring, house.photos)).open(f"contact:{contact_id}", asked, TicketChannel.MAIL)  # fmt: skip


@pytest.mark.parametrize(
    ("locale", "asked", "confirmed"),
    [("en", "The seller was asked", "Confirmed by the seller"), ("zh-CN", "已请卖家确认", "卖家已确认")],
)
async def test_agent_asks_the_seller_and_sees_the_answer(house: House, locale: str, asked: str, confirmed: str) -> None:
    customer = await a_customer(house)
    ticket = await a_mail_ticket(house, customer)
    here, agent, lead = f"/tickets/{ticket}", await house.as_(Role.SUPPORT), await house.as_(Role.SUPPORT_LEAD)
    for one in (agent, lead):
        one.headers["accept-language"] = locale
    assert f'action="{here}/contact"' in (await agent.get(here)).text
    for wrong in ("12", "+8613912345678"):
        assert (await post(agent, f"{here}/contact", phone=wrong)).status_code == 422
    assert (await post(agent, f"{here}/contact", phone=customer.phone)).status_code == 303
    assert (await post(agent, f"{here}/contact", phone=customer.phone)).status_code == 409  # Pressed twice.
    page = (await agent.get(here)).text
    assert asked in page
    assert customer.phone not in page
    (link,) = re.findall(rf'action="{here}/contact/(\w+)/withdraw"', page)
    await ContactLinks(SupportDesk(house.database, house.keyring, house.photos)).answer(
        f"seller:{customer.seller_id}", link, theirs=True
    )
    assert confirmed in (await agent.get(here)).text
    assert f"/sellers/{customer.seller_id}" in (await agent.get(here)).text
    assert (await post(agent, f"{here}/contact/{link}/withdraw")).status_code == 409  # Pressed late.
    assert (await post(agent, f"{here}/contact/{link}/undo")).status_code == 403
    assert (await post(lead, f"{here}/contact/{link}/undo")).status_code == 303
    assert (await post(lead, f"{here}/contact/{link}/undo")).status_code == 409
    assert (await post(lead, f"{here}/contact/{link}/nonsense")).status_code == 404


async def test_no_contact_question_for_a_sellers_own_ticket(house: House) -> None:
    customer = await a_customer(house)
    here, agent = f"/tickets/{await customer.asks()}", await house.as_(Role.SUPPORT)
    assert "/contact" not in (await agent.get(here)).text
    assert (await post(agent, f"{here}/contact", phone=customer.phone)).status_code == 404
