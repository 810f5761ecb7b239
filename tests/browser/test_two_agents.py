"""Two agents act on one request at once: one has it, the other reads at once whose it is, and no word that was typed is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from database.tables.columns import now
from database.tables.support.callbacks import CallbackRequestRow
from database.tables.work import WorkItemRow
from domain.people.roles import Role
from languages import translate
from tests.browser.axe import COLOURS, faults
from tests.browser.console import desks
from tests.reviewer_ui.callbacks import a_request
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.scenes import change

pytestmark = pytest.mark.timeout(120)
NOTE = "he calls back at six"
TAKE, CLOSE = "form[action$='/take'] button", "form[action$='/close'] button"


async def _lease_ends(house: House, task: str) -> None:
    columns: dict[str, Any] = {"leased_until": now() - timedelta(seconds=1)}
    await change(house, WorkItemRow, task, **columns)


async def _faults_in_both_themes(page: Page) -> list[str]:
    found = await faults(page)
    await page.evaluate("() => document.documentElement.setAttribute('data-bs-theme', 'dark')")
    return found + await faults(page, COLOURS)


async def _answer(page: Page, code: str, note: str) -> None:
    await page.check(f"form[action$='/close'] [value={code}]")
    await page.fill("form[action$='/close'] [name=note]", note)


@pytest.mark.parametrize(
    ("locale", "scripts"),
    [("en", True), pytest.param("zh_CN", False, marks=pytest.mark.thorough)],
    ids=["en", "zh_CN-without-scripts"],
)
async def test_of_two_who_act_on_a_request_at_once_each_reads_what_became_of_it(
    house: House, browser_program: Path, locale: str, scripts: bool
) -> None:
    task, names = await a_request(house, await house.cards.waiting()), ("Su", "Wen")
    tokens = [await house.sessions.open(await house.cards.person(Role.SUPPORT, name)) for name in names]
    async with desks(house, browser_program) as office:
        windows = [office.visit(token, locale=locale, scripts=scripts) for token in tokens]
        async with windows[0] as su, windows[1] as wen:
            pages = dict(zip(names, (su.page, wen.page), strict=True))
            for page in pages.values():
                await page.goto(f"/callbacks/{task}")
            await asyncio.gather(*(page.click(TAKE) for page in pages.values()))
            for page in pages.values():
                await page.wait_for_selector(f"{CLOSE}, .refusal")
            [first] = [name for name, page in pages.items() if await page.locator(CLOSE).count()]
            [second] = {*names} - {first}
            has, waits = pages[first], pages[second]
            await expect(waits.locator(".refusal")).to_contain_text(translate("error.task_held_by_another", locale))
            await expect(waits.locator(".facts")).to_contain_text(first)
            assert not scripts or await _faults_in_both_themes(waits) == []

            await _answer(has, "explained", NOTE)
            await _lease_ends(house, task)
            await waits.goto(f"/callbacks/{task}")
            await waits.click(TAKE)
            await waits.wait_for_selector(CLOSE)
            await has.click(CLOSE)
            await has.wait_for_selector(".refusal")
            await expect(has.locator(".facts")).to_contain_text(second)
            assert await has.input_value("#kept-note") == NOTE
            assert not scripts or await _faults_in_both_themes(has) == []

            await _answer(waits, "reached", "reached at noon")
            await waits.click(CLOSE)
            await expect(waits.locator(".facts")).to_contain_text("reached at noon")
    async with house.database.transaction() as session:
        row = await session.get_one(CallbackRequestRow, task)
    assert (row.reason_code, row.note) == ("reached", "reached at noon")
