"""Drafts survive: the browser's process is killed, then the console's, and the text is still there."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.async_api import Browser, Error, Page

from domain.cards.review import ReviewOutcome
from domain.people.roles import Role
from reviewer_ui.sessions import COOKIE
from tests.browser.console_process import console_process
from tests.browser.people import DESK, PATIENCE_MS, chromium, look
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.deciding import decisions
from tests.reviewer_ui.waiting_cards import Waiting

pytestmark = pytest.mark.timeout(240)
NOTE = "the third digit may be an 8"


async def test_a_draft_outlives_the_browsers_process_and_the_consoles(
    house: House, console_url: str, tmp_path: Path, browser_program: Path
) -> None:
    waiting, token = await house.cards.waiting(), await house.sessions.open(await house.cards.person(Role.REVIEWER))
    port = _free_port()
    async with console_process(console_url, house.keyring, tmp_path, port):
        async with chromium(browser_program) as browser:
            page = await _window(browser, port, token)
            await page.goto("/review")
            await page.keyboard.press("n")
            await _opened(page, waiting)
            await page.keyboard.press("m")
            await page.keyboard.type(NOTE)
            await page.fill("[name=expiry]", "2031-05-30")
            await page.wait_for_selector("[data-saved-at]:not(:empty)")
            await _killed(browser)
        async with chromium(browser_program) as browser:  # The same console, another browser.
            page = await _window(browser, port, token)
            await _still_there(page, waiting)
    async with console_process(console_url, house.keyring, tmp_path, port), chromium(browser_program) as browser:
        page = await _window(browser, port, token)
        await _still_there(page, waiting)
        await page.keyboard.press("w")  # Approve, corrected as it was typed before both crashes.
        await page.wait_for_url("**/review?**")
    made = await decisions(house, waiting)
    assert [(one.outcome, one.note) for one in made] == [(ReviewOutcome.APPROVE_CORRECTED, NOTE)]


@pytest.mark.thorough
async def test_a_page_that_was_open_while_the_console_restarted_goes_on(
    house: House, console_url: str, tmp_path: Path, browser_program: Path
) -> None:
    waiting, token = await house.cards.waiting(), await house.sessions.open(await house.cards.person(Role.REVIEWER))
    port = _free_port()
    async with chromium(browser_program) as browser:
        page = await _window(browser, port, token)
        async with console_process(console_url, house.keyring, tmp_path, port):
            await page.goto("/review")
            await page.keyboard.press("n")
            await _opened(page, waiting)
        await page.keyboard.press("m")  # The console is gone; the page does not know.
        await page.keyboard.type(NOTE)
        await page.keyboard.press("Escape")
        async with console_process(console_url, house.keyring, tmp_path, port):
            await page.keyboard.press("a")
            await page.wait_for_url("**/review?**")
    made = await decisions(house, waiting)
    assert [(one.outcome, one.note) for one in made] == [(ReviewOutcome.APPROVE, NOTE)]


async def _window(browser: Browser, port: int, token: str) -> Page:
    address = f"http://127.0.0.1:{port}"
    context = await browser.new_context(
        base_url=address, viewport={"width": DESK["width"], "height": DESK["height"]}, locale="en-GB"
    )
    await context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page


async def _opened(page: Page, waiting: Waiting) -> None:
    await page.wait_for_url(f"**/cards/{waiting.card_id}")
    await page.wait_for_selector("form.decision")
    await look(page)


async def _still_there(page: Page, waiting: Waiting) -> None:
    await page.goto(f"/cards/{waiting.card_id}")
    await _opened(page, waiting)
    assert await page.input_value("[name=note]") == NOTE
    assert await page.input_value("[name=expiry]") == "2031-05-30"


async def _killed(browser: Browser) -> None:
    """Kill the browser's process at once: no page is notified, nothing is sent."""
    debugger = await browser.new_browser_cdp_session()
    with suppress(Error):  # Nobody is left to answer.
        await debugger.send("Browser.crash")
    assert not browser.is_connected()


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
