"""A seller reads which mail address is said to be theirs, answers once, and takes it back."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select

from database.session import Database
from database.tables.people import PersonRow, SellerRow
from domain.identifiers import new_id
from domain.support.tickets import TicketCategory, TicketChannel
from seller_ui.services import SellerServices
from services.people.seller_sign_in import phone_index
from services.support.contact_links import ContactLinks
from services.support.contacts import contact_of
from services.support.desk import SupportDesk
from services.support.opening import NewTicket, Opening
from tests.seller_ui.pages import Page
from tests.seller_ui.ticket_scenes import asked, ticket_id


async def a_question(database: Database, services: SellerServices, phone: str) -> tuple[str, str]:
    """The question's id, and the mail ticket's."""
    agent = PersonRow(id=new_id(), email=f"{new_id()}@example.com", name="He Min", password_hash="", roles=["support"])
    async with database.transaction() as session:
        session.add(agent)
        contact = f"contact:{(await contact_of(session, services.keyring, f'{new_id().lower()}@example.com', 'en')).id}"
    desk = SupportDesk(database, services.keyring, services.photos)
    mail = await Opening(desk).open(
        contact, NewTicket(TicketCategory.OTHER, "From my office", "It is me"), TicketChannel.MAIL
    )
    return await ContactLinks(desk).ask(agent.id, mail, phone), mail


@pytest.fixture
async def phone(browser: httpx.AsyncClient, database: Database, services: SellerServices) -> str:
    """Give the signed-in seller, whose telephone is played, one that can be looked up."""
    ticket = ticket_id(await asked(browser))
    number = f"+86137{int(ticket[-5:], 36) % 10**8:08d}"
    async with database.transaction() as session:
        seller = (await session.execute(select(SellerRow).order_by(SellerRow.created_at.desc()).limit(1))).scalar_one()
        seller.phone_index = phone_index(services.keyring, number)
    return number


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Is this e-mail address yours?"), ("zh-CN", "这是您的邮箱吗？")]
)
async def test_a_confirmed_address_brings_its_questions_and_can_be_taken_apart(
    browser: httpx.AsyncClient, database: Database, services: SellerServices, phone: str, language: str, title: str
) -> None:
    browser.headers["accept-language"] = language
    link, mail = await a_question(database, services, phone)
    page = await Page.get(browser, "/tickets")
    assert (title in page.text, "***@example.com" in page.text, "From my office" in page.text) == (True, True, False)
    assert (await browser.get(f"/tickets/{mail}")).status_code == 404
    after = await page.send(f"/contacts/{link}/yes")
    assert (title in after.text, "From my office" in after.text) == (False, True)
    assert (await page.send(f"/contacts/{link}/yes")).status == 409
    assert (await browser.get(f"/tickets/{mail}")).status_code == 200
    apart = await after.send(f"/contacts/{link}/undo")
    assert "From my office" not in apart.text


async def test_declined_address_belongs_to_no_seller(
    browser: httpx.AsyncClient, database: Database, services: SellerServices, phone: str
) -> None:
    link, mail = await a_question(database, services, phone)
    after = await (await Page.get(browser, "/tickets")).send(f"/contacts/{link}/no")
    assert "***@example.com" not in after.text
    assert (await browser.get(f"/tickets/{mail}")).status_code == 404
