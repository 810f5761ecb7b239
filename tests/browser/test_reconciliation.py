"""Two people of finance reconcile: every page readable in both languages on desk and phone, a break decided without scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.people.roles import Role
from tests.browser.axe import faults
from tests.browser.console import desks
from tests.browser.people import DESK, PHONE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.reconciliation_scenes import reconciliation_of_every_kind

pytestmark = pytest.mark.timeout(240)


async def test_pages_are_readable_and_a_break_is_decided_without_scripts(house: House, browser_program: Path) -> None:
    names = await reconciliation_of_every_kind(house)
    token = await house.sessions.open(await house.cards.person(Role.FINANCE, "Jin"))
    at = f"/reconciliation/breaks/{names['break']}"
    paths = (
        "/reconciliation", f"/reconciliation/statements/{names['statement']}", at,
        f"/reconciliation/breaks/{names['break_proposed']}", f"/reconciliation/days/wechat/{names['recon_day']}",
    )  # fmt: skip
    async with desks(house, browser_program) as made:
        for locale, theme, size in (("zh_CN", "light", DESK), ("en", "dark", PHONE)):
            async with made.visit(token, locale=locale, theme=theme, size=size) as visitor:
                for path in paths:
                    await visitor.page.goto(path)
                    assert await faults(visitor.page) == [], path
                    wide = await visitor.page.evaluate("() => document.documentElement.scrollWidth")
                    assert wide <= size["width"], path
                assert visitor.complaints == []
        async with made.visit(token, scripts=False) as visitor:
            page = visitor.page
            await page.goto(at)
            await page.locator("form[action$='/take'] button").click()
            await page.get_by_label("Post it").check()
            await page.locator("#reason").select_option("unexplained")
            await page.get_by_role("button", name="Preview", exact=True).click()
            assert "¥12.34" in await page.locator("#preview").inner_text()
            await page.get_by_role("button", name="Carry out").click()
            await page.wait_for_url(f"**{at}")
            assert await page.get_by_text("Post it · Jin").count() == 1
