"""Each request has an id that its answer, its log line and its error page carry. Neither query, body nor cookie is logged."""

from __future__ import annotations

import re
import time

import structlog
from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from domain.identifiers import is_id, new_id
from web import metrics

HEADER = "x-request-id"
NO_ROUTE = "(none)"
TRACER = trace.get_tracer("cardloop.web")
# The framework's own spans and logs would hold paths and the texts of errors: they may quote what a person typed.
NO_OWN_TELEMETRY: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "operation_spans": False, "auto_configure": False,
}  # fmt: skip
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

        # A caller's own trace is not taken over: outsiders would decide what we record.
        with (
            bound_contextvars(request_id=scope["state"]["request_id"]),
            TRACER.start_as_current_span(
                "request",
                context=Context(),
                kind=SpanKind.SERVER,
                record_exception=False,
                set_status_on_exception=False,
            ) as span,
        ):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                _write_line(scope, status, started, span)


def request_id(request: Request) -> str:
    """Return the id of this request, or an empty text outside of the middleware."""
    return str(getattr(request.state, "request_id", ""))


def _write_line(scope: Scope, status: int, started: float, span: Span) -> None:
    """The route's template is logged, not its path: a path may hold what a person typed."""
    route, seconds = getattr(scope.get("route"), "path", NO_ROUTE), time.perf_counter() - started
    method = metrics.observe(scope["method"], route, status, seconds)
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))
    card_id = scope.get("path_params", {}).get("card_id", "")
    _log.info(
        "request",
        request_id=scope["state"]["request_id"],
        method=method,
        route=route,
        status=status,
        duration_ms=round(seconds * 1000),
        **({"card_id": card_id} if is_id(card_id) else {}),
    )
