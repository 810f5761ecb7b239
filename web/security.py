"""Headers on every answer: what a browser may load, who may frame us, what may be kept. No inline script, no inline style."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",  # Tabler draws its form marks as data: pictures, previews of a photo are blobs.
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
))  # fmt: skip

HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(self), geolocation=(), microphone=(), payment=()",
    "cache-control": "no-store",  # Pages hold masked numbers and amounts; static files say otherwise themselves.
}
ONE_YEAR_S = 31_536_000


class SecurityHeaders:
    """ASGI middleware: sets each header that the answer has not set itself. `https` adds HSTS."""

    def __init__(self, app: ASGIApp, *, https: bool = False) -> None:
        self._app = app
        hsts = {"strict-transport-security": f"max-age={ONE_YEAR_S}; includeSubDomains"} if https else {}
        self._headers = HEADERS | hsts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and completes the head of its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)
