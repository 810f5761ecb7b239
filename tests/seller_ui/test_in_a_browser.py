"""The seller's pages in a real browser, without scripts: a refused form opens at its first fault, and no bar covers a button."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from playwright.async_api import Page

from database.session import Database
from domain.cards.card import Stage, WaitingFor
from domain.support.tickets import TicketState
from languages import translate
from seller_ui.app import build
from seller_ui.services import SellerServices
from tests.browser.axe import faults
from tests.browser.people import DESK, PATIENCE_MS, PHONE, chromium, context
from tests.cases import the_first
from tests.seller_ui.selling_scenes import card_id, move, offered, sold
from tests.seller_ui.ticket_scenes import answered

SMALL_DESK = DESK | {"width": 1366, "height": 768}
COVERED = """button => {
  const box = button.getBoundingClientRect();
  const bar = document.querySelector(".tabs").getBoundingClientRect();
  return box.top < bar.bottom && bar.top < box.bottom && box.left < bar.right && bar.left < box.right;
}"""


@asynccontextmanager
async def opened(
    services: SellerServices, program: Path, browser: httpx.AsyncClient, size: dict[str, int], *, scripts: bool = False
) -> AsyncIterator[Page]:
    """A window that the seller of `browser` is signed in with."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(build(services), log_level="error"))
        serving = asyncio.create_task(server.serve([listening]))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        try:
            async with chromium(program) as chrome:
                window = await context(chrome, address, size, scripts=scripts)
                cookies = [{"name": name, "value": value, "url": address} for name, value in browser.cookies.items()]
                await window.add_cookies(cookies)  # type: ignore[arg-type]
                page = await window.new_page()
                page.set_default_timeout(PATIENCE_MS)
                yield page
        finally:
            server.should_exit = True
            await serving


@pytest.mark.parametrize("scripts", the_first(1, [False, True]))
async def test_a_refused_form_opens_at_its_first_fault(
    services: SellerServices, browser: httpx.AsyncClient, browser_program: Path, scripts: bool
) -> None:
    async with opened(services, browser_program, browser, PHONE, scripts=scripts) as page:
        await page.goto("/sell/walmart?how=type")
        await page.fill("[name=number]", "2326955627995358")
        await page.fill("[name=pin]", "604128")
        await page.locator("form.sheet button.btn-primary").click()
        await page.wait_for_selector("#face_value-fault")
        assert await page.locator("#face_value").evaluate("field => field === document.activeElement")
        assert await page.locator("#face_value").evaluate("field => field.getBoundingClientRect().bottom < innerHeight")
        assert not await page.locator("#face_value").evaluate(COVERED)
        await page.locator("#faults a[href='#payee_name']").click()
        assert await page.locator("#payee_name").evaluate("field => field === document.activeElement")


async def test_nothing_covers_the_answer_to_a_quote(
    services: SellerServices, browser: httpx.AsyncClient, browser_program: Path, database: Database
) -> None:
    card = card_id(await sold(browser))
    await offered(database, card)
    async with opened(services, browser_program, browser, SMALL_DESK) as page:
        await page.goto(f"/cards/{card}")
        accept = page.locator("form[action$='/quote/accept'] button")
        for top in (0, 60, 120, 240):
            await page.evaluate(f"scrollTo(0, {top})")
            assert not await accept.evaluate(COVERED), top


async def test_no_page_of_a_seller_has_a_serious_fault_of_accessibility(
    services: SellerServices, browser: httpx.AsyncClient, browser_program: Path, database: Database
) -> None:
    quoted, waits = card_id(await sold(browser)), card_id(await sold(browser))
    await offered(database, quoted)
    await move(database, waits, Stage.REVIEW, WaitingFor.REVIEWER, "review.opened")
    found: list[str] = []
    async with opened(services, browser_program, browser, PHONE, scripts=True) as page:
        for path in ("/", "/sell/walmart", "/sell/walmart?how=type", "/cards", f"/cards/{quoted}", f"/cards/{waits}"):
            await page.goto(path)
            found += [f"{path} {fault}" for fault in await faults(page)]
        await page.goto("/sell/walmart?how=type")
        await page.locator("form.sheet button.btn-primary").click()
        await page.wait_for_selector("#faults")
        found += [f"refused form {fault}" for fault in await faults(page)]
    assert found == []


@pytest.mark.parametrize("locale", the_first(1, ["zh_CN", "en"]))
async def test_a_seller_asks_on_a_phone_without_scripts_in_every_state(
    services: SellerServices, browser: httpx.AsyncClient, browser_program: Path, database: Database, locale: str
) -> None:
    card, found = card_id(await sold(browser)), []
    browser.cookies.set("cardloop_language", locale)
    async with opened(services, browser_program, browser, PHONE) as page:
        await page.goto(f"/cards/{card}")
        await page.locator(f"a[href='/tickets/new?card={card}']").click()
        await page.locator(".troubles a").first.click()
        await page.fill("#words", "My number is 6222 0212 3456 7890 12 😀")
        await page.locator(".attach summary").click()
        await page.set_input_files("#files", {"name": "note.txt", "mimeType": "text/plain", "buffer": b"hello"})
        await page.locator("form.sheet button[type=submit]").click()
        await page.wait_for_selector(".said-you .said-file")
        assert await page.locator(".said-masked").inner_text() == translate("help.masked", locale)
        ticket = page.url.rpartition("/")[2]
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        for state in (TicketState.WAITING_CUSTOMER, TicketState.SOLVED, TicketState.CLOSED):
            await answered(database, ticket, state)
            await page.goto(f"/tickets/{ticket}")
            assert await page.locator("textarea#words").count() == 1, state
            assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth"), state
    async with opened(services, browser_program, browser, PHONE, scripts=True) as page:
        for path in (
            "/tickets",
            "/tickets/new",
            f"/tickets/new?card={card}&category=other",
            f"/tickets/{ticket}",
            "/privacy",
        ):
            await page.goto(path)
            found += [f"{path} {fault}" for fault in await faults(page)]
    assert found == []
