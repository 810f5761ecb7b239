"""Every page of the console, judged by axe-core in both languages, both themes, and on a phone: nothing serious, nothing critical.

A page is added by a line in `tests/browser/every_page.py`.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from playwright.async_api import Page

from bootstrap.settings import PROJECT_ROOT
from reviewer_ui import navigation
from tests.browser.axe import faults
from tests.browser.every_page import NO_PAGES, PAGES
from tests.browser.people import DESK, PHONE
from tests.browser.tour import tour
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house

pytestmark = pytest.mark.timeout(600)  # The two of them take a minute on a machine that does nothing else.
SPRITE = PROJECT_ROOT / "reviewer_ui/static/vendor/icons.svg"
LANGUAGES = ("zh_CN", "en")  # Each page is looked at on a phone in one of them, at a desk in both.
EDIT = "edit tests/browser/every_page.py"
ICONS = "() => [...document.querySelectorAll('use')].map((one) => one.getAttribute('href').split('#')[1])"
WIDTH = "() => document.documentElement.scrollWidth"
# What of the page reaches beyond its right edge, to name it when it does.
BEYOND = """() => [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .slice(0, 3).map((one) => one.outerHTML.slice(0, 120))"""


def test_every_route_that_answers_with_a_page_is_looked_at(house: House) -> None:
    routes = [one for one in iter_route_contexts(house.app.routes) if one.name != "static"]
    served = {str(one.path) for one in routes if "GET" in (one.methods or ())}
    looked_at = {one.route for one in PAGES} - {"/no-such-page"}
    assert sorted(served - looked_at - set(NO_PAGES)) == [], f"nobody looks at these: {EDIT}"
    assert sorted((looked_at | set(NO_PAGES)) - served) == [], f"these are no longer there: {EDIT}"
    assert sorted(looked_at & set(NO_PAGES)) == []


def test_every_page_that_is_looked_at_is_in_the_navigation() -> None:
    """Else it has no breadcrumbs and the search does not find it. Pages before signing in need neither."""
    looked_at = {one.route for one in PAGES if not one.route.startswith("/sign-in")} - {"/no-such-page"}
    known = {page.address for page in navigation.PAGES}
    assert sorted(looked_at - known) == [], "add a line to reviewer_ui/navigation.py"
    assert sorted(known - looked_at) == [], EDIT


@pytest.mark.parametrize("locale", ["zh_CN", "en"])
async def test_nothing_serious_on_any_page_at_a_desk_or_on_a_phone(
    house: House, browser_program: Path, locale: str
) -> None:
    found: list[str] = []
    drawn = set(re.findall(r'<symbol id="([^"]+)"', SPRITE.read_text(encoding="utf-8")))
    async with tour(house, browser_program) as walk:
        for place, one in enumerate(PAGES):
            first, other = ("light", "dark") if place % 2 else ("dark", "light")
            page = await walk.to(one, locale=locale, theme=first)
            faulty = [f"{first}: {fault}" for fault in await faults(page)]
            faulty += [f"no such icon: {icon}" for icon in set(await page.evaluate(ICONS)) - drawn]
            await _dress(page, other)
            if LANGUAGES[place // 2 % 2] == locale:
                faulty += [f"phone, {other}: {fault}" for fault in await _on_a_phone(page)]
            else:  # No language changes a colour: each page's other theme is looked at in one of them at a desk.
                faulty += [f"{other}: {fault}" for fault in await faults(page, colours_alone=True)]
            found += [f"{one.address or one.route} ({one.who}) {fault}" for fault in faulty]
        assert walk.complaints == []
    assert not found, "\n".join(found)


async def _on_a_phone(page: Page) -> list[str]:
    """What is grave on a screen as narrow as a phone's, and what is wider than it; then the window is a desk's again."""
    await page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    found = await faults(page)
    if (await page.evaluate(WIDTH)) > PHONE["width"]:
        found += ["wider than the phone", *await page.evaluate(BEYOND)]
    await page.set_viewport_size({"width": DESK["width"], "height": DESK["height"]})
    return found


async def _dress(page: Page, theme: str) -> None:
    """The page in the other theme, as the server would have sent it: the theme is one attribute."""
    await page.evaluate("(theme) => document.documentElement.setAttribute('data-bs-theme', theme)", theme)
