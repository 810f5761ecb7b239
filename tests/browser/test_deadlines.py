"""A deadline's rule is changed in one browser, and the card in another says so: when it is due now, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from activities.review.alarms import Alarms
from domain.people.roles import Role
from domain.rules.deadlines import KIND, built_in_document
from services.policies.documents import PolicyDocuments
from services.policies.reading import PolicyReader
from tests.browser.axe import faults
from tests.browser.console import desks
from tests.builders.deadlines import deadlines_as_built_in, deadlines_in_force
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house

pytestmark = pytest.mark.timeout(90)


@pytest_asyncio.fixture
async def policies(house: House) -> AsyncIterator[PolicyDocuments]:
    """The policies; at the end they are again as they come with the product."""
    yield PolicyDocuments(house.database)
    await deadlines_as_built_in(house.database)


async def test_a_changed_policy_moves_the_card_and_its_page_says_why(
    house: House, browser_program: Path, policies: PolicyDocuments
) -> None:
    waiting = await house.cards.waiting()
    alarms = Alarms(house.database)
    await alarms.replan(waiting.task_id)  # What the card's workflow does when its task is opened, and after a change.
    before = await house.cards.task(waiting)
    tokens = [await house.sessions.open(await house.cards.person(role)) for role in (Role.REVIEWER, Role.ADMIN)]
    async with desks(house, browser_program) as office:
        async with office.visit(tokens[0]) as reviewer, office.visit(tokens[1]) as admin:
            page, setting = reviewer.page, admin.page
            await page.goto(f"/cards/{waiting.card_id}")
            await page.click("a.why")
            await expect(page.locator(".why-due li").first).to_contain_text("allows 4 h")
            await page.go_back()
            await setting.goto("/setup/policies/deadlines")
            place = [one["code"] for one in built_in_document()["policies"]].index("dining")
            await setting.locator(".policy-entry > summary", has_text="dining").click()
            await setting.fill(f"[name='policies[{place}].budget_s']", "5400")
            assert await faults(setting) == []
            await setting.locator("form[action$='/draft'] [name=why]").first.fill("the week before the feast")
            await setting.locator("form[action$='/draft'] button").first.click()
            await setting.wait_for_url("**/setup/policies/deadlines?done=saved")
            await expect(setting.locator(".preview")).to_contain_text(waiting.card_id[-6:])
            assert await faults(setting) == []
            await setting.click("form[action$='/ask'] button")
            await setting.wait_for_url("**/setup/policies/deadlines?done=ask")
            await policies.publish(await house.cards.person(Role.COMPLIANCE), KIND, 1)
            await PolicyReader(house.database).refresh()
            assert (await house.cards.task(waiting)).due_at == before.due_at, (
                "only its workflow moves a card's deadline"
            )
            await alarms.replan(waiting.task_id)
            await page.reload()
            after = await house.cards.task(waiting)
            due = await page.locator(".card-head .due time").get_attribute("datetime")
            assert due == after.due_at.isoformat(timespec="seconds")
            await page.click("a.why")
            told = page.locator(".why-due")
            await expect(told).to_contain_text("allows 1 h 30 min")
            await expect(told).to_contain_text(f"version {(await deadlines_in_force(house.database))[0]}")
            await page.click(".bar-menu > summary")
            await page.click("button[name=locale][value=zh_CN]")
            await expect(page.locator(".why-due")).to_contain_text("允许用时 1 小时 30 分钟")
        assert (reviewer.complaints, admin.complaints) == ([], [])
    assert before.due_at - after.due_at > timedelta(hours=1)
    assert after.plan_version == (await deadlines_in_force(house.database))[0]
