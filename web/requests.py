"""Each request has an id that its answer, its log line and its error page carry. Neither query, body nor cookie is logged."""

from __future__ import annotations

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.identifiers import is_id, new_id
from web import metrics

HEADER = "x-request-id"
NO_ROUTE = "(none)"
_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger("web")


class RequestIds:
    """ASGI middleware: takes a caller's well-formed X-Request-Id or makes one, and writes one access line at the end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Does nothing when an outer application has given the request its id already."""
        state = scope.setdefault("state", {})
        if scope["type"] != "http" or "request_id" in state:
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        state["request_id"] = given if _GIVEN.fullmatch(given) else new_id()
        await self._logged(scope, receive, send)

    async def _logged(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = scope["state"]["request_id"]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            _write_line(scope, status, started)


def request_id(request: Request) -> str:
    """The id of this request, or an empty text outside of the middleware."""
    return str(getattr(request.state, "request_id", ""))


def _write_line(scope: Scope, status: int, started: float) -> None:
    """The route's template is logged, not its path: a path may hold what a person typed."""
    route, seconds = getattr(scope.get("route"), "path", NO_ROUTE), time.perf_counter() - started
    metrics.observe(scope["method"], route, status, seconds)
    card_id = scope.get("path_params", {}).get("card_id", "")
    _log.info(
        "request",
        request_id=scope["state"]["request_id"],
        method=scope["method"],
        route=route,
        status=status,
        duration_ms=round(seconds * 1000),
        **({"card_id": card_id} if is_id(card_id) else {}),
    )
