"""A policy that begins on a later day, as two people see it: written in fields, published, exported as a file and imported again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from database.tables.columns import now
from domain.people.roles import Role
from domain.places import business_day
from services.policies.documents import PolicyDocuments
from tests.browser.axe import faults
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.policy_scenes import LIMITS, PAGE, without_later_versions

pytestmark = pytest.mark.timeout(120)


@pytest_asyncio.fixture
async def policies(house: House) -> AsyncIterator[PolicyDocuments]:
    await without_later_versions(house)
    yield PolicyDocuments(house.database)
    await without_later_versions(house)


async def test_a_later_version_is_published_by_a_second_person_and_its_file_is_imported_again(
    house: House, browser_program: Path, policies: PolicyDocuments
) -> None:
    before = (await policies.state(LIMITS)).in_force
    day = (business_day(now()) + timedelta(days=3)).isoformat()
    writer, officer = [
        await house.sessions.open(await house.cards.person(role)) for role in (Role.ADMIN, Role.COMPLIANCE)
    ]
    async with desks(house, browser_program) as office, office.visit(writer) as mei, office.visit(officer) as bo:
        page, other = mei.page, bo.page
        await page.goto(PAGE)
        editor = page.locator("form[action$='/draft']").first
        await editor.locator("[name=code_tries_max]").fill("5")
        await editor.locator("[name=why]").fill("codes are mistyped")
        await editor.locator("[name=begins]").fill(day)
        await editor.locator(".policy-save button").click()
        await expect(page.locator(".preview")).to_contain_text(f"in force from {day}")
        await page.click("form[action$='/ask'] button")
        await other.goto(PAGE)
        await other.click("form[action$='/publish'] button")
        facts = other.locator(".facts")
        await expect(facts).to_contain_text(f"from {day}")
        await expect(facts.locator("dd").first).to_contain_text(before.version)
        assert await faults(other) == []
        planned = [one for one in (await policies.state(LIMITS)).versions if one.effective_from.isoformat() == day]
        name = f"limits-{planned[0].version}"
        async with other.expect_download() as waiting:
            await other.click(f"a[href$='/export?version={name}']")
        file = await waiting.value
        assert file.suggested_filename == f"{name}.json"
        written = await asyncio.to_thread(Path(await file.path()).read_text, "utf-8")

        await page.goto(PAGE)
        await page.click(".policy-json > summary")
        box = page.locator(".policy-json form")
        await box.locator("[name=document]").fill(written)
        await box.locator("[name=why]").fill("from another installation")
        await box.locator(".policy-save button").click()
        await expect(page.locator(".preview")).to_contain_text("from another installation")
        await expect(page.locator(".policy-changes")).to_contain_text("3 → 5")
        assert [one for visitor in (mei, bo) for one in visitor.complaints] == []
    state = await policies.state(LIMITS)
    assert state.open is not None
    assert state.open.document == planned[0].document
