"""The console on a port, and one window of a signed-in person."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from playwright.async_api import Page

from domain.people.roles import Role
from reviewer_ui.sessions import COOKIE
from tests.browser.people import PATIENCE_MS, chromium
from tests.reviewer_ui.conftest import House


@asynccontextmanager
async def serving_console(house: House) -> AsyncIterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(house.app, log_level="error"))
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def window(house: House, browser: Path, width: int, height: int) -> AsyncIterator[tuple[Page, list[str]]]:
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    async with serving_console(house) as address, chromium(browser) as chrome:
        context = await chrome.new_context(
            viewport={"width": width, "height": height}, base_url=address, locale="en-GB"
        )
        await context.add_cookies([{"name": COOKIE, "value": token, "url": address}])
        page, complaints = await context.new_page(), list[str]()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, complaints
