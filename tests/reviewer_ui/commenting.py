"""Comments as the console takes them."""

from __future__ import annotations

import re

import httpx

from tests.reviewer_ui.waiting_cards import Waiting


async def comment(
    browser: httpx.AsyncClient, waiting: Waiting, words: str, *files: tuple[str, bytes, str]
) -> httpx.Response:
    """Sends the form as a browser does; one without a chosen file sends an empty one."""
    page = await browser.get("/sign-in")
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found is not None
    sent = [("files", one) for one in files or (("", b"", "application/octet-stream"),)]
    return await browser.post(f"/cards/{waiting.card_id}/comments", data={"csrf": found[1], "words": words}, files=sent)
