"""Gateways wired to simulators that run beside the test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI, Request, Response

from gateways.http import SignedChannel, new_client
from simulators.program import Program
from tests.simulators.running import SECRET, running

T = TypeVar("T")
PATIENCE_S = 30.0  # What takes a moment on a free machine takes many on a busy one.
ANSWER_TIMEOUT_S = 10.0  # A busy machine is not a slow partner.
LATE_TIMEOUT_S = 1.5  # While the simulator answers late on purpose.


@dataclass
class Partner:
    """A running simulator: its address, a plain client for its controls, a signed channel as gateways use it."""

    address: str
    plain: httpx.AsyncClient
    channel: SignedChannel
    clients: list[httpx.AsyncClient]
    program: Any = None  # The program itself, for what it has no address for.

    async def control(self, **wanted: Any) -> None:
        """Set the simulator's controls. Clients wait briefly only for a simulator that is late on purpose."""
        (await self.plain.post("/controls", json=wanted)).raise_for_status()
        late = any(wanted.get(control) for control in ("latency_ms", "timeout_after_success_rate"))
        for client in self.clients:
            client.timeout = httpx.Timeout(LATE_TIMEOUT_S if late else ANSWER_TIMEOUT_S)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """One more client as gateways use it, whose patience follows the controls."""
        async with new_client(self.address, answer_timeout_s=ANSWER_TIMEOUT_S) as client:
            client.timeout = httpx.Timeout(ANSWER_TIMEOUT_S)
            self.clients.append(client)
            yield client


@asynccontextmanager
async def partner(program: Program) -> AsyncIterator[Partner]:
    async with (
        running(program.app) as address,
        new_client(address) as plain,
        new_client(address, answer_timeout_s=ANSWER_TIMEOUT_S) as client,
    ):
        client.timeout = plain.timeout = httpx.Timeout(ANSWER_TIMEOUT_S)  # Also to connect: the server shares our loop.
        yield Partner(address, plain, SignedChannel(program.name, client, lambda: SECRET), [client], program)


@dataclass
class Mailbox:
    """Where a partner's callbacks arrive: their bodies and headers in order."""

    url: str = ""
    received: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)  # Of each answer that is given from `answers`.

    async def take(self, request: Request) -> Response:
        self.received.append((await request.body(), dict(request.headers)))
        if self.answers:
            return Response("success", self.answers.pop(0), headers=self.headers)
        return Response("success")

    async def holds(self, count: int) -> list[tuple[bytes, dict[str, str]]]:
        """Waits until so many have come, and a little for one too many."""
        await until(lambda: len(self.received) >= count)
        await asyncio.sleep(0.2)
        assert len(self.received) == count
        return self.received


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    app = FastAPI()
    app.post("/callback", response_model=None)(box.take)
    async with running(app) as address:
        box.url = f"{address}/callback"
        yield box


async def until(true: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Waits until it holds; fails when it does not in time."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "did not happen in time"
        await asyncio.sleep(0.02)


async def eventually(ask: Callable[[], Awaitable[T]], fits: Callable[[T], bool]) -> T:
    """Asks until the answer fits; fails when it does not in time."""
    ends = time.monotonic() + PATIENCE_S
    while not fits(found := await ask()):
        assert time.monotonic() < ends, f"never became so: {found!r}"
        await asyncio.sleep(0.05)
    return found
