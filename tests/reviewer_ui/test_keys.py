"""One list of keys: the help names each once, every page uses only keys of it, and a request is worked on without a mouse."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.async_api import expect

from bootstrap.settings import PROJECT_ROOT
from database.tables.work import WorkItemRow
from domain.people.roles import Role
from languages import translate
from reviewer_ui.keys import FIELD_KEYS, KEYS
from tests.browser.console import desks
from tests.reviewer_ui.callbacks import a_request
from tests.reviewer_ui.conftest import House


async def test_help_lists_every_key_with_its_label(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    page = (await browser.get("/account/keys")).text
    shown = re.findall(r'<kbd data-of="([^"]+)">([^<]+)</kbd></dt><dd>([^<]+)</dd>', page)
    assert shown == [(key.name, key.shown, translate(key.words, "en")) for key in KEYS]
    assert re.findall(r'name="key-([^"]+)"', page) == [key.name for key in KEYS]


def test_every_key_is_configurable() -> None:
    """Else no help lists it, and it cannot be moved from a key that a browser or screen reader needs."""
    used: set[str] = set()
    for template in (PROJECT_ROOT / "reviewer_ui/templates").rglob("*.html"):
        for names in re.findall(r'data-key="([^"{]+)"', template.read_text(encoding="utf-8")):
            used |= set(names.split())
    assert used > {"enter", "a", "b", "f"}
    photo = {"0"}  # It leads to the photo, whose own keys stand beside it.
    assert used - {key.name for key in KEYS} - set(FIELD_KEYS) - photo == set()


async def test_a_sellers_request_is_snoozed_escalated_and_closed_by_keys(house: House, browser_program: Path) -> None:
    token = await house.sessions.open(await house.cards.person(Role.SUPPORT))
    async with desks(house, browser_program) as office, office.visit(token) as at:
        later, hard, easy = [await a_request(house, await house.cards.waiting()) for _ in range(3)]
        for task, menu, act in ((later, "s", "snooze"), (hard, "x", "escalate")):
            await at.page.goto(f"/callbacks/{task}")
            await at.page.click("button[data-key=enter]")
            await at.page.wait_for_selector("form[action$='/close']")
            await at.page.keyboard.press(menu)
            await expect(at.page.locator(f"form[action$='/{act}'] [name=reason_code]")).to_be_focused()
            await at.page.keyboard.press("ArrowDown")
            await at.page.keyboard.press("Escape")
            await at.page.keyboard.press(menu)
            async with at.page.expect_navigation():
                await at.page.locator(f"form[action$='/{act}'] button").press("Enter")
        await at.page.goto(f"/callbacks/{easy}")
        await at.page.click("button[data-key=enter]")
        await at.page.wait_for_selector("form[action$='/close']")
        await at.page.keyboard.press("e")
        await at.page.keyboard.press("Space")
        await at.page.keyboard.press("m")
        await at.page.keyboard.type("called at noon")
        await at.page.keyboard.press("Escape")
        await at.page.keyboard.press("Enter")
        await at.page.wait_for_selector("form[action$='/close']", state="detached")
        await expect(at.page.locator(".facts")).to_contain_text("called at noon")
    assert at.complaints == []
    async with house.database.transaction() as session:
        rows = [await session.get_one(WorkItemRow, task) for task in (later, hard, easy)]
    assert [bool(one.snoozed_until) for one in rows] == [True, False, False]
    assert [one.escalated for one in rows] == [False, True, False]
    assert [one.closed_at is not None for one in rows] == [False, False, True]
