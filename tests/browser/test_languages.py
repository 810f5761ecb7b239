"""Both languages on every page: switched in place, and nothing of the other one left behind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from domain.people.roles import Role
from languages import LOCALES, translate
from tests.browser.console import desks
from tests.browser.every_page import PAGES
from tests.browser.tour import tour
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house

pytestmark = pytest.mark.timeout(240)
# Every word that a person sees or hears: text, and the attributes that are read out. What says of itself that it is in
# another language, codes and documents are no words of the page.
WORDS = """() => {
  const own = document.documentElement.lang.slice(0, 2), found = [];
  const foreign = (one) => { const at = one.closest('[lang]'); return at && at.lang.slice(0, 2) !== own; };
  const read = ['title', 'aria-label', 'placeholder', 'alt', 'label', 'data-over', 'data-warn', 'data-say', 'data-words'];
  for (const one of document.querySelectorAll('title, body *')) {
    if (foreign(one) || one.closest('script, style, code, kbd, textarea, optgroup')) continue;
    for (const node of one.childNodes) if (node.nodeType === 3) found.push(node.textContent);
    for (const name of read) if (one.hasAttribute(name)) found.push(one.getAttribute(name));
  }
  return found.map((one) => one.replace(/\\s+/g, ' ').trim()).filter(Boolean);
}"""
CHINESE = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z]{2,}")
KEY = re.compile(r"(?<![@\w./])[a-z_]{3,}(?:\.[a-z_]{2,})+(?![\w/])")  # A key of the catalogue that shows as it stands.
OWN_NAMES = [
    translate(f"console.language.{locale}", locale) for locale in LOCALES
]  # A language is called as it calls itself.
# What people typed, what they are called, and what is called the same in both languages.
TYPED = ("the rim is worn", "the edge is blurred", "Why was it not bought?", "codes are mistyped")
CALLED = {"Cardloop", "CSV", "Mei", "Bo", "Lin", *(role.value.title() for role in Role)}
CODES = re.compile(
    r"\S+@cardloop\.test|Asia/Shanghai|https://|seller:…|docs/\S+\.md|\b(?:office|always|cards)\b|\b(?:CNY|USD|EUR|luhn|iso7064_mod37_36|none|lock|redeem)\b"
    r"|\b(?:limits|velocity|four-eyes|sampling|reveals|prices|brands|deadlines)-[0-9-]+"  # Versions of policies.
)


async def words(page: Page) -> list[str]:
    """The page's words without what is no word of either language."""
    found: list[str] = await page.evaluate(WORDS)
    for known in (*TYPED, *OWN_NAMES):
        found = [text.replace(known, "") for text in found]
    return [CODES.sub("", text) for text in found]


async def test_no_english_page_has_chinese_or_a_bare_key_in_it(house: House, browser_program: Path) -> None:
    left: dict[str, list[str]] = {}
    async with tour(house, browser_program) as walk:
        for one in PAGES:
            shown = await words(await walk.to(one, locale="en"))
            assert len(shown) > 10, one
            left[one.address or one.route] = [text for text in shown if CHINESE.search(text) or KEY.search(text)]
    assert {where: found for where, found in left.items() if found} == {}


async def test_no_chinese_page_has_an_english_sentence_in_it(house: House, browser_program: Path) -> None:
    left: dict[str, list[str]] = {}
    async with tour(house, browser_program) as walk:
        for one in PAGES:
            shown = await words(await walk.to(one, locale="zh_CN"))
            alone = [text for text in shown if not CHINESE.search(text)]
            left[one.address or one.route] = [text for text in alone if set(LATIN.findall(text)) - CALLED]
    assert {where: found for where, found in left.items() if found} == {}


@pytest.mark.parametrize("scripts", [True, False])
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
