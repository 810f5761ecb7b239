"""A shift at the support desk: by keyboard alone in both languages, on a phone, and with a colleague at the same ticket."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from database.reads.support.tickets import TicketRecord, record
from domain.people.roles import Role
from domain.support.tickets import TicketState
from languages import translate
from tests.browser.axe import faults
from tests.browser.console import desks
from tests.browser.people import PHONE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.tickets import a_customer

pytestmark = pytest.mark.timeout(180)


async def read(house: House, ticket_id: str) -> TicketRecord:
    async with house.database.transaction() as session:
        return await record(session, ticket_id)


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def opened(page: Page, ticket_id: str) -> None:
    """The ticket's page has come, its scripts run, and its agent works on it."""
    await page.wait_for_url(f"**/tickets/{ticket_id}*")
    await page.wait_for_selector("#reply-words")
    await page.wait_for_load_state("load")
    await page.keyboard.press("Home")


async def left(page: Page, key: str) -> None:
    """Press the key that ends the work on a ticket, and wait for the page that follows: it takes keys once it is loaded."""
    async with page.expect_event("load"):
        await page.keyboard.press(key)
    await expect(page.locator("#reply-words")).to_have_count(0)


@pytest.mark.parametrize("locale", ["zh_CN", pytest.param("en", marks=pytest.mark.thorough)])
async def test_a_shift_by_keyboard_alone(house: House, browser_program: Path, locale: str) -> None:
    customer = await a_customer(house)
    first, second, third = [await customer.asks(f"Question {number}") for number in range(3)]
    token = await house.sessions.open(await house.cards.person(Role.SUPPORT, "Su"))
    async with desks(house, browser_program) as open_desks, open_desks.visit(token, locale=locale) as visitor:
        page = visitor.page
        await page.goto("/review?kind=ticket")
        await press(page, "n")
        await opened(page, first)
        await press(page, "r")
        await page.keyboard.type("The money is on its way. rxz")  # Letters that are keys elsewhere.
        await page.wait_for_selector("[data-saved-at]:not(:empty)")
        await press(page, "Escape", "Enter")
        await page.wait_for_selector(".undo-bar")
        await press(page, "Home", "z")
        await opened(page, first)
        await expect(page.locator("#reply-words")).to_have_value("The money is on its way. rxz")
        await press(page, "f")
        await left(page, "e")
        assert translate("ticket_state.solved", locale) in await page.inner_text(".ticket-head")
        await press(page, "Home", "n")
        await opened(page, second)
        await press(page, "t", "1")
        await expect(page.locator("#reply-words")).not_to_have_value("")
        await opened(page, second)
        await press(page, "a")
        await page.wait_for_selector(".spoken-reply")
        await opened(page, second)
        await left(page, "u")
        await press(page, "Home", "Enter")
        await opened(page, second)
        await press(page, "x")
        await left(page, "u")
        await press(page, "Home", "n")
        await opened(page, third)
        await press(page, "c")
        await page.keyboard.type("They call back at six")
        await press(page, "Tab", "Tab", "Enter")
        await page.wait_for_selector(".spoken-note")
    assert (await read(house, first)).ticket.state is TicketState.SOLVED
    assert (await read(house, second)).task.escalated
    assert visitor.complaints == []


async def test_a_ticket_is_answered_on_a_phone(house: House, browser_program: Path) -> None:
    customer = await a_customer(house)
    ticket_id = await customer.asks("Where is my money?")
    token = await house.sessions.open(await house.cards.person(Role.SUPPORT, "Su"))
    async with desks(house, browser_program) as open_desks:
        for scripts in (True, False):
            async with open_desks.visit(token, size=PHONE, scripts=scripts) as visitor:
                page = visitor.page
                await page.goto(f"/tickets/{ticket_id}")
                if scripts:
                    await page.locator(".ticket-head .btn-primary").click()
                await page.wait_for_selector("#reply-words")
                assert await page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
                assert await faults(page) == [] if scripts else True
                await page.fill("#reply-words", f"Sent with scripts: {scripts}")
                await page.locator("#reply button[value=open]").click()
                await page.wait_for_selector(f".spoken-reply >> text=Sent with scripts: {scripts}")
                assert visitor.complaints == []
    assert len((await read(house, ticket_id)).said) == 3


async def test_two_at_one_ticket_see_each_other_and_lose_no_word(house: House, browser_program: Path) -> None:
    customer = await a_customer(house)
    ticket_id = await customer.asks("Where is my money?")
    su, bo = [await house.sessions.open(await house.cards.person(Role.SUPPORT, name)) for name in ("Su", "Bo")]
    async with desks(house, browser_program) as open_desks:
        async with open_desks.visit(su) as one, open_desks.visit(bo) as other:
            await one.page.goto(f"/tickets/{ticket_id}")
            await one.page.locator(".ticket-head .btn-primary").click()
            await one.page.wait_for_selector("#reply-words")
            await other.page.goto(f"/tickets/{ticket_id}")
            await expect(one.page.locator("#beside")).to_contain_text("Bo also have this ticket open", timeout=20_000)
            await one.page.fill("#reply-words", "I am writing")
            await expect(other.page.locator("#beside")).to_contain_text("Su are writing a reply", timeout=20_000)
            await customer.writes(ticket_id, "It has arrived!")
            await expect(one.page.locator("#beside")).to_contain_text("It has arrived!", timeout=20_000)
            assert await one.page.input_value("#reply-words") == "I am writing"
        assert [*one.complaints, *other.complaints] == []
