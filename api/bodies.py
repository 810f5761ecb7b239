"""Parse a large JSON body in a thread, so that no other request waits for it on the event loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from email.message import Message
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.general import FieldInvalid

AT_ONCE = 2  # A body of 40 MB takes three times as much while it is taken apart.
# The parser keeps the interpreter to itself while it runs: what it would be long about is counted before. Fifty cards
# have some hundred parts; base64 has none of these signs, and its slashes alone may be escaped, one in 64 characters.
PARTS_MAX = 20_000
PLAIN_PER_ESCAPE_MIN = 16
ESCAPES_ALWAYS = 10_000
_THREADS = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="body")


class TakenApart(Request):
    """A request whose JSON body was read, and judged by its model, already."""

    judged: Any = None

    async def json(self) -> Any:
        """Return the body as its model; for the framework, which would otherwise parse and judge it on the loop."""
        return await super().json() if self.judged is None else self.judged


class LargeBody(APIRoute):
    """A route whose body may be large: only its bytes are collected on the loop."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the framework's handler, which is given a body that was taken apart."""
        answer = super().get_route_handler()
        taken: Any = self.body_field.field_info.annotation if self.body_field else None
        model = TypeAdapter[Any](taken) if taken is not None else None

        async def handle(request: Request) -> Response:
            given = TakenApart(request.scope, request.receive)
            if (known := await self.known(given)) is not None:
                return known
            if model is not None and _is_json(given) and (body := await given.body()):
                given.judged = await asyncio.get_running_loop().run_in_executor(_THREADS, judged, body, model)
            return await answer(given)

        return handle

    async def known(self, request: Request) -> Response | None:  # noqa: ARG002  # For a route that has an answer before.
        """Answer this request before its body is judged; None: it is judged."""
        return None


def judged(body: bytes, model: TypeAdapter[Any]) -> Any:
    """Read the body as the model. Raises FieldInvalid and RequestValidationError as the framework's own reading does."""
    if sum(body.count(sign) for sign in (b",", b":", b"[", b"{")) > PARTS_MAX or (
        body.count(b"\\") > max(ESCAPES_ALWAYS, len(body) // PLAIN_PER_ESCAPE_MIN)
    ):
        raise FieldInvalid(field="body", why="too_many_parts")
    try:
        return model.validate_python(json.loads(body))
    except json.JSONDecodeError:
        raise FieldInvalid(field="body", why="json_invalid") from None
    except ValidationError as invalid:
        faults = invalid.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in faults]) from None
    except (ValueError, RecursionError):
        raise FieldInvalid(field="body", why="malformed") from None


def _is_json(request: Request) -> bool:
    named = Message()
    named["content-type"] = request.headers.get("content-type", "text/plain")
    subtype = named.get_content_subtype()
    return named.get_content_maintype() == "application" and (subtype == "json" or subtype.endswith("+json"))
