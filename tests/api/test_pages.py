"""The reference and landing pages: under our own policy, in both languages, with every simulator of a demo."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import uvicorn

from api.app import build
from bootstrap.settings import Settings
from bootstrap.web.demo import demo_links
from simulators.__main__ import PROGRAMS
from tests.api.conftest import Api
from tests.browser.people import chromium
from web.demo_links import NO_LINKS
from web.security import CONTENT_SECURITY_POLICY


@pytest.mark.parametrize(("language", "word"), [("en", "API reference"), ("zh-CN", "接口文档")])
async def test_the_reference_loads_nothing_from_elsewhere(api: Api, language: str, word: str) -> None:
    page = await api.client.get("/docs", headers={"accept-language": language})
    assert page.status_code == 200
    assert word in page.text
    assert page.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert [one for one in loaded if not one.startswith("/")] == []
    for one in (one for one in loaded if one.startswith("/docs/static/")):
        assert (await api.client.get(one)).status_code == 200, one


async def test_the_reference_shows_every_operation_under_our_policy(api: Api, browser_program: Path) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(build(api.services), log_level="error", timeout_graceful_shutdown=1))
        serving = asyncio.create_task(server.serve([listening]))
        complaints: list[str] = []
        try:
            async with chromium(browser_program) as browser:
                page = await browser.new_page(viewport={"width": 390, "height": 844})
                page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
                page.on("pageerror", lambda error: complaints.append(str(error)))
                await page.goto(f"http://127.0.0.1:{listening.getsockname()[1]}/docs")
                await page.wait_for_selector(".opblock")
                shown = await page.locator(".opblock").count()
        finally:
            server.should_exit = True
            await serving
    described = (await api.client.get("/openapi.json")).json()["paths"]
    assert shown == sum(len(operations) for operations in described.values())
    assert complaints == []


async def test_a_demo_links_to_the_console_and_every_simulator(api: Api) -> None:
    demo = demo_links(Settings(demo=True, simulators=True))
    assert len(demo.simulators) == len(PROGRAMS)
    page = await _welcome(replace(api.services, demo_links=demo))
    assert demo.console in page
    assert [address for address in demo.simulators.values() if f'href="{address}"' not in page] == []


async def test_a_real_installation_names_no_other_part_of_itself(api: Api) -> None:
    assert demo_links(Settings(demo=False)) == NO_LINKS
    page = await _welcome(api.services)
    assert 'href="/docs"' in page
    assert "http" not in page


async def _welcome(services: object) -> str:
    transport = httpx.ASGITransport(app=build(services))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
        return (await client.get("/welcome", headers={"accept-language": "en"})).text
