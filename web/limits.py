"""How much one caller may send in a request, and where they call from."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors.files import PhotoTooLarge
from web.errors import Answer, BodyTooLarge, refusal_response

BODY_BYTES_MAX = 40 * 1024 * 1024  # Three photos of a modern phone in base64; each photo has its own, lower limit.


class BodyLimit:
    """ASGI middleware: refuses a body over `bytes_max` by its declared length, or as soon as more has arrived.

    `answer` is what `errors.install` returned, where a person may be reading; JSON without it.
    """

    def __init__(self, app: ASGIApp, *, bytes_max: int = BODY_BYTES_MAX, answer: Answer | None = None) -> None:
        self._app = app
        self._bytes_max = bytes_max
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 413 `photo_too_large`; only photographs can make a request that large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        if _declared(request) > self._bytes_max:
            await self._refuse(request, receive, send)
            return
        await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived, answering, too_large = 0, False, False

        async def counted_receive() -> Message:
            nonlocal arrived, too_large
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self._bytes_max:
                too_large = True
                raise BodyTooLarge
            return message

        async def watched_send(message: Message) -> None:
            nonlocal answering
            if too_large and not answering:
                return  # A framework that took our error for a broken body: the answer is ours, below.
            answering = True
            await send(message)

        try:
            await self._app(scope, counted_receive, watched_send)
        except BodyTooLarge:
            if answering:
                raise
        if too_large and not answering:
            await self._refuse(Request(scope), receive, send)

    async def _refuse(self, request: Request, receive: Receive, send: Send) -> None:
        refusal = PhotoTooLarge(bytes_max=self._bytes_max)
        response = await self._answer(request, refusal) if self._answer else refusal_response(request, refusal)
        response.headers["connection"] = "close"
        await response(request.scope, receive, send)


def address_of(request: Request) -> str:
    """Return the address a request came from; behind a trusted proxy uvicorn puts the one here that the proxy names."""
    return request.client.host if request.client else "unknown"


def caller(request: Request) -> str:
    """Return the client as limits count it: an IPv4 address, or the /64 of an IPv6 address, which one subscriber has whole."""
    written = address_of(request)
    try:
        address = ip_address(written.partition("%")[0])
    except ValueError:
        return written
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((int(address) >> 64 << 64, 64)))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _declared(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0
