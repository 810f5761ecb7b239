"""One row of the queue: a single line on a laptop, a short block on a phone, and its words apart from each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.people.roles import Role
from tests.browser.console import desks
from tests.browser.people import DESK, PHONE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.queue_scenes import change

MEASURE = """() => {
  const row = document.querySelector('tr[data-row]'), box = (one) => row.querySelector(one).getBoundingClientRect();
  const [word, link, pick, which] = ['.soon', '.due a', '.pick-cell input', '.which code'].map(box);
  return {
    gap: link.left - word.right, height: row.getBoundingClientRect().height, width: document.scrollingElement.scrollWidth,
    level: Math.abs((pick.top + pick.bottom) / 2 - (which.top + which.bottom) / 2),
  };
}"""


@pytest.mark.parametrize(("size", "tallest"), [(DESK, 40), (PHONE, 200)], ids=["laptop", "phone"])
async def test_a_row_is_short_and_its_words_stand_apart(
    house: House, browser_program: Path, size: dict[str, int], tallest: int
) -> None:
    await house.cards.empty_the_queue()
    waiting = await house.cards.waiting(reasons=("card_type", "low_confidence", "high_value"), due_in_min=37)
    await change(house, waiting, value_minor=465_000)
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    async with desks(house, browser_program) as open_desks:
        for locale in ("zh_CN", "en"):
            async with open_desks.visit(token, locale=locale, size=size) as visitor:
                await visitor.page.goto("/review?all=yes")
                found = await visitor.page.evaluate(MEASURE)
                assert found["gap"] >= 4, (locale, found)
                assert found["height"] <= tallest, (locale, found)
                assert found["width"] <= size["width"], (locale, found)
                if size is DESK:
                    assert found["level"] <= 3, (locale, found)
