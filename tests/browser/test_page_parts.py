"""Every page answers a request for its part, as live updates ask for it, with the same status and the words of the whole page."""

from __future__ import annotations

import re

import pytest

from tests.browser.every_page import PAGES, Scene, scene
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house

pytestmark = pytest.mark.timeout(300)
TAG = re.compile(r"<[^>]*>")


async def test_the_part_of_a_page_is_rendered_alone_as_within_it(house: House) -> None:
    seen: Scene = await scene(house)
    faults = []
    for one in PAGES:
        browser = house.browser()
        browser.cookies.update(seen.cookies[one.who])
        address = one.at(seen.names)
        if "?tab=" in address:  # The part is the story, which stands on the tab to decide on alone.
            continue
        browser.follow_redirects = True
        # The whole page last: what time adds to a page, such as an old reading, is on it too.
        part, whole = await browser.get(address, headers={"hx-request": "true"}), await browser.get(address)
        if (whole.status_code, part.status_code) != (one.status, one.status):
            faults.append(f"{address} ({one.who}): {whole.status_code}, its part {part.status_code}")
        elif missing := set(_words(part.text)) - set(_words(whole.text)):
            faults.append(f"{address} ({one.who}): only its part says {sorted(missing)[:3]}")
    assert faults == [], "a block that is rendered alone imports its macros itself"


def _words(page: str) -> list[str]:
    return [
        line for text in TAG.split(page) if len(line := " ".join(text.split())) > 3 and not any(map(str.isdigit, line))
    ]
