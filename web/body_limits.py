"""A site's limit of bytes per request, wider for the few addresses that take files."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from web.errors import Answer
from web.limits import BodyLimit


class BodyLimits:
    """ASGI middleware: `bytes_max` for every request, and for a path that a pattern of `wider` matches whole, its bytes.

    `answer` is as `BodyLimit` takes it.
    """

    def __init__(self, app: ASGIApp, *, bytes_max: int, wider: Mapping[str, int], answer: Answer | None = None) -> None:
        self._usual = BodyLimit(app, bytes_max=bytes_max, answer=answer)
        self._wider = [
            (re.compile(path), BodyLimit(app, bytes_max=most, answer=answer)) for path, most in wider.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on through the limit of its path."""
        path = scope.get("path", "")
        chosen = next((limit for pattern, limit in self._wider if pattern.fullmatch(path)), self._usual)
        await chosen(scope, receive, send)
