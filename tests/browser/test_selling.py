"""One card through the pages: photographed on a phone, decided at a desk by keys, accepted and paid on the phone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page

from bootstrap.demo.samples import FOLDER, Sample
from domain.cards.card import CardStatus, Outcome
from domain.money import Money
from domain.rules.brands import brand
from tests.browser.people import DESK, PHONE, Visit, chromium, context, look, sign_in_as_reviewer, sign_in_as_seller
from tests.whole import WHOLE, WholePlatform

pytestmark = [WHOLE, pytest.mark.timeout(200)]
PHOTO = Path(__file__).parent / "photos" / "starbucks-100.jpg"  # Drawn by samples.make; no sample has its number.
CARD = Sample(
    photo=PHOTO.name, brand=brand("starbucks"), number="8177461205988367", pin="64193852", face=Money(10_000), expiry=date(2029, 6, 30),
    status=CardStatus.ACTIVE, left_minor=10_000, outcome=Outcome.PAID, reason=None, needs=frozenset(), quote_minor=None,
)  # fmt: skip


async def test_photographed_reviewed_by_keys_accepted_and_paid(whole: WholePlatform, browser_program: Path) -> None:
    await whole.register(CARD)
    async with chromium(browser_program) as browser:
        seller = Visit(await (await context(browser, whole.settings.api_url, PHONE)).new_page())
        await sign_in_as_seller(whole, seller.page)
        await _photograph(seller, PHOTO)
        assert (await seller.page.input_value("[name=number]")).replace(" ", "") == CARD.number
        assert await seller.page.input_value("[name=pin]") == CARD.pin
        assert await seller.page.input_value("[name=face_value]") == CARD.face.decimal_text()
        assert await seller.page.locator("figure.crop img").count() >= 3
        await _submit_fields(seller)
        reviewer = await _approve_by_keys(whole, browser, seller.page.url.rsplit("/", 1)[1])
        await _accept(seller)
    assert seller.complaints == []
    assert reviewer.complaints == []
    for visited in (*seller.titles_and_urls, *reviewer.titles_and_urls):
        assert CARD.number not in visited
        assert str(CARD.pin) not in visited
    assert await whole.violations() == []


@pytest.mark.thorough
async def test_without_scripts_a_photo_still_becomes_a_submission(whole: WholePlatform, browser_program: Path) -> None:
    async with chromium(browser_program) as browser:
        seller = Visit(await (await context(browser, whole.settings.api_url, PHONE, scripts=False)).new_page())
        await sign_in_as_seller(whole, seller.page)
        await _photograph(seller, FOLDER / "photos" / "cup.jpg")
        assert await seller.page.locator("input[name=number]").is_visible()
        await seller.page.fill("[name=number]", "8100 0000 0000 0000")
        await seller.page.fill("[name=pin]", "12345678")
        async with seller.page.expect_navigation():
            await seller.page.click("form[action$='/fields'] button")
        # The number breaks its check digit: the form comes back with what was typed and why.
        assert await seller.page.locator("#number-fault").is_visible()
        assert (await seller.page.input_value("[name=pin]")) == "12345678"
    assert [one for one in seller.complaints if "422" not in one] == []


async def test_no_page_of_the_seller_runs_off_the_side_of_a_phone(whole: WholePlatform, browser_program: Path) -> None:
    async with chromium(browser_program) as browser:
        seller = Visit(await (await context(browser, whole.settings.api_url, PHONE)).new_page())
        await sign_in_as_seller(whole, seller.page)
        for path in ("/", "/sell/starbucks", "/sell/jd?how=type", "/cards"):
            await seller.page.goto(path)
            assert await _fits_across(seller.page), path
    assert seller.complaints == []


async def _photograph(seller: Visit, photo: Path) -> None:
    """From the brands to the page that shows what was read."""
    page = seller.page
    await page.click("a[href='/sell/starbucks']")
    await page.locator("input[type=file]").last.set_input_files(photo)
    await page.fill("[name=payee_account]", "13800000022")
    await page.fill("[name=payee_name]", "周小满")
    await page.locator("form.sheet button.btn-primary").click()
    await page.wait_for_url("**/cards/*")
    await seller.note()
    await page.wait_for_selector("form[action$='/fields']")
    assert await _fits_across(page)


async def _submit_fields(seller: Visit) -> None:
    await seller.page.click("form[action$='/fields'] button")
    await seller.page.wait_for_selector("form[action$='/fields']", state="detached")
    await seller.note()


async def _approve_by_keys(whole: WholePlatform, browser: Browser, card_id: str) -> Visit:
    """N takes the next card, A approves it and asks for the next; the card page needs no scrolling."""
    reviewer = Visit(await (await context(browser, whole.settings.console_url, DESK)).new_page())
    page = reviewer.page
    await sign_in_as_reviewer(whole, page)
    await page.wait_for_selector(f"a[href='/cards/{card_id}']")
    await page.keyboard.press("n")
    await page.wait_for_url(f"**/cards/{card_id}")
    await page.wait_for_selector("form.decision")
    await reviewer.note()
    assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "the card page scrolls"
    await look(page)
    await page.keyboard.press("a")
    await page.wait_for_url("**/review?**")
    await reviewer.note()
    return reviewer


async def _accept(seller: Visit) -> None:
    """The offer comes automatically; after the answer, so does the payment."""
    page = seller.page
    await page.click("form[action$='/quote/accept'] button")
    await page.wait_for_selector(".sheet-paid")
    await seller.note()


async def _fits_across(page: Page) -> bool:
    return bool(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
