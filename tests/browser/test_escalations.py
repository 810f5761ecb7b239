"""A question goes from a ticket to each desk and back at the keyboard, in both languages, without a mouse for the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from domain.people.roles import Role
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.escalation_scenes import a_held_ticket
from web.locale import COOKIE as LANGUAGE_COOKIE

pytestmark = pytest.mark.timeout(300)
DESKS = {
    "ops": (Role.OPS, "opsask", {"en": "Fixed; the card continues", "zh_CN": "已处理，流程已继续"}),
    "finance": (Role.FINANCE, "financeask", {"en": "Under investigation", "zh_CN": "正在与支付渠道核实"}),
    "compliance": (Role.COMPLIANCE, "complianceask", {"en": "May proceed", "zh_CN": "可以继续办理"}),
}


@pytest.mark.parametrize("locale", ["zh_CN", pytest.param("en", marks=pytest.mark.thorough)])
async def test_a_question_goes_to_each_desk_and_its_answer_comes_back(
    house: House, browser_program: Path, locale: str
) -> None:
    ticket = await a_held_ticket(house, await house.cards.waiting())
    here = f"/tickets/{ticket.ticket_id}/ask"
    agent_token = await house.sessions.open(ticket.agent)
    async with desks(house, browser_program) as open_desks, open_desks.visit(agent_token) as agent:
        language = {"name": LANGUAGE_COOKIE, "value": locale, "url": open_desks.address}
        await agent.page.context.add_cookies([language])  # type: ignore[list-item]  # A cookie is a dictionary.
        for desk, (role, kind, words) in DESKS.items():
            await agent.page.goto(here)
            await agent.page.check(f'input[name="desk"][value="{desk}"]')
            await agent.page.select_option("#reason_code", "stuck")
            await agent.page.fill("#question", f"What is the matter, {desk}?")
            await agent.page.click(f'form[action="{here}"] button[type="submit"]')
            await agent.page.wait_for_url(f"**/tickets/{ticket.ticket_id}")
            token = await house.sessions.open(await house.cards.person(role, "Wei"))
            async with open_desks.visit(token) as visitor:
                page = visitor.page
                await page.context.add_cookies([language])  # type: ignore[list-item]  # As above.
                await page.goto(f"/review?kind={kind}")
                await page.locator('a[href^="/escalations/"]').first.click()
                await page.wait_for_url("**/escalations/*")
                await page.click('form[action$="/take"] button')
                await expect(page.locator('input[name="answer_code"]').first).to_be_visible()
                await page.get_by_label(words[locale]).check()
                await page.fill("#words", "Looked at it.")
                await page.click('form[action$="/answer"] button[type="submit"]')
                await expect(page.locator('form[action$="/answer"]')).to_have_count(0)
            await agent.page.goto(here)
            await expect(agent.page.locator("#escalations")).to_contain_text(words[locale])
