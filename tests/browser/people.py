"""Two people at their browsers: a seller with a phone and a reviewer at a desk; every complaint of either page is kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from playwright.async_api import Browser, BrowserContext, Page, Playwright, async_playwright, expect

from domain.people.roles import Role
from tests.slowness import patience
from tests.whole import WholePlatform, until

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1366, "height": 768}
CODE = re.compile(r"(?<![0-9])[0-9]{6}(?![0-9])")
PATIENCE_MS = 1000 * patience(10)
expect.set_options(timeout=PATIENCE_MS)


class Visit:
    """One page of one person with what it complained of: script errors, refused styles and scripts, console errors."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.titles_and_urls: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on(
            "console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.titles_and_urls.append(request.url))

    async def note(self) -> None:
        """Remembers where the browser is, as its history does."""
        self.titles_and_urls += [await self.page.title(), self.page.url]


class Chromium:
    """The one browser of this test process: starting it costs more than most tests; a window shares nothing with the next."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    async def running(self, program: Path) -> Browser:
        """The browser; another one when a test killed the last."""
        if self._playwright is None:
            self._playwright = await async_playwright().start()
        if self._browser is None or not self._browser.is_connected():
            self._browser = await self._playwright.chromium.launch(executable_path=str(program), args=FLAGS)
        return self._browser

    async def close(self) -> None:
        """Ends the browser and its driver, where a test had one."""
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()
        self._browser = self._playwright = None


SHARED = Chromium()


@asynccontextmanager
async def chromium(program: Path) -> AsyncIterator[Browser]:
    """The system's browser, without a window; every context opened in the block is closed at its end."""
    browser = await SHARED.running(program)
    try:
        yield browser
    finally:
        for context in browser.contexts:
            await context.close()


async def context(browser: Browser, address: str, size: dict[str, int], *, scripts: bool = True) -> BrowserContext:
    """A person's own browser window, reading English."""
    phone = size is PHONE
    return await browser.new_context(
        base_url=address,
        viewport={"width": size["width"], "height": size["height"]},
        locale="en-GB",
        reduced_motion="reduce",
        has_touch=phone,
        is_mobile=phone,
        java_script_enabled=scripts,
    )


async def look(page: Page) -> None:
    """Interact with the card's page, so that a key decides it at once, without the wait."""
    await page.wait_for_load_state("load")
    await page.keyboard.press("Home")


async def sign_in_as_seller(whole: WholePlatform, page: Page) -> None:
    """By telephone number and the code that comes to it."""
    phone = f"139{secrets.randbelow(10**8):08d}"
    await page.goto("/sign-in")
    await page.fill("[name=phone]", phone)
    await page.click("form.sheet button")
    await page.wait_for_url("**/sign-in/code")
    await page.fill("[name=code]", await code_sent_to(whole, phone))
    await page.click("form.sheet button")
    await page.wait_for_url(f"{whole.settings.api_url}/")


async def code_sent_to(whole: WholePlatform, phone: str) -> str:
    """The newest code at the message simulator."""
    found: list[str] = []

    async def came() -> bool:
        async with httpx.AsyncClient() as http:
            kept = (await http.get(f"{whole.settings.messages_url}v1/messages")).json()
        found.extend(code for one in kept if one["to"].endswith(phone) for code in CODE.findall(one["text"])[:1])
        return bool(found)

    await until(came, 15, lambda: "no text message")
    return found[0]


async def sign_in_as_reviewer(whole: WholePlatform, page: Page) -> None:
    """By e-mail address and password; then to the queue."""
    login, password = whole.password(Role.REVIEWER)
    await page.goto("/sign-in")
    await page.fill("[name=email]", login)
    await page.fill("[name=password]", password)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".home")
    await page.goto("/review")
