"""A walk over every page of the console in one browser window, whose language, theme and person change from page to page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import BrowserContext, ConsoleMessage, Page

from reviewer_ui.visit import THEME_COOKIE
from tests.browser.console import desks
from tests.browser.every_page import Scene
from tests.browser.one_page import OnePage
from tests.browser.people import DESK, PATIENCE_MS
from tests.reviewer_ui.conftest import House
from web.locale import COOKIE as LANGUAGE_COOKIE

# Scripts of a document that was parsed by itself never run.
_SAID_AGAIN = """async () => {
  const answer = await fetch(location.href, {headers: {accept: 'text/html'}});
  const other = new DOMParser().parseFromString(await answer.text(), 'text/html');
  document.title = other.title;
  document.documentElement.lang = other.documentElement.lang;
  document.body.replaceWith(document.adoptNode(other.body));
  return document.documentElement.lang;
}"""


@dataclass
class Tour:
    """The window, and what the pages complained of. Cookies are set by hand before each page."""

    context: BrowserContext
    page: Page
    address: str
    scene: Scene
    complaints: list[str] = field(default_factory=list)

    def heard(self, said: ConsoleMessage) -> None:
        """Keep what the browser says is wrong, but for the icon that it looks for at an address for machines."""
        place = str(said.location.get("url", ""))
        if said.type == "error" and not place.endswith("/favicon.ico"):
            self.complaints.append(f"{said.text} {place} on {self.page.url}")

    async def to(self, one: OnePage, *, locale: str = "en", theme: str = "light") -> Page:
        """The page as its person sees it in this language and theme."""
        # So that the page before asks for nothing more under another's name. An address of the console keeps the
        # browser's process for it, which about:blank would end: starting another takes a third of a visit.
        await self.page.goto("/healthz")
        cookies = self.scene.cookies[one.who] | {LANGUAGE_COOKIE: locale, THEME_COOKIE: theme}
        await self.context.clear_cookies()
        await self.context.add_cookies(
            [{"name": name, "value": value, "url": f"{self.address}/sign-in"} for name, value in cookies.items()]
        )
        before = len(self.complaints)
        answer = await self.page.goto(one.at(self.scene.names))
        assert answer is not None
        assert answer.status == one.status, (one, answer.status)
        led_away = "/sign-in" in self.page.url and not one.route.startswith("/sign-in")
        assert not led_away, f"{one.who} is not signed in and sees the door in place of {one.route}"
        assert await self.page.get_attribute("html", "data-bs-theme") == theme, one
        if answer.status >= 400:  # The browser itself says so; that is no complaint of the page.
            del self.complaints[before:]
        return self.page

    async def translate(self, locale: str) -> None:
        """Have the server say the page again in another language, and put that into the window: no style or script is loaded again.

        What the page's scripts say of this is no complaint of the page: nobody's page is taken from under its scripts.
        """
        await self.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": locale, "url": f"{self.address}/sign-in"}])
        assert await self.page.evaluate(_SAID_AGAIN) == locale.replace("_", "-"), self.page.url


@asynccontextmanager
async def tour(house: House, program: Path, seen: Scene) -> AsyncIterator[Tour]:
    """A window on a house where something is going on."""
    async with desks(house, program) as office:
        context = await office.browser.new_context(
            base_url=office.address, viewport={"width": DESK["width"], "height": DESK["height"]}, reduced_motion="reduce"
        )  # fmt: skip
        walk = Tour(context, await context.new_page(), office.address, seen)
        walk.page.set_default_timeout(PATIENCE_MS)
        walk.page.on("console", walk.heard)
        walk.page.on("pageerror", lambda error: walk.complaints.append(f"{error} on {walk.page.url}"))
        try:
            yield walk
        finally:
            await context.close()
