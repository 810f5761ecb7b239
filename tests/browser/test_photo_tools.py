"""The photo under the keyboard alone and under the mouse: zoom, pan, turn, light, and fields that light their boxes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page

from domain.people.roles import Role
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house

SVG = "[data-photo] > svg"


@asynccontextmanager
async def _card(house: House, program: Path) -> AsyncIterator[Page]:
    """Open the page of a claimed card; at its end there must be no error, least of all from the content policy."""
    waiting = await house.cards.waiting()
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    await post(house.browser(token), f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    async with desks(house, program) as open_desks, open_desks.visit(token) as visitor:
        await visitor.page.goto(f"/cards/{waiting.card_id}")
        await visitor.page.wait_for_selector(".photo-tools:not([hidden])")
        yield visitor.page
    assert visitor.complaints == []


async def _view(page: Page) -> list[float]:
    return [float(one) for one in (await page.get_attribute(SVG, "viewBox") or "").split()]


async def _slope(page: Page) -> str | None:
    return await page.get_attribute("#photo-light feFuncR", "slope")


async def test_the_keyboard_alone_zooms_pans_turns_and_lights(house: House, browser_program: Path) -> None:
    async with _card(house, browser_program) as page:
        await page.focus(SVG)
        assert await _view(page) == [0, 0, 600, 400]
        await page.keyboard.press("+")
        zoomed = await _view(page)
        assert zoomed[2] < 600
        await page.keyboard.press("ArrowRight")
        assert (await _view(page))[0] > zoomed[0]
        await page.keyboard.press(".")
        assert "rotate(90 " in (await page.get_attribute("[data-turned]", "transform") or "")
        await page.keyboard.press("]")
        assert await _slope(page) == "1.15"
        assert await page.get_attribute("[data-turned] image", "filter") == "url(#photo-light)"
        await page.keyboard.press("Backspace")
        assert await _view(page) == [0, 0, 600, 400]
        assert await page.get_attribute("[data-turned] image", "filter") is None
        assert await page.locator("[style]").count() == 0


async def test_the_wheel_zooms_around_the_pointer_and_dragging_pans(house: House, browser_program: Path) -> None:
    async with _card(house, browser_program) as page:
        box = await page.locator(SVG).bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 4, box["y"] + box["height"] / 2
        place = f"([x, y]) => {{ const p = new DOMPoint(x, y).matrixTransform(document.querySelector('{SVG}').getScreenCTM().inverse()); return [p.x, p.y]; }}"
        before = await page.evaluate(place, [x, y])
        await page.mouse.move(x, y)
        await page.mouse.wheel(0, -100)
        after = await page.evaluate(place, [x, y])
        assert (await _view(page))[2] < 600
        assert abs(before[0] - after[0]) < 2
        held = await _view(page)
        await page.mouse.down()
        await page.mouse.move(x - 40, y, steps=4)
        await page.mouse.up()
        assert (await _view(page))[0] > held[0]


async def test_a_field_lights_its_box_and_a_box_its_field(house: House, browser_program: Path) -> None:
    async with _card(house, browser_program) as page:
        await page.hover("tr[data-field=number] th")
        assert await page.locator("rect.lit[data-field=number]").count() == 1
        await page.hover("h1")
        assert await page.locator("rect.lit").count() == 0
        await page.keyboard.press("1")
        assert await page.evaluate("document.activeElement.dataset.field") == "number"
        assert await page.locator("rect.lit[data-field=number]").count() == 1
        await page.keyboard.press("+")
        assert (await _view(page))[2] < 600
        await page.keyboard.press("-")
        assert await _view(page) == [0, 0, 600, 400]
        await page.hover("rect[data-field=number]")
        assert await page.locator("tr.lit[data-field=number]").count() == 1


async def test_while_one_types_no_key_moves_the_photo(house: House, browser_program: Path) -> None:
    async with _card(house, browser_program) as page:
        await page.focus("[name=words]")
        await page.keyboard.type("1+2-3 [.]")
        assert await page.input_value("[name=words]") == "1+2-3 [.]"
        assert await _view(page) == [0, 0, 600, 400]


async def test_a_name_is_completed_and_a_comment_is_written_by_keys(house: House, browser_program: Path) -> None:
    await house.cards.person(Role.REVIEWER, "Petra Voss")
    async with _card(house, browser_program) as page:
        await page.focus("[name=words]")
        await page.keyboard.type("Please look, @petr")
        await page.wait_for_selector("#called option[value='Please look, @Petra Voss ']", state="attached")
        await page.fill("[name=words]", "Please look, @Petra Voss")
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".said-here")
        assert "Please look, @Petra Voss" in await page.inner_text("#story")
