"""Every failure as an answer that keeps its status: a problem in JSON, or a page in the person's language."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable, Mapping

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound, TemporarilyUnavailable
from languages import translate
from web.locale import locale_of
from web.requests import request_id

INTERNAL_ERROR = "internal_error"
METHOD_NOT_ALLOWED = "method_not_allowed"
_BAD_REQUEST = 400
HTTP_CODES = {404: NotFound.code, 405: METHOD_NOT_ALLOWED}
Unreachable = tuple[type[Exception], ...]
NETWORK: Unreachable = (ConnectionError, TimeoutError)
Page = Callable[[Request, int, str, Mapping[str, object]], Awaitable[Response]]
Answer = Callable[[Request, Exception], Awaitable[Response]]
FRAMES_LOGGED = 12
_log = structlog.get_logger("web")


def problem(code: str, locale: str, data: Mapping[str, object], request_id: str) -> dict[str, object]:
    """Build the body of every refusal: `code` (see docs/errors.md), `message` for a person, `data`, `request_id`."""
    message = translate(f"error.{code}", locale, data)
    return {"code": code, "message": message, "data": dict(data), "request_id": request_id}


def problem_response(request: Request, status: int, code: str, data: Mapping[str, object]) -> Response:
    """Answer with the problem as JSON; a `retry_after_s` in its data becomes the header too."""
    body = problem(code, locale_of(request), data, request_id(request))
    return JSONResponse(body, status, headers=_retry_header(data))


def refusal_response(request: Request, refusal: Refusal) -> Response:
    """Answer with a refusal as JSON."""
    return problem_response(request, refusal.http_status, refusal.code, refusal.data)


def wants_page(request: Request) -> bool:
    """Browsers ask for text/html by name; programs do not."""
    return "text/html" in request.headers.get("accept", "") or "hx-request" in request.headers


def install(app: FastAPI, page: Page | None = None, *, unreachable: Unreachable = ()) -> Answer:
    """Answers every failure in `app`, and returns what answers one, for middleware outside. `page(request, status, code, data)` renders one where a person is reading.

    `unreachable`: further errors that mean a part of ours is away, e.g. the database's own; they answer 503.
    Middleware that must see these answers too (headers, limits) is added after this.
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
    app.add_middleware(Faults, answer=answer)
    return answer


class BodyTooLarge(Exception):
    """More bytes arrived than the request may have; `web.limits.BodyLimit` answers it."""


class BrokenOff(Exception):
    """An answer had begun when something failed; what failed is in the log, in our own words."""


class Faults:
    """ASGI middleware: no error goes further out than here, because a server writes its text to the log, with whatever
    value it quotes. Also refuses what no address of ours holds and no database takes: the NUL character.
    """

    def __init__(self, app: ASGIApp, *, answer: Answer) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer what no inner layer answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = _nul(scope)
        if refusal is None:
            await self._guarded(scope, receive, send)
            return
        request = Request(scope)
        await (await self._answer(request, refusal))(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        request = Request(scope)
        try:
            await self._app(scope, receive, watched_send)
        except BodyTooLarge:
            raise
        except ClientDisconnect:
            return  # The client has gone.
        except Exception as error:  # noqa: BLE001  # Logged by kind and place, and answered; its text goes nowhere.
            if started:
                _note(request, "answer_broken_off", error)
                raise BrokenOff from None
            response = await self._answer(request, error)
            await response(scope, receive, send)


def described(error: Exception, away: Unreachable = NETWORK) -> tuple[int, str, Mapping[str, object]]:
    """HTTP status, documented code and data of any failure; an unexpected one is 500 `internal_error`."""
    if isinstance(error, Refusal):
        return error.http_status, error.code, error.data
    if isinstance(error, RequestValidationError):
        return FieldInvalid.http_status, FieldInvalid.code, _first_fault(error)
    if isinstance(error, HTTPException):
        return _described_http(error.status_code)
    if isinstance(error, away):
        return TemporarilyUnavailable.http_status, TemporarilyUnavailable.code, {}
    return 500, INTERNAL_ERROR, {}


def _described_http(status: int) -> tuple[int, str, Mapping[str, object]]:
    """Map what the framework itself refuses; a body that cannot be parsed counts as an invalid field."""
    if status in HTTP_CODES:
        return status, HTTP_CODES[status], {}
    status = FieldInvalid.http_status if status == _BAD_REQUEST else status
    return status, FieldInvalid.code, {"field": "body", "why": "malformed"}


def _nul(scope: Scope) -> Refusal | None:
    if "\0" in scope["path"]:
        return NotFound()
    return FieldInvalid(field="query", why="characters") if b"%00" in scope.get("query_string", b"") else None


def _note(request: Request, code: str, error: Exception) -> None:
    """Kind and place only: the text of a database error quotes the values it was given."""
    cause = type(error.__cause__).__name__ if error.__cause__ else None
    _log.error(code, request_id=request_id(request), kind=type(error).__name__, cause=cause, place=_place(error))


def _first_fault(error: RequestValidationError) -> dict[str, object]:
    """Which field, and the kind of fault; never the value, which may be a card number."""
    fault = error.errors()[0]
    place = () if fault["type"] == "json_invalid" else fault["loc"]  # That one says at which byte.
    field = ".".join(str(part) for part in place if part not in ("body", "query", "path", "header"))
    return {"field": field or "body", "why": str(fault["type"])}


def _retry_header(data: Mapping[str, object]) -> dict[str, str]:
    return {"retry-after": str(data["retry_after_s"])} if "retry_after_s" in data else {}


def _place(error: Exception) -> str:
    """The way to where it was raised, innermost first: files, lines and names, never a value."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_LOGGED:]
    return " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames)) or "unknown"
