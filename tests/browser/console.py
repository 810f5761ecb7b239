"""The console of a test house behind a real port, and people who look at it in a real browser."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from playwright.async_api import Browser, BrowserContext, Page

from reviewer_ui.sessions import COOKIE
from reviewer_ui.visit import THEME_COOKIE
from tests.browser.people import DESK, PATIENCE_MS, chromium
from tests.reviewer_ui.conftest import House
from web.locale import COOKIE as LANGUAGE_COOKIE


@dataclass
class Visitor:
    """One person's browser window; `complaints` are errors of scripts and refusals of the content policy."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)


@dataclass
class Desks:
    """A browser, and the address of the console."""

    browser: Browser
    address: str

    @asynccontextmanager
    async def visit(
        self, token: str, *, locale: str = "en", theme: str = "light", size: dict[str, int] | None = None, scripts: bool = True
    ) -> AsyncIterator[Visitor]:  # fmt: skip
        """Open a window with the session's token, in this language, theme and size."""
        chosen = size or DESK
        context = await self.browser.new_context(
            base_url=self.address, java_script_enabled=scripts, viewport={"width": chosen["width"], "height": chosen["height"]},
            locale=locale.replace("_", "-"), reduced_motion="reduce",
        )  # fmt: skip
        await context.add_cookies([{"name": COOKIE, "value": token, "url": self.address}])
        visitor = Visitor(context, await context.new_page())
        await self.set_to(visitor, locale=locale, theme=theme)
        visitor.page.set_default_timeout(PATIENCE_MS)
        visitor.page.on("console", lambda said: visitor.complaints.append(said.text) if said.type == "error" else None)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        try:
            yield visitor
        finally:
            await context.close()

    async def set_to(self, visitor: Visitor, *, locale: str, theme: str = "light") -> None:
        """Have the pages that the window opens from now on in this language and theme."""
        kept = {LANGUAGE_COOKIE: locale, THEME_COOKIE: theme}
        await visitor.context.add_cookies(
            [{"name": name, "value": value, "url": self.address} for name, value in kept.items()]
        )


@asynccontextmanager
async def desks(house: House, program: Path) -> AsyncIterator[Desks]:
    """The house's console served on a free port of this machine, and a browser to visit it with."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(house.app, log_level="error", timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve([listening]))
        try:
            async with chromium(program) as browser:
                yield Desks(browser, f"http://127.0.0.1:{listening.getsockname()[1]}")
        finally:
            server.should_exit = True
            await serving
