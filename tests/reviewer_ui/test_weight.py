"""What a first visit to a page loads, as bytes on the wire: at most 60 KB compressed, icons and Tabler's own CSS aside."""

from __future__ import annotations

import gzip
import re

import httpx
import pytest

from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post

BYTES_MAX = 60 * 1024
ASIDE = ("vendor/tabler.min.css", "vendor/icons.svg")
LOADED = re.compile(r'<(?:script|link|img)[^>]*?(?:src|href)="(/static/[^"]+)"')
IMPORTED = re.compile(r'^(?:import|export)\b[^"\']*["\'](\./[^"\']+)["\']', re.M)


async def _files(browser: httpx.AsyncClient, page: str) -> dict[str, int]:
    """Each static file that the page names, and those that its modules import, with their bytes as sent."""
    wanted, sizes = LOADED.findall(page), dict[str, int]()
    while wanted:
        address = wanted.pop()
        name = address.partition("?")[0]
        if name in sizes or name.endswith(ASIDE):
            continue
        sent = await browser.get(address, headers={"accept-encoding": "gzip"})
        assert sent.status_code == 200, address
        assert sent.headers["content-encoding"] == "gzip", address
        sizes[name] = int(sent.headers["content-length"])
        if name.endswith(".js"):
            wanted += [f"{name.rpartition('/')[0]}/{one[2:]}" for one in IMPORTED.findall(sent.text)]
    return sizes


@pytest.mark.parametrize("path", ["/review", "/cards/{card}"])
async def test_first_visit_loads_few_bytes(house: House, path: str) -> None:
    waiting, browser = await house.cards.waiting(reasons=("wrong_pin", "high_value")), await house.as_(Role.SENIOR)
    for _ in range(20):
        await house.cards.waiting()
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    page = await browser.get(path.format(card=waiting.card_id))
    assert page.status_code == 200
    sizes = await _files(browser, page.text)
    assert {"/static/console.css", "/static/console.js", "/static/vendor/htmx.min.js"} <= set(sizes)
    sizes["the page itself"] = len(gzip.compress(page.content))
    assert sum(sizes.values()) <= BYTES_MAX, sizes
