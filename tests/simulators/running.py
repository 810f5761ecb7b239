"""A simulator on a port of its own inside the test's loop, and a client that signs as the platform does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from simulators.program import Program
from simulators.serve import servers_of
from simulators.signatures import HEADER, signature

SECRET = "shared-with-partners"
LUHN_STEMS = {"walmart": "6225880000000", "tmall": "6200123400000", "starbucks": "8100000000000"}
BARE_STEMS = {
    "carrefour": "8" + "0" * 16,
    "wanda": "2" + "1" * 9,
    "hualian": "3" + "1" * 7,
    "amazon-us": "AQ2XWERTYU12",
}
JD_STEM = "JDAB12CD34EF0"


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[str]:
    """Serves the app on a free port of loopback; gives its address."""
    (server,) = servers_of([(app, 0)])
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag, and no event to wait on.
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.config.timeout_graceful_shutdown = 1  # Requests that hang on purpose are cut, as a restart would.
        server.should_exit = True
        await task


def in_process(program: Program) -> httpx.AsyncClient:
    """A client that calls the program's app directly."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(program.app), base_url="http://simulator")


async def post_signed(
    client: httpx.AsyncClient, path: str, content: dict[str, Any], secret: str = SECRET
) -> httpx.Response:
    """A signed call of the platform."""
    body = json.dumps(content).encode()
    return await client.post(
        path, content=body, headers={HEADER: signature(secret, body), "Content-Type": "application/json"}
    )


def written_in(folder: Path) -> bytes:
    """Every byte of the folder's files."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


def number(brand: str, magic: str) -> str:
    """A valid number of the brand whose two characters before the check digit (or at the end) are `magic`."""
    if brand in LUHN_STEMS:
        stem = LUHN_STEMS[brand] + magic
        return stem + str(luhn.calc_check_digit(stem))
    if brand == "jd":
        return JD_STEM + magic + str(mod_37_36.calc_check_digit(JD_STEM + magic))
    return BARE_STEMS[brand] + magic
