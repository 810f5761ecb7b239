"""The card page in a real browser: it fits, its keys work, they keep still while one types, and nothing breaks the CSP."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import FilePayload

from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import NUMBER
from tests.reviewer_ui.windows import window


async def test_card_is_claimed_viewed_and_rejected_by_keys(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with window(house, browser_program, 1366, 768) as (page, complaints):
        await page.goto("/review")
        await page.keyboard.press("n")
        await page.wait_for_url(f"**/cards/{waiting.card_id}")
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        await page.keyboard.press("v")
        await page.select_option("#reveal-reason", "compare")
        await page.click("button[name=field][value=number]")
        assert await page.inner_text(".secret code") == NUMBER
        await page.click("h1")
        await page.keyboard.press("r")
        assert await page.locator("button[value='reject:forged']").is_visible()
        await page.keyboard.press("f")
        await page.wait_for_url("**/review?**")
    assert complaints == []
    assert [card_id for card_id, _ in house.desk.told] == [waiting.card_id]


async def test_the_name_of_a_chosen_file_is_shown_before_it_is_sent(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with window(house, browser_program, 1366, 768) as (page, complaints):
        await page.goto(f"/cards/{waiting.card_id}")
        chosen = FilePayload(name="收据 receipt.pdf", mimeType="application/pdf", buffer=b"%PDF-1.7")
        await page.set_input_files("form.comment input[name=files]", [chosen])
        assert await page.inner_text("[data-files]") == "收据 receipt.pdf"
    assert complaints == []


async def test_pages_fit_on_a_phone(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting(reasons=("wrong_pin", "conflicting_answers", "low_confidence"))
    async with window(house, browser_program, 390, 844) as (page, complaints):
        for path in ("/review", f"/cards/{waiting.card_id}", "/cards"):
            await page.goto(path)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    assert complaints == []


async def test_queue_controls_are_large_enough(house: House, browser_program: Path) -> None:
    await house.cards.waiting()
    async with window(house, browser_program, 1366, 768) as (page, _):
        await page.goto("/review")
        picks = page.locator(".queue .pick-cell input:visible")
        assert await picks.count() > 0
        for box in [await one.bounding_box() for one in await picks.all()]:
            assert box is not None
            assert (box["width"] >= 24, box["height"] >= 24) == (True, True)
