"""Takes the README's pictures from the pages themselves: `python -m docs.screenshots` starts a platform of its own for it.

A seller photographs the worked example's card and is paid; meanwhile sample cards of another seller fill the review queue.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.async_api import BrowserContext, Page

from bootstrap.demo.partner import Partner
from bootstrap.demo.people import PARTNER_KEY
from bootstrap.demo.samples import FOLDER, samples
from bootstrap.settings import PROJECT_ROOT, Settings
from bootstrap.setup.plan import browser_record
from domain.cards import WaitingFor
from reviewer_ui.visit import THEME_COOKIE
from tests.browser.people import DESK, PHONE, chromium, context, sign_in_as_reviewer, sign_in_as_seller
from tests.whole import WholePlatform
from web.locale import COOKIE as LOCALE_COOKIE

PICTURES = PROJECT_ROOT / "docs" / "pictures"
BYTES_MAX = 200_000
LANGUAGES = {"zh": "zh_CN", "en": "en"}
QUEUE = ("wanda-100.jpg", "starbucks-200-pin-worn.jpg", "hualian-500.jpg", "starbucks-300.jpg")
SHOWN_CARD = "starbucks-300.jpg"  # The last one handed in.


async def main() -> None:
    """Writes every picture anew."""
    settings = Settings()
    program = Path(browser_record(settings).read_text().strip())
    with tempfile.TemporaryDirectory(prefix="cardloop-pictures-", ignore_cleanup_errors=True) as home:
        whole = WholePlatform(Path(home), settings.cache_dir)
        try:
            await whole.start()
            await _take(whole, program)
        finally:
            await whole.stop()


async def _take(whole: WholePlatform, program: Path) -> None:
    shown = await _fill_queue(whole)
    async with chromium(program) as browser:
        await _seller(whole, await context(browser, whole.settings.api_url, PHONE))
        await _console(whole, await context(browser, whole.settings.console_url, DESK), shown)


async def _fill_queue(whole: WholePlatform) -> str:
    """Cards that wait for a reviewer; returns the id of the one whose page is shown."""
    partner, cards = (
        Partner(whole.settings.api_url, whole.secrets()[PARTNER_KEY]),
        {one.photo: one for one in samples()},
    )
    card_id = ""
    for photo in QUEUE:
        await whole.register(cards[photo])
        card_id = await partner.submit(cards[photo], f"picture-{photo}")
        seen = await whole.reaches(
            card_id, lambda seen: seen.waiting_for in (WaitingFor.REVIEWER, WaitingFor.SELLER_FIELDS)
        )
        if seen.waiting_for is WaitingFor.SELLER_FIELDS:
            await partner.confirm_pin(card_id, "83784018")
            await whole.reaches(card_id, lambda seen: seen.waiting_for is WaitingFor.REVIEWER)
    await partner.close()
    return card_id


async def _seller(whole: WholePlatform, phone: BrowserContext) -> None:
    page = await phone.new_page()
    await whole.register(next(one for one in samples() if one.photo == "jd-500.jpg"))
    await sign_in_as_seller(whole, page)
    await _pictures(page, "seller-home")
    await page.click("a[href='/sell/jd']")
    await page.locator("input[type=file]").last.set_input_files(FOLDER / "photos" / "jd-500.jpg")
    await page.fill("[name=payee_account]", "13800000022")
    await page.fill("[name=payee_name]", "周小满")
    await page.locator("form.sheet button.btn-primary").click()
    await page.wait_for_selector("form[action$='/fields']")
    await _pictures(page, "seller-read")
    await page.click("form[action$='/fields'] button")
    await page.wait_for_selector("form[action$='/quote/accept']")
    await _pictures(page, "seller-quote")
    await page.click("form[action$='/quote/accept'] button")
    await page.wait_for_selector(".sheet-paid")
    await _pictures(page, "seller-paid")


async def _console(whole: WholePlatform, desk: BrowserContext, card_id: str) -> None:
    page = await desk.new_page()
    await sign_in_as_reviewer(whole, page)
    await _pictures(page, "console-queue")
    await page.goto(f"/cards/{card_id}")
    await page.click("form[action$='/take'] button")
    await page.wait_for_selector("form.decision")
    await _pictures(page, "console-card")
    await _cookie(page, THEME_COOKIE, "dark")
    await _picture(page, "console-card-dark", "zh")


async def _pictures(page: Page, name: str) -> None:
    for language in LANGUAGES:
        await _picture(page, name, language)


async def _picture(page: Page, name: str, language: str) -> None:
    await _cookie(page, LOCALE_COOKIE, LANGUAGES[language])
    await page.reload(wait_until="load")
    await page.evaluate("document.activeElement.blur()")
    await page.wait_for_timeout(300)  # Fonts and the photo are drawn.
    file = PICTURES / f"{name}.{language}.png"
    file.write_bytes(smaller(await page.screenshot()))
    sys.stdout.write(f"{file.name}: {file.stat().st_size // 1000} kB\n")


async def _cookie(page: Page, name: str, value: str) -> None:
    place = urlsplit(page.url)
    # For the whole site: one for the page's own folder would stand beside the site's, which counts.
    await page.context.add_cookies([{"name": name, "value": value, "url": f"{place.scheme}://{place.netloc}/"}])


def smaller(png: bytes) -> bytes:
    """The same picture in as many colours as keep it under 200 kB."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (256, 128, 64):
        out = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.FLOYDSTEINBERG).save(out, "PNG", optimize=True)
        if out.tell() <= BYTES_MAX:
            break
    return out.getvalue()


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    asyncio.run(main())
