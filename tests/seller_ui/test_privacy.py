"""A seller asks for a copy of their data or its erasure on their own pages, and fetches the copy there."""

from __future__ import annotations

import io
import zipfile

import httpx
import pytest

from database.session import Database
from database.tables.people import PersonRow
from database.tables.support.tickets import TicketRow
from domain.identifiers import new_id
from domain.support.privacy import ErasedPart, KeptPart
from domain.support.tickets import TicketCategory
from languages import translate
from seller_ui.services import SellerServices
from services.support.desk import SupportDesk
from services.support.privacy import Privacy
from tests.seller_ui.pages import Page
from tests.seller_ui.ticket_scenes import ticket_id

ACCEPTED = {"en": "en", "zh_CN": "zh-CN"}


async def asked_for(browser: httpx.AsyncClient, wish: str) -> Page:
    page = await Page.get(browser, "/tickets/new?category=privacy")
    return await page.send("/privacy", wish=wish)


@pytest.mark.parametrize("locale", ACCEPTED)
async def test_the_page_says_what_happens_what_stays_and_by_when(browser: httpx.AsyncClient, locale: str) -> None:
    browser.headers["accept-language"] = ACCEPTED[locale]
    page = await Page.get(browser, "/privacy")
    said = [translate("privacy.lead", locale, {"days": 15})]
    said += [translate(f"erased_part.{part.value}", locale) for part in ErasedPart]
    said += [translate(f"kept_part.{part.value}", locale, {"years": 10}) for part in KeptPart]
    assert [one for one in said if one not in page.text] == []


@pytest.mark.parametrize("wish", ["copy", "erase"])
async def test_a_request_is_a_privacy_ticket_once(browser: httpx.AsyncClient, database: Database, wish: str) -> None:
    page = await Page.get(browser, "/privacy")
    sent = [await page.send("/privacy", wish=wish) for _ in range(2)]
    assert len({one.path for one in sent}) == 1
    async with database.transaction() as session:
        row = await session.get_one(TicketRow, ticket_id(sent[0]))
    assert row.category is TicketCategory.PRIVACY
    assert translate(f"privacy_asked.{wish}", "en") in sent[0].text
    assert (await page.send("/privacy", wish="sell")).status == 422


async def test_the_copy_is_downloaded_from_the_tickets_page(
    browser: httpx.AsyncClient, database: Database, services: SellerServices
) -> None:
    ticket = ticket_id(await asked_for(browser, "copy"))
    assert (await browser.get(f"/tickets/{ticket}/copy")).status_code == 404
    person = PersonRow(id=new_id(), email=f"{new_id()}@example.com", name="Lin", password_hash="", roles=["compliance"])
    async with database.transaction() as session:
        session.add(person)
    await Privacy(SupportDesk(database, services.keyring, services.photos)).prepare(person.id, ticket)
    page = await Page.get(browser, f"/tickets/{ticket}")
    assert f'href="/tickets/{ticket}/copy"' in page.text
    copy = await browser.get(f"/tickets/{ticket}/copy")
    assert copy.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(copy.content)) as archive:
        assert set(archive.namelist()) == {"data.json", "index.html"}
    await (await Page.get(browser, "/")).send("/sign-out")
    assert (await Page.get(browser, f"/tickets/{ticket}/copy")).path == "/sign-in"
