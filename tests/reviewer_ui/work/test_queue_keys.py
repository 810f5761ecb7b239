"""The queue in a real browser by keys alone: rows are walked, selected, opened, and keep their selection when refreshed."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from domain.people.roles import Role
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.windows import window

SELECTED = "[...document.querySelectorAll('#rows input[name=task]:checked')].map((box) => box.value)"
FOCUSED = "document.activeElement.closest('tr')?.dataset.row"
REFRESH = "htmx.ajax('GET', '/review?all=yes', {target: '#rows', swap: 'outerHTML'})"


async def test_rows_are_navigated_selected_and_opened_by_keys(house: House, browser_program: Path) -> None:
    first, second = await house.cards.waiting(), await house.cards.waiting()
    async with window(house, browser_program, 1366, 768) as (page, complaints):
        await page.goto("/review?all=yes")
        await page.keyboard.press("j")
        assert await page.evaluate(FOCUSED) == first.task_id
        await page.keyboard.press("x")
        await page.keyboard.press("ArrowDown")
        assert await page.evaluate(FOCUSED) == second.task_id
        assert await page.inner_text("#bulk-count") == "1 selected"
        await page.evaluate(REFRESH)
        await expect(page.locator(".htmx-request, .htmx-swapping")).to_have_count(0)
        assert await page.evaluate(SELECTED) == [first.task_id]
        assert await page.evaluate(FOCUSED) == second.task_id
        await page.keyboard.press("/")
        await page.keyboard.type("jx")
        assert await page.input_value("#search") == "jx"
        assert await page.evaluate(SELECTED) == [first.task_id]
        await page.keyboard.press("Escape")
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/cards/*")
    assert complaints == []


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
async def test_queue_pages_fit_the_screen(house: House, browser_program: Path, width: int, height: int) -> None:
    waiting = await house.cards.waiting(reasons=("wrong_pin", "conflicting_answers", "low_confidence"), escalated=True)
    await house.cards.person(Role.REVIEWER, "Bartholomew Featherstonehaugh")
    async with window(house, browser_program, width, height) as (page, complaints):
        for path in ("/review", "/review/views", f"/review/tasks/{waiting.task_id}/who", "/account/absence"):
            await page.goto(path)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert complaints == []
