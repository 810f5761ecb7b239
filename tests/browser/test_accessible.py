"""Every page of the console, judged by axe-core in both languages and themes: nothing serious, nothing critical.

A page is added by a line in `PAGES`: its address, with `{card}` for a card that waits, and the role that opens it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.people import Role
from tests.browser.axe import faults
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.scenes import SAMPLES, show_photo

PAGES: tuple[tuple[str, Role], ...] = (
    ("/review", Role.REVIEWER),
    ("/review", Role.SENIOR),
    ("/cards", Role.SUPPORT),
    ("/cards?id=NOSUCHCARD", Role.SUPPORT),
    ("/cards/{card}", Role.SENIOR),
    ("/cards/{card}", Role.SUPPORT),
    ("/cards/{other}", Role.REVIEWER),
    ("/payouts", Role.FINANCE),
    ("/trail", Role.COMPLIANCE),
    ("/trail/{card}", Role.COMPLIANCE),
    ("/no-such-page", Role.REVIEWER),
    ("/payouts", Role.REVIEWER),
)
LOOKS = (("zh_CN", "light"), ("en", "dark"), ("zh_CN", "dark"), ("en", "light"))


async def _filled(path: str, house: House) -> str:
    """The address with real cards in it: one in the visitor's hand, one free."""
    if "{" not in path:
        return path
    held, other = await house.cards.waiting(), await house.cards.waiting(brand_code="hualian")
    await show_photo(house, held, SAMPLES["starbucks"])
    return path.format(card=held.card_id, other=other.card_id)


@pytest.mark.parametrize(("path", "role"), PAGES, ids=[f"{path} {role.value}" for path, role in PAGES])
async def test_nothing_serious_on_any_page(house: House, browser_program: Path, path: str, role: Role) -> None:
    address = await _filled(path, house)
    token = await house.sessions.open(await house.cards.person(role))
    if role is Role.SENIOR and "/cards/" in address:
        card_id = address.rsplit("/", 1)[1]
        await post(house.browser(token), f"/cards/{card_id}/take", task_id=f"card:{card_id}:review:1")
    found: dict[tuple[str, str], list[str]] = {}
    async with desks(house, browser_program) as open_desks:
        for locale, theme in LOOKS:
            async with open_desks.visit(token, locale=locale, theme=theme) as visitor:
                await visitor.page.goto(address)
                assert await visitor.page.get_attribute("html", "data-bs-theme") == theme
                found[locale, theme] = await faults(visitor.page)
    assert {look: grave for look, grave in found.items() if grave} == {}


async def test_nothing_serious_where_one_signs_in(house: House, browser_program: Path) -> None:
    async with desks(house, browser_program) as open_desks:
        for locale, theme in LOOKS:
            async with open_desks.visit("", locale=locale, theme=theme) as visitor:
                await visitor.page.goto("/sign-in")
                assert await faults(visitor.page) == [], (locale, theme)
