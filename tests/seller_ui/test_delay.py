"""A party in maintenance, in plain words: why a card takes longer, until when, and that nothing is promised meanwhile."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from database.session import Database
from database.tables.people import PersonRow
from domain.cards.card import Stage, WaitingFor
from domain.identifiers import new_id
from services.ops.maintenance import Maintenance, WindowInput
from tests.api.conftest import Api
from tests.api.conftest import api as api
from tests.api.submitting import one_card
from tests.seller_ui.conftest import PlayedDesk
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import card_id, move, sold

LIVE = re.compile(r'hx-get="([^"]+/live[^"]*)"')


@pytest_asyncio.fixture
async def held(database: Database) -> AsyncIterator[datetime]:
    """Walmart as an issuer, in maintenance until the moment that this gives."""
    ends, person = datetime.now(UTC) + timedelta(hours=2), new_id()
    row = PersonRow(id=person, email=f"{person}@example.com", name="Lin", password_hash="", roles=["ops"])
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))
        session.add(row)
    await Maintenance(database).begin(person, WindowInput("issuer:walmart", "", "New data centre", None, ends))
    yield ends
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))


@pytest.mark.parametrize(
    ("language", "why", "promise"),
    [
        ("en", "Walmart is under maintenance", "Result expected within"),
        ("zh-CN", "沃尔玛的核验系统正在维护", "预计"),
    ],
    ids=["en", "zh"],
)
async def test_a_seller_reads_why_it_takes_longer_and_no_promise(
    browser: httpx.AsyncClient, database: Database, held: datetime, language: str, why: str, promise: str
) -> None:
    card = card_id(await sold(browser))
    await move(database, card, Stage.VERIFICATION, WaitingFor.ISSUER, "verification.party_silent")
    browser.headers["accept-language"] = language
    page = (await browser.get(f"/cards/{card}")).text
    assert why in page
    assert held.isoformat(timespec="minutes")[:13] in page
    assert "New data centre" not in page, "the reason is for colleagues"
    assert 'class="until"' not in page, promise
    form = (await browser.get("/sell/walmart?how=type")).text
    assert why in form


async def test_an_open_page_shows_new_maintenance_without_waiting_for_the_cards_next_event(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card, person = card_id(await sold(browser)), new_id()
    await move(database, card, Stage.VERIFICATION, WaitingFor.ISSUER, "verification.party_silent")
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))
        session.add(PersonRow(id=person, email=f"{person}@example.com", name="Lin", password_hash="", roles=["ops"]))
    moving = LIVE.search((await browser.get(f"/cards/{card}")).text)
    assert moving is not None
    assert (await browser.get(html.unescape(moving[1]))).status_code == 204
    ends, maintenance = datetime.now(UTC) + timedelta(hours=2), Maintenance(database)
    window = await maintenance.begin(person, WindowInput("issuer:walmart", "", "New data centre", None, ends))
    begun = await browser.get(html.unescape(moving[1]))
    assert "Walmart is under maintenance" in begun.text
    fresh = LIVE.search(begun.text)
    assert fresh is not None
    assert (await browser.get(html.unescape(fresh[1]))).status_code == 204
    later = ends + timedelta(hours=3)
    await maintenance.change_end(person, window, later)
    changed = (await browser.get(html.unescape(fresh[1]))).text
    assert later.isoformat(timespec="minutes")[:13] in changed, "what sellers read follows the end"
    async with database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))


async def test_code_is_not_accepted_while_it_cannot_be_checked(
    browser: httpx.AsyncClient, database: Database, desk: PlayedDesk, held: datetime
) -> None:
    card = card_id(await sold(browser))
    await move(database, card, Stage.VERIFICATION, WaitingFor.SELLER_CODE, "verification.code_awaited")
    answer = await (await Page.get(browser, f"/cards/{card}")).send(f"/cards/{card}/code", code="123456")
    assert answer.status == 503
    assert "under maintenance" in answer.text
    assert [heard for heard in desk.told if heard[0] == "enter_code"] == []


async def test_a_partners_program_reads_the_delay(api: Api, database: Database, held: datetime) -> None:
    card = await one_card(api)
    (submission,) = (await api.client.get("/v1/submissions?limit=1")).json()["submissions"]
    found = submission["cards"][0]
    assert (found["id"], found["delay"]["party"], found["delay"]["resuming"]) == (card, "issuer", False)
    assert datetime.fromisoformat(found["delay"]["until"]) == held
