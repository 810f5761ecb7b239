"""The language is switched in place, on a page and after a form."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from domain.people.roles import Role
from languages import translate
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("scripts", [True, pytest.param(False, marks=pytest.mark.thorough)])
async def test_the_language_is_switched_in_place_and_back(house: House, browser_program: Path, scripts: bool) -> None:
    waiting = await house.cards.waiting()
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    await post(house.browser(token), f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    async with desks(house, browser_program) as office, office.visit(token, scripts=scripts) as at:
        for path in ("/review?type=dining&sort=value", f"/cards/{waiting.card_id}", "/insight", "/account"):
            await at.page.goto(path)
            for locale in ("zh_CN", "en"):
                await at.page.click(".bar-menu > summary")
                await at.page.click(f"[name=locale][value={locale}]")
                await at.page.wait_for_selector(f"html[lang^={locale[:2]}]")
                assert at.page.url == f"{office.address}{path}"
                await expect(at.page.locator(".rail")).to_contain_text(translate("console.nav.queue", locale))
    assert at.complaints == []


async def test_a_page_that_answers_a_form_leads_home_in_the_other_language(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    person = await house.cards.person(Role.REVIEWER)
    await house.cards.hold(waiting, person)
    token = await house.sessions.open(person)
    async with desks(house, browser_program) as office, office.visit(token, scripts=False) as at:
        await at.page.goto(f"/cards/{waiting.card_id}")
        await at.page.select_option("#reveal-reason", "compare")
        await at.page.click("button[name=field][value=number]")
        await expect(at.page.locator("#refusal, .secret").first).to_be_visible()
        await at.page.click(".bar-menu > summary")
        await at.page.click("[name=locale][value=zh_CN]")
        await at.page.wait_for_selector(".home")
        await expect(at.page.locator("#home-mine")).to_have_text(translate("console.home.mine", "zh_CN"))
