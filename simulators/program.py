"""Shared parts of the programs: health, controls, the record of requests, and a front door that fails on demand."""

from __future__ import annotations

import asyncio
import json
import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from pydantic import ValidationError
from starlette.middleware.base import RequestResponseEndpoint

from simulators import signatures
from simulators.controls import Controls, Words
from simulators.keys import Keys
from simulators.page import Panel, language_of, render
from simulators.store import Store

SECRET_FIELDS = frozenset({"pin", "code", "biz_content", "sign", "text"})
CUT_FIELDS = frozenset({"number", "to", "phone"})
REQUESTS_KEPT = 500
ERROR_RATE_RETRY_S = 1


@dataclass(frozen=True)
class Setup:
    """How a simulator is started.

    `state` is a SQLite file (None: memory only), `outside_keys` the folder of the keys that sign calls, by party and
    direction (None: `secret` signs all of them), `keys` Alipay's folder of key files, `wechat_keys` WeChat Pay's, `bank_formats` the folder of banks' formats, `messages_url` is where the issuer sends its one-time codes, `till_url` where it has cards registered that
    it draws and a till confirms.
    """

    seed: int = 1
    state: Path | None = None
    secret: str = field(default="simulators", repr=False)
    keys: Path | None = None
    wechat_keys: Path | None = None
    bank_formats: Path | None = None
    outside_keys: Path | None = None
    messages_url: str | None = None
    till_url: str | None = None


class Program(ABC):
    """A FastAPI app with the routes every simulator has; each program adds its own in `routes`."""

    name: ClassVar[str]
    port: ClassVar[int]
    title: ClassVar[Words]
    controls_type: ClassVar[type[Controls]] = Controls
    # The calls of the platform: recorded, slowed down, failed. What people and demo scripts do is never made to fail.
    partner_calls: ClassVar[tuple[tuple[str, str], ...]] = ()
    signed: ClassVar[bool] = True
    upload: ClassVar[tuple[Words, str] | None] = None  # A file that people bring: its words and where it goes.

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.signing_keys = Keys(setup.outside_keys, setup.secret)
        self.store = Store(setup.state, self.name)
        self.chances = random.Random(setup.seed)
        self.requests: deque[dict[str, Any]] = deque(maxlen=REQUESTS_KEPT)
        self.controls = self._remembered_controls()
        self.app = FastAPI(title=self.title.en, lifespan=self._lifespan, docs_url=None, redoc_url=None)
        self.app.middleware("http")(self._front_door)
        self._shared_routes()
        self.routes()

    @abstractmethod
    def routes(self) -> None:
        """Adds the program's own routes."""

    def panels(self) -> list[Panel]:
        """Return what the page shows besides the controls."""
        return []

    def background(self) -> list[Coroutine[Any, Any, None]]:
        """Return what runs as long as the program does; cancelled at its end."""
        return []

    def happens(self, rate: float) -> bool:
        """One seeded throw of the dice; none is thrown at rate 0, so an unused control disturbs no sequence."""
        return rate > 0 and self.chances.random() < rate

    def _shared_routes(self) -> None:
        self.app.get("/healthz")(self.healthz)
        self.app.get("/", response_class=HTMLResponse)(self.page)
        self.app.get("/controls")(self.read_controls)
        self.app.post("/controls", response_model=None)(self.change_controls)
        self.app.post("/reset", response_model=None)(self.reset)
        self.app.get("/requests")(self.read_requests)

    async def healthz(self) -> dict[str, str]:
        """Up."""
        return {"status": "ok", "program": self.name}

    async def page(self, request: Request, lang: str | None = None) -> str:
        """Serve the control page."""
        language = language_of(lang, request.headers.get("accept-language", ""))
        return render(
            self.title, self.controls.labelled(language), self.panels(), list(self.requests), language, self.upload
        )

    async def read_controls(self) -> dict[str, Any]:
        """Serve the switches as they are set."""
        return self.controls.model_dump(mode="json")

    async def change_controls(self, request: Request) -> Response:
        """Changes the switches named in a JSON object or a form; 422 with the reasons when one does not fit."""
        as_json = _is_json(request)
        wanted = await request.json() if as_json else self.controls.wanted_by(await request.form())
        try:
            self.controls = self.controls.changed(wanted)
        except ValidationError as error:
            return JSONResponse({"error": "controls", "why": json.loads(error.json(include_url=False))}, 422)
        self.store.put("controls", "controls", self.controls.model_dump(mode="json"))
        return JSONResponse(self.controls.model_dump(mode="json")) if as_json else RedirectResponse("/", 303)

    def start_over(self) -> None:
        """Clear the state, switch the controls off, and throw the dice as the seed makes them."""
        self.store.clear()
        self.requests.clear()
        self.chances = random.Random(self.setup.seed)
        self.controls = self.controls_type()

    async def reset(self, request: Request) -> Response:
        """Back to the start."""
        self.start_over()
        return (
            RedirectResponse("/", 303)
            if "text/html" in request.headers.get("accept", "")
            else Response(status_code=204)
        )

    async def read_requests(self) -> list[dict[str, Any]]:
        """Serve what the platform asked, newest first; secrets masked."""
        return list(self.requests)

    async def _front_door(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        if not self._is_partner_call(request):
            return await call_next(request)
        body = await request.body()
        entry = self._note(request, body)
        await asyncio.sleep(self.controls.latency_ms / 1000)
        response = self._turned_away(request, body) or await call_next(request)
        entry["status"] = response.status_code
        return await self._perhaps_unanswered(response)

    def _is_partner_call(self, request: Request) -> bool:
        return any(
            request.method == method and request.url.path.startswith(path) for method, path in self.partner_calls
        )

    def _turned_away(self, request: Request, body: bytes) -> Response | None:
        header = request.headers.get(signatures.HEADER)
        if self.signed and not signatures.is_signed(self.signing_keys.accepted(self.name), body, header):
            return JSONResponse({"error": "signature"}, 401)
        if self.happens(self.controls.error_rate):
            return JSONResponse({"error": "internal"}, 500, {"Retry-After": str(ERROR_RATE_RETRY_S)})
        return None

    async def _perhaps_unanswered(self, response: Response) -> Response:
        if response.status_code >= 300 or not self.happens(self.controls.timeout_after_success_rate):
            return response
        await asyncio.sleep(self.controls.hang_ms / 1000)
        return JSONResponse({"error": "timeout"}, 504)

    def _note(self, request: Request, body: bytes) -> dict[str, Any]:
        entry = {
            "at": now_text(),
            "method": request.method,
            "path": request.url.path,
            "body": masked(body),
            "status": 0,
        }
        self.requests.appendleft(entry)
        return entry

    def _remembered_controls(self) -> Controls:
        return self.controls_type().changed(self.store.get("controls", "controls") or {})

    @asynccontextmanager
    async def _lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(work) for work in self.background()]
        yield
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        self.store.close()
        for end in ends:
            if isinstance(end, Exception):
                raise end


def now_text() -> str:
    """This moment in ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def tail_of(number: str) -> str:
    """Return the last four characters, as a masked number shows them."""
    return f"**** {number[-4:]}"


def masked(body: bytes) -> dict[str, Any]:
    """Mask the JSON body: card and phone numbers cut to their tails and other secrets blotted out; empty for other bodies."""
    try:
        fields = json.loads(body or b"{}")
    except ValueError:
        return {}
    return {name: _blotted(name, value) for name, value in fields.items()} if isinstance(fields, dict) else {}


def _blotted(name: str, value: Any) -> Any:
    if name in CUT_FIELDS and isinstance(value, str):
        return tail_of(value)
    return "***" if name in SECRET_FIELDS and value is not None else value


def _is_json(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("application/json")
