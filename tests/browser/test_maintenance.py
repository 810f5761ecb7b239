"""An operator puts a provider into maintenance and takes it out again, in both languages, with and without scripts, on desk and phone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from domain.people.roles import Role
from tests.browser.axe import faults
from tests.browser.console import desks
from tests.browser.people import DESK, PHONE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.ops_scenes import without_maintenance

pytestmark = pytest.mark.timeout(180)
WORDS = {
    "en": (
        "Put into maintenance",
        "Resume gradually: 1 %, 10 %, all",
        "Resuming at 1 %",
        "Change the end",
        "the end was changed",
    ),
    "zh_CN": ("进入维护", "逐步恢复：1 %、10 %、全部", "正在恢复：1 %", "修改结束时间", "新的结束时间"),
}


@pytest.mark.parametrize(("locale", "scripts", "size"), [("en", False, PHONE), ("zh_CN", True, DESK)], ids=["en", "zh"])
async def test_maintenance_is_begun_and_ended(
    house: House, browser_program: Path, locale: str, scripts: bool, size: dict[str, int]
) -> None:
    await without_maintenance(house)
    token = await house.sessions.open(await house.cards.person(Role.OPS, "Lin"))
    submit, resume, resuming, change, changed = WORDS[locale]
    async with (
        desks(house, browser_program) as made,
        made.visit(token, locale=locale, scripts=scripts, size=size) as visitor,
    ):
        page = visitor.page
        await page.goto("/operations/providers")
        await page.locator('[data-row="issuer:jd"] a').click()
        await page.locator('input[name="reason"]').fill("New data centre")
        await page.get_by_role("button", name=submit).click()
        end = datetime.now(UTC) + timedelta(days=2)
        await page.locator('form[action$="change-end"] input[name="ends_at"]').fill(f"{end:%Y-%m-%dT%H:%M}")
        await page.get_by_role("button", name=change).click()
        await page.get_by_text(changed).first.wait_for()
        await page.get_by_role("button", name=resume).click()
        await page.get_by_text(resuming).first.wait_for()
        assert await page.evaluate("() => document.documentElement.scrollWidth") <= size["width"]
        if scripts:
            assert await faults(page) == []
        assert visitor.complaints == []
    await without_maintenance(house)
