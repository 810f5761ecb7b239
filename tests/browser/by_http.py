"""Every page asked for without a browser: whole in both languages, and its part alone, as live updates ask for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from languages import LOCALES
from tests.browser.every_page import Scene
from tests.browser.one_page import OnePage
from tests.browser.words import words_of
from tests.reviewer_ui.conftest import House
from web.locale import COOKIE as LANGUAGE_COOKIE

TAG = re.compile(r"<[^>]*>")
ICON = re.compile(r'<use href="[^"#]*#([^"]+)"')
LANGUAGE = re.compile(r'<html lang="([^"]+)"')


@dataclass(frozen=True)
class Answers:
    """What was answered for one page."""

    one: OnePage
    address: str
    wrong: list[str]  # Another status than its own, another language than asked for, or the door.
    missing: list[str]  # What only its part says.
    words: dict[str, list[str]]  # By language.
    icons: set[str]

    @property
    def name(self) -> str:
        """Its address and who opened it."""
        return f"{self.one.address or self.one.route} ({self.one.who})"


async def answers(house: House, seen: Scene, pages: Iterable[OnePage]) -> list[Answers]:
    """Ask for each page as its person; a page that leads to another is followed."""
    return [await _asked(house, seen, one) for one in pages]


async def _asked(house: House, seen: Scene, one: OnePage) -> Answers:
    browser, address = house.browser(), one.at(seen.names)
    browser.follow_redirects = True
    browser.cookies.update(seen.cookies[one.who])
    # The part is the story, which stands on the tab to decide on alone.
    part = None if "?tab=" in address else await browser.get(address, headers={"hx-request": "true"})
    whole: dict[str, httpx.Response] = {}
    for locale in LOCALES[::-1]:  # After its part: what time adds to a page, such as an old reading, is on it too.
        browser.cookies.set(LANGUAGE_COOKIE, locale, domain="console.test")
        whole[locale] = await browser.get(address)
    wrong = [fault for locale, answer in whole.items() for fault in _faults(one, answer, locale)]
    missing: list[str] = []
    if part is not None:
        wrong += [] if part.status_code == one.status else [f"its part: {part.status_code}"]
        missing = sorted(set(_lines(part.text)) - set(_lines(whole["en"].text)))
    words = {locale: words_of(answer.text) for locale, answer in whole.items()}
    return Answers(
        one, address, wrong, missing, words, {name for got in whole.values() for name in ICON.findall(got.text)}
    )


def _faults(one: OnePage, answer: httpx.Response, locale: str) -> list[str]:
    found = [] if answer.status_code == one.status else [f"{locale}: {answer.status_code}"]
    if answer.url.path.startswith("/sign-in") and not one.route.startswith("/sign-in"):
        found.append(f"{one.who} is not signed in and sees the door")
    spoken = LANGUAGE.findall(answer.text)
    return found if spoken == [locale.replace("_", "-")] else [*found, f"{locale}: answered in {spoken}"]


def _lines(page: str) -> list[str]:
    return [
        line for text in TAG.split(page) if len(line := " ".join(text.split())) > 3 and not any(map(str.isdigit, line))
    ]
