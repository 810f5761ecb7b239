"""Takes the guides' pictures from the pages themselves: `python -m docs.screenshots [console] [operations] [money] [seller]`, all when none is named.

For the seller's, a platform of its own is started: a seller photographs the worked example's card and is paid. The console's
finance's and the runbook's come from made-up desks (`docs/console_pictures.py`, `docs/money_pictures.py`, `docs/payment_pictures.py`,
`docs/operations_pictures.py`).
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, Page

from bootstrap.demo.samples import FOLDER, samples
from bootstrap.settings import Settings
from bootstrap.setup.plan import browser_record
from docs import console_pictures, money_pictures, operations_pictures, payment_pictures
from docs.picture_files import LANGUAGES, PICTURES, save
from tests.browser.people import PHONE, SHARED, chromium, context, sign_in_as_seller
from tests.whole import WholePlatform
from web.locale import COOKIE as LOCALE_COOKIE


async def main() -> None:
    """Write every picture, or the named ones."""
    settings, asked = Settings(), sys.argv[1:] or ["console", "operations", "money", "seller"]
    program = Path(browser_record(settings).read_text().strip())
    if "console" in asked:
        await console_pictures.main(program)
    if "operations" in asked:
        await operations_pictures.main(program)
    if "money" in asked:
        await money_pictures.main(program)
        await payment_pictures.main(program)
    if "seller" in asked:
        await _of_seller(settings, program)


async def _of_seller(settings: Settings, program: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="cardloop-pictures-", ignore_cleanup_errors=True) as home:
        whole = WholePlatform(Path(home), settings.cache_dir)
        try:
            await whole.start()
            await _take(whole, program)
        finally:
            await whole.stop()


async def _all() -> None:
    try:
        await main()
    finally:
        await SHARED.close()


async def _take(whole: WholePlatform, program: Path) -> None:
    async with chromium(program) as browser:
        await _seller(whole, await context(browser, whole.settings.api_url, PHONE))


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


async def _pictures(page: Page, name: str) -> None:
    for language in LANGUAGES:
        await _picture(page, name, language)


async def _picture(page: Page, name: str, language: str) -> None:
    await _cookie(page, LOCALE_COOKIE, LANGUAGES[language])
    await page.reload(wait_until="load")
    await page.evaluate("document.activeElement.blur()")
    await page.wait_for_timeout(300)  # Fonts and the photo are drawn.
    save(f"{name}.{language}.png", await page.screenshot())


async def _cookie(page: Page, name: str, value: str) -> None:
    place = urlsplit(page.url)
    # For the whole site: one for the page's own folder would stand beside the site's, which counts.
    await page.context.add_cookies([{"name": name, "value": value, "url": f"{place.scheme}://{place.netloc}/"}])


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    asyncio.run(_all())
