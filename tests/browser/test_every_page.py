"""Every page of the console: asked for whole and in part, and read word by word in both languages; judged by axe-core at a desk and on a phone.

`make test` opens a page of each area in the browser, `make thorough` every one. A page is added by a line in `tests/browser/every_page.py`.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import pytest_asyncio
from fastapi.routing import iter_route_contexts
from playwright.async_api import Page

from bootstrap.settings import PROJECT_ROOT
from database.session import Database
from reviewer_ui import navigation
from tests.browser.axe import COLOURS, NAMES, faults
from tests.browser.by_http import Answers, answers
from tests.browser.every_page import NO_PAGES, PAGES, Scene, scene
from tests.browser.one_page import OnePage
from tests.browser.people import DESK, PHONE
from tests.browser.tour import Tour, tour
from tests.browser.words import not_chinese, not_english, words
from tests.reviewer_ui.conftest import House, a_house
from tests.reviewer_ui.conftest import console_url as console_url

pytestmark = pytest.mark.timeout(600)  # A visit of all pages takes a minute on a machine that does nothing else.
SPRITE = PROJECT_ROOT / "reviewer_ui/static/vendor/icons.svg"
GROUP = pytest.mark.xdist_group("every_page")
# One visit of a part of the pages serves every test of them: one process makes it.
HALVES = 2
OF_EACH_PART = pytest.mark.parametrize(
    "seen",
    [
        pytest.param("sample", marks=GROUP),
        *(pytest.param(one, marks=[pytest.mark.xdist_group(f"every_page_{one}"), pytest.mark.thorough]) for one in range(HALVES)),
    ],
    indirect=True,
)  # fmt: skip
EDIT = "edit tests/browser/every_page.py"
# Axe is most of what a visit costs: of two pages one is judged by all rules at the desk, the other on the phone, and both
# by those that a translation can break.
EVERY_RULE = "CARDLOOP_EVERY_RULE" in os.environ  # `make proof-pages` judges each page at both.
FRAMED = 8  # One page in so many has its frame judged by all rules on the phone, and in the other theme.
ICONS = "() => [...document.querySelectorAll('use')].map((one) => one.getAttribute('href').split('#')[1])"
WIDTH = "() => document.documentElement.scrollWidth"
# What of the page reaches beyond its right edge, to name it when it does.
BEYOND = """() => [...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
  .slice(0, 3).map((one) => one.outerHTML.slice(0, 120))"""


@dataclass(frozen=True)
class Look:
    """What was found on one page."""

    one: OnePage
    grave: list[str]
    icons: set[str]
    phone: list[str]  # What reaches beyond a phone's edge.
    words: dict[str, list[str]]  # By language.

    @property
    def name(self) -> str:
        """Its address and who opened it."""
        return f"{self.one.address or self.one.route} ({self.one.who})"


@dataclass(frozen=True)
class Looks:
    """A part of the pages, and what the browser complained of meanwhile."""

    looks: list[Look]
    complaints: list[str]


@dataclass(frozen=True)
class Filled:
    """A house where something is going on."""

    house: House
    scene: Scene


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(
    console_url: str, pool_of: Callable[[str], Database], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Filled]:
    async with a_house(pool_of(console_url), tmp_path_factory.mktemp("photos")) as house:
        yield Filled(house, await scene(house))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def asked(filled: Filled) -> list[Answers]:
    return await answers(filled.house, filled.scene, PAGES)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(request: pytest.FixtureRequest, filled: Filled, browser_program: Path) -> Looks:
    theirs = _sample() if request.param == "sample" else list(enumerate(PAGES))[request.param :: HALVES]
    async with tour(filled.house, browser_program, filled.scene) as walk:
        return Looks([await _look(walk, one, place) for place, one in theirs], walk.complaints)


def _sample() -> list[tuple[int, OnePage]]:
    """Return the first page of each area, and the first there with an id in its address."""
    found: dict[object, tuple[int, OnePage]] = {}
    for place, one in enumerate(PAGES):
        found.setdefault((navigation.area_of(one.route), "{" in one.route), (place, one))
    return list(found.values())


async def _look(walk: Tour, one: OnePage, place: int) -> Look:
    """Open the page in one language and judge it at a desk; then, in the other language and theme, on a phone."""
    first, other = ("light", "dark") if place // HALVES // 4 % 2 else ("dark", "light")
    ours, theirs = ("en", "zh_CN") if place // HALVES // 2 % 2 else ("zh_CN", "en")
    page = await walk.to(one, locale=ours, theme=first)
    shown, icons = {ours: await words(page)}, set(await page.evaluate(ICONS))
    framed, at_desk = place // HALVES % FRAMED == 0, place // HALVES % 2 == 0
    grave = [f"{ours}, {first}: {fault}" for fault in await faults(page, () if at_desk or EVERY_RULE else NAMES)]
    await _resize(page, PHONE)
    phone = [f"{ours}: {beyond}" for beyond in await _too_wide(page)]
    complaints = len(walk.complaints)
    await walk.translate(theirs)
    await page.evaluate("(theme) => document.documentElement.setAttribute('data-bs-theme', theme)", other)
    shown[theirs], icons = await words(page), icons | set(await page.evaluate(ICONS))
    all_rules = framed or not at_desk or EVERY_RULE
    grave += [f"{theirs}, phone, {other}: {fault}" for fault in await faults(page, () if all_rules else NAMES)]
    phone += [f"{theirs}: {beyond}" for beyond in await _too_wide(page)]
    await _resize(page, DESK)
    if framed:  # What only a desk shows is the frame, which all pages share.
        grave += [f"{theirs}, {other}: {fault}" for fault in await faults(page, (*NAMES, *COLOURS))]
    del walk.complaints[complaints:]
    return Look(one, grave, icons, phone, shown)


async def _resize(page: Page, size: dict[str, int]) -> None:
    await page.set_viewport_size({"width": size["width"], "height": size["height"]})


async def _too_wide(page: Page) -> list[str]:
    return await page.evaluate(BEYOND) or ["?"] if await page.evaluate(WIDTH) > PHONE["width"] else []


@GROUP
def test_every_route_that_answers_with_a_page_is_looked_at(filled: Filled) -> None:
    routes = [one for one in iter_route_contexts(filled.house.app.routes) if one.name != "static"]
    served = {str(one.path) for one in routes if "GET" in (one.methods or ())}
    looked_at = {one.route for one in PAGES} - {"/no-such-page"}
    assert sorted(served - looked_at - set(NO_PAGES)) == [], f"nobody looks at these: {EDIT}"
    assert sorted((looked_at | set(NO_PAGES)) - served) == [], f"these are no longer there: {EDIT}"
    assert sorted(looked_at & set(NO_PAGES)) == []


def test_every_checked_page_is_in_the_navigation() -> None:
    """Else it has no breadcrumbs and the search does not find it. Pages before signing in need neither."""
    looked_at = {one.route for one in PAGES if not one.route.startswith("/sign-in")} - {"/no-such-page"}
    known = {page.address for page in navigation.PAGES}
    assert sorted(looked_at - known) == [], "add a line to reviewer_ui/navigation.py"
    assert sorted(known - looked_at) == [], EDIT


@GROUP
def test_every_page_opens_in_both_languages(asked: list[Answers]) -> None:
    assert {one.name: one.wrong for one in asked if one.wrong} == {}


@GROUP
def test_the_part_of_a_page_is_rendered_alone_as_within_it(asked: list[Answers]) -> None:
    only = {one.name: one.missing for one in asked if one.missing}
    assert only == {}, "a block that is rendered alone imports its macros itself"


@GROUP
def test_no_page_is_answered_in_words_of_the_other_language(asked: list[Answers]) -> None:
    assert _foreign({one.name: one.words for one in asked}) == {}


@GROUP
def test_the_sprite_has_every_icon_that_is_answered(asked: list[Answers]) -> None:
    assert sum(len(one.icons) for one in asked) > len(asked)
    assert {one.name: one.icons - _drawn() for one in asked if one.icons - _drawn()} == {}


@OF_EACH_PART
def test_nothing_serious_on_any_page_at_a_desk_or_on_a_phone(seen: Looks) -> None:
    assert {look.name: look.grave for look in seen.looks if look.grave} == {}


@OF_EACH_PART
def test_no_page_is_wider_than_a_phone(seen: Looks) -> None:
    assert {look.name: look.phone for look in seen.looks if look.phone} == {}


@OF_EACH_PART
def test_the_sprite_has_every_icon_that_a_page_shows(seen: Looks) -> None:
    assert {look.name: look.icons - _drawn() for look in seen.looks if look.icons - _drawn()} == {}


@OF_EACH_PART
def test_no_page_shows_words_of_the_other_language(seen: Looks) -> None:
    assert _foreign({look.name: look.words for look in seen.looks}) == {}


@OF_EACH_PART
def test_the_browser_complains_of_no_page(seen: Looks) -> None:
    assert seen.complaints == []


def _foreign(words: Mapping[str, Mapping[str, list[str]]]) -> dict[str, list[str]]:
    """Return the texts of each page, by its name, that belong to the other language; every page has words to judge."""
    judged = {"en": not_english, "zh_CN": not_chinese}
    assert [name for name, by in words.items() if any(len(by[locale]) <= 10 for locale in judged)] == []
    left = {f"{name} {locale}": judge(by[locale]) for name, by in words.items() for locale, judge in judged.items()}
    return {name: foreign for name, foreign in left.items() if foreign}


@cache
def _drawn() -> set[str]:
    return set(re.findall(r'<symbol id="([^"]+)"', SPRITE.read_text(encoding="utf-8")))
