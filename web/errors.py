"""Every failure as an answer that keeps its status: a problem in JSON, or a page in the person's language."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.refusals import FieldInvalid, NotFound, Refusal, TemporarilyUnavailable
from languages import translate
from web.locale import locale_of
from web.requests import request_id

INTERNAL_ERROR = "internal_error"
METHOD_NOT_ALLOWED = "method_not_allowed"
HTTP_CODES = {404: NotFound.code, 405: METHOD_NOT_ALLOWED}
Unreachable = tuple[type[Exception], ...]
NETWORK: Unreachable = (ConnectionError, TimeoutError)
Page = Callable[[Request, int, str, Mapping[str, object]], Awaitable[Response]]
_log = structlog.get_logger("web")


def problem(code: str, locale: str, data: Mapping[str, object], request_id: str) -> dict[str, object]:
    """The body of every refusal: `code` (see docs/errors.md), `message` for a person, `data`, `request_id`."""
    message = translate(f"error.{code}", locale, **data)
    return {"code": code, "message": message, "data": dict(data), "request_id": request_id}


def problem_response(request: Request, status: int, code: str, data: Mapping[str, object]) -> Response:
    """The problem as JSON; a `retry_after_s` in its data becomes the header too."""
    body = problem(code, locale_of(request), data, request_id(request))
    return JSONResponse(body, status, headers=_retry_header(data))


def refusal_response(request: Request, refusal: Refusal) -> Response:
    """A refusal as JSON."""
    return problem_response(request, refusal.http_status, refusal.code, refusal.data)


def wants_page(request: Request) -> bool:
    """Browsers ask for text/html by name; programs do not."""
    return "text/html" in request.headers.get("accept", "") or "hx-request" in request.headers


def install(app: FastAPI, page: Page | None = None, *, unreachable: Unreachable = ()) -> None:
    """Answers every failure in `app`. `page(request, status, code, data)` renders one where a person is reading.

    `unreachable`: further errors that mean a part of ours is away, e.g. the database's own; they answer 503.
    """
    away = NETWORK + unreachable

    async def answer(request: Request, error: Exception) -> Response:
        status, code, data = described(error, away)
        if status >= 500:
            _note(request, code, error)
        if page is None or not wants_page(request):
            return problem_response(request, status, code, data)
        response = await page(request, status, code, data)
        response.headers.update(_retry_header(data))
        return response

    for kind in (Refusal, RequestValidationError, HTTPException, *away, Exception):
        app.add_exception_handler(kind, answer)


def described(error: Exception, away: Unreachable = NETWORK) -> tuple[int, str, Mapping[str, object]]:
    """HTTP status, documented code and data of any failure; what nobody foresaw is 500 `internal_error`."""
    if isinstance(error, Refusal):
        return error.http_status, error.code, error.data
    if isinstance(error, RequestValidationError):
        return FieldInvalid.http_status, FieldInvalid.code, _first_fault(error)
    if isinstance(error, HTTPException):
        return error.status_code, HTTP_CODES.get(error.status_code, FieldInvalid.code), {}
    if isinstance(error, away):
        return TemporarilyUnavailable.http_status, TemporarilyUnavailable.code, {}
    return 500, INTERNAL_ERROR, {}


def _note(request: Request, code: str, error: Exception) -> None:
    """Kind and place only: the text of a database error quotes the values it was given."""
    _log.error(code, request_id=request_id(request), kind=type(error).__name__, place=_place(error))


def _first_fault(error: RequestValidationError) -> dict[str, object]:
    """Which field, and the kind of fault; never the value, which may be a card number."""
    fault = error.errors()[0]
    field = ".".join(str(part) for part in fault["loc"] if part not in ("body", "query", "path", "header"))
    return {"field": field, "why": str(fault["type"])}


def _retry_header(data: Mapping[str, object]) -> dict[str, str]:
    return {"retry-after": str(data["retry_after_s"])} if "retry_after_s" in data else {}


def _place(error: Exception) -> str:
    """File and line where it was raised."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown"
