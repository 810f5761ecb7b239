"""A simulator on a port of its own inside the test's loop, and a client that signs as the platform does."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from simulators.program import Program
from simulators.serve import servers_of
from simulators.signatures import HEADER, signature
from tests.disk import contents_of

SECRET = "shared-with-partners"
TURNS = 4
GRACE_S = 1.0  # After it, requests that hang on purpose are cut, as a restart would.
LUHN_STEMS = {"walmart": "6225880000000", "tmall": "6200123400000", "starbucks": "8100000000000"}
BARE_STEMS = {
    "carrefour": "8" + "0" * 16,
    "wanda": "2" + "1" * 9,
    "hualian": "3" + "1" * 7,
    "amazon-us": "AQ2XWERTYU12",
}
JD_STEM = "JDAB12CD34EF0"


class _Prompt(uvicorn.Server):
    """Ends when it is asked to: uvicorn's own looks every tenth of a second, and waits for another before it ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.leaving = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        seconds = 0
        while not self.leaving.is_set():
            await self.on_tick(10 * seconds)  # Writes the moment that answers carry.
            with suppress(TimeoutError):
                await asyncio.wait_for(self.leaving.wait(), 1)
            seconds += 1

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  # uvicorn passes it.
        # A connection that was just accepted is lost with its socket when its server closes before it is attached.
        loop = asyncio.get_running_loop()
        for listening in [one for server in self.servers for one in server.sockets]:
            loop.remove_reader(listening.fileno())
        for _ in range(TURNS):
            await asyncio.sleep(0)
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        ends = time.monotonic() + GRACE_S
        while self.server_state.connections and time.monotonic() < ends:  # noqa: ASYNC110  # They tell nobody.
            await asyncio.sleep(0.005)
        for task in list(self.server_state.tasks):
            task.cancel()
        await asyncio.gather(*self.server_state.tasks, return_exceptions=True)
        for _ in range(
            TURNS
        ):  # A transport closes its socket a turn of the loop later, and one may just have been accepted.
            for connection in list(self.server_state.connections):
                connection.transport.abort()
            await asyncio.sleep(0)
        await self.lifespan.shutdown()


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[str]:
    """Serves the app on a free port of loopback; gives its address."""
    (plain,) = servers_of([(app, 0)])
    server = _Prompt(plain.config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers a flag, and no event to wait on.
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.leaving.set()
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
    return b"".join(content for _, content in contents_of(folder))


def number(brand: str, magic: str) -> str:
    """A valid number of the brand whose two characters before the check digit (or at the end) are `magic`."""
    if brand in LUHN_STEMS:
        stem = LUHN_STEMS[brand] + magic
        return stem + str(luhn.calc_check_digit(stem))
    if brand == "jd":
        return JD_STEM + magic + str(mod_37_36.calc_check_digit(JD_STEM + magic))
    return BARE_STEMS[brand] + magic
