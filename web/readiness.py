"""`/readyz`: whether this program can serve. 200, or 503 with a JSON object of what is missing; never a secret or an address."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PATH = "/readyz"
# Public: what is behind it is queried once in so many seconds.
KEPT_S = 2.0
Missing = Mapping[str, str]  # By what is needed: a short word for what is wrong with it.
Ask = Callable[[], Awaitable[Missing]]


async def nothing_missing() -> Missing:
    """Return what a program misses that needs nothing."""
    return {}


class Readiness:
    """Answers for one program; `ask` says what is missing."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = asyncio.Lock()
        self._asked_s: float | None = None
        self._missing: Missing = {}

    @property
    def route(self) -> Route:
        """The route of `/readyz`."""
        return Route(PATH, self.answer, methods=["GET"], include_in_schema=False)

    async def answer(self, _request: Request) -> Response:
        """Return 200, or 503 with what is missing."""
        async with self._lock:
            if self._asked_s is None or self._clock() - self._asked_s >= KEPT_S:
                self._missing = await self._ask()
                self._asked_s = self._clock()
        if not self._missing:
            return JSONResponse({"status": "ready"}, headers={"cache-control": "no-store"})
        body = {"status": "not_ready", "missing": dict(self._missing)}
        return JSONResponse(body, status_code=503, headers={"cache-control": "no-store"})
