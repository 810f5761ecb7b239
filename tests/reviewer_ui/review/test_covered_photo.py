"""Number and PIN are black in the photo until who looks has revealed them, with a reason and a fresh proof of who they are."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.deciding import taken
from tests.reviewer_ui.doors import employed, proved_long_ago

ON_THE_NUMBER, BESIDE_IT = (
    (220, 220),
    (500, 100),
)  # Of the built photo: a white strip, which the reading calls the number.
REASON = "compare"


async def pixels(browser: httpx.AsyncClient, card_id: str, photo_id: str) -> tuple[bool, bool]:
    """Whether the number's strip is white, and whether the card beside it is blue."""
    answer = await browser.get(f"/cards/{card_id}/photos/{photo_id}")
    assert answer.status_code == 200
    with Image.open(io.BytesIO(answer.content)) as photo:
        strip, card = photo.getpixel(ON_THE_NUMBER), photo.getpixel(BESIDE_IT)
    assert isinstance(strip, tuple)
    assert isinstance(card, tuple)
    return min(strip) > 200, card[2] > 100


@pytest.mark.parametrize(("field", "shown"), [("number", True), ("photo", True), ("pin", False)])
async def test_the_number_is_covered_until_it_is_revealed(house: House, field: str, shown: bool) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    assert await pixels(browser, waiting.card_id, waiting.photo_id) == (False, True)
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert "masked in the photo" in page
    assert 'class="crop"' not in page
    assert (await post(browser, f"/cards/{waiting.card_id}/reveal", field=field, reason_code="")).status_code == 422
    revealed = await post(browser, f"/cards/{waiting.card_id}/reveal", field=field, reason_code=REASON)
    assert revealed.status_code == (303 if field == "photo" else 200)
    assert await pixels(browser, waiting.card_id, waiting.photo_id) == (shown, True)
    assert ("masked in the photo" in (await browser.get(f"/cards/{waiting.card_id}")).text) is not shown


async def test_reveal_applies_only_to_its_person(house: House) -> None:
    first, second = await house.as_(Role.REVIEWER), await house.as_(Role.SENIOR)
    waiting = await taken(house, first)
    await post(first, f"/cards/{waiting.card_id}/reveal", field="photo", reason_code=REASON)
    form = {"task_id": waiting.task_id, "reason_code": "urgent"}
    assert (await post(second, f"/cards/{waiting.card_id}/take-over", **form)).status_code == 303
    assert await pixels(second, waiting.card_id, waiting.photo_id) == (False, True)


async def test_photo_is_uncovered_only_after_step_up(house: House) -> None:
    browser = await proved_long_ago(house, (await employed(house)).id)
    waiting = await taken(house, browser)
    asked = await post(browser, f"/cards/{waiting.card_id}/reveal", field="photo", reason_code=REASON)
    assert "step_up_password" in asked.text
    assert await pixels(browser, waiting.card_id, waiting.photo_id) == (False, True)


async def test_manual_entry_shows_the_photo_uncovered(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser, brand_code="hualian", number=None)
    assert await pixels(browser, waiting.card_id, waiting.photo_id) == (True, True)
