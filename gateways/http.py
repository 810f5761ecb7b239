"""How every gateway speaks HTTP: bounded in time and connections, signed, and silent about what it carries."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from gateways.errors import TIMEOUT, GatewayRefused, GatewayUnavailable
from gateways.signatures import HEADER, KEY_HEADER, key_id, sign

CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 5.0
EXCHANGE_TIMEOUT_S = 30.0  # However slowly the bytes of an answer drip.
ANSWER_BYTES_MAX = 1_000_000
BILL_BYTES_MAX = 200_000_000  # A day of a million movements.
CONNECTIONS_MAX = 50
# Servers commonly close an idle connection after five seconds: one that we use at that very moment breaks.
IDLE_S_MAX = 3.0
CODE_LENGTH_MAX = 60
TOO_MANY_REQUESTS = 429
RETRY_AFTER_MS_MAX = 12 * 3600 * 1000  # A partner may slow us down, not put a delivery off for years.
DIGITS = re.compile(r"[0-9]{1,20}")
# These end before a single byte of the request has left; after any other break it may have arrived.
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


@dataclass(frozen=True)
class Reply:
    """An answer as it came: status, body, headers, and the time it took."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    latency_ms: int


def new_client(
    base_url: str, *, answer_timeout_s: float = ANSWER_TIMEOUT_S, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Make a client for one outside system. It follows no redirects and reads no proxy from the environment."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(answer_timeout_s, connect=CONNECT_TIMEOUT_S, pool=CONNECT_TIMEOUT_S),
        limits=httpx.Limits(
            max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX, keepalive_expiry=IDLE_S_MAX
        ),
        transport=transport,
        trust_env=False,
        verify=authorities(),
    )


@functools.cache
def authorities() -> ssl.SSLContext:
    """Return whom every client of the process believes about a certificate; reading the list takes 25 ms."""
    return httpx.create_ssl_context(trust_env=False)


async def exchange(
    client: httpx.AsyncClient, system: str, request: httpx.Request, bytes_max: int = ANSWER_BYTES_MAX
) -> Reply:
    """Sends a request and reads the whole answer, at most `bytes_max` in 30 seconds. Raises GatewayUnavailable when none comes."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(EXCHANGE_TIMEOUT_S):
            response = await client.send(request, stream=True)
            body = await _read(system, response, bytes_max)
    except NOT_SENT as error:
        raise GatewayUnavailable(system, _word(error)) from None
    except (httpx.HTTPError, TimeoutError) as error:
        # `from None`: httpx keeps the request, body included, on its errors, and a traceback printer may show it.
        raise GatewayUnavailable(system, _word(error), perhaps_done=True) from None
    return Reply(response.status_code, body, response.headers, int((time.perf_counter() - started) * 1000))


class SignedChannel:
    """JSON over HTTP to one partner, every request signed with the secret that `secret` gives at that moment."""

    def __init__(self, system: str, client: httpx.AsyncClient, secret: Callable[[], str]) -> None:
        self.system = system
        self._client = client
        self._secret = secret

    async def post(self, path: str, content: Mapping[str, Any]) -> JsonReply:
        """Posts an object. Raises GatewayUnavailable or GatewayRefused (see `understood`)."""
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
        return await self._send("POST", path, body, str(content.get("request_id", "")))

    async def get(self, path: str, request_id: str) -> JsonReply:
        """Reads an object. Raises as `post` does."""
        return await self._send("GET", path, b"", request_id)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _send(self, method: str, path: str, body: bytes, request_id: str) -> JsonReply:
        secret = self._secret()
        headers = {
            HEADER: sign(secret, body), KEY_HEADER: key_id(secret), "Content-Type": "application/json",
            "X-Request-Id": request_id,
        }  # fmt: skip
        request = self._client.build_request(method, path, content=body, headers=headers)
        return understood(self.system, await exchange(self._client, self.system, request))


@dataclass(frozen=True)
class JsonReply:
    """An object that a partner answered, and the time it took."""

    fields: Mapping[str, Any]
    latency_ms: int

    def text_of(self, *names: str) -> dict[str, str]:
        """Return the named fields as text, for the record; absent ones are left out."""
        return {name: str(self.fields[name]) for name in names if self.fields.get(name) is not None}


def understood(system: str, reply: Reply) -> JsonReply:
    """Return the object in the answer.

    Raises GatewayUnavailable for 429 and 5xx (with their Retry-After) and for an answer that is no JSON object, and
    GatewayRefused with the partner's code for any other status that is no success.
    """
    if reply.status == TOO_MANY_REQUESTS or reply.status >= 500:
        raise GatewayUnavailable(
            system,
            f"http_{reply.status}",
            retry_after_ms=retry_after_ms(reply.headers),
            perhaps_done=reply.status >= 500,
        )
    fields = _object(reply.body)
    if not 200 <= reply.status < 300:
        code = (fields or {}).get("error") or (fields or {}).get("detail")
        raise GatewayRefused(system, code[:CODE_LENGTH_MAX] if isinstance(code, str) else f"http_{reply.status}")
    if fields is None:
        raise GatewayUnavailable(system, "malformed", perhaps_done=True)
    return JsonReply(fields, reply.latency_ms)


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """Return the Retry-After header (seconds, or an HTTP date) in milliseconds from now, at most twelve hours.

    None when it is absent or unreadable.
    """
    given = headers.get("retry-after", "").strip()
    if DIGITS.fullmatch(given):
        return min(RETRY_AFTER_MS_MAX, int(given) * 1000)
    try:
        until = parsedate_to_datetime(given)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        wait_ms = int((until - datetime.now(UTC)).total_seconds() * 1000)
    except (ValueError, OverflowError, TypeError):
        return None
    return min(RETRY_AFTER_MS_MAX, max(0, wait_ms))


def moment_of(written: str) -> datetime | None:
    """Parse the moment that an HTTP date names; None for anything else."""
    try:
        found = parsedate_to_datetime(written)
    except (ValueError, OverflowError, TypeError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


async def _read(system: str, response: httpx.Response, bytes_max: int) -> bytes:
    body = bytearray()
    try:
        async for part in response.aiter_bytes():
            body += part
            if len(body) > bytes_max:
                raise GatewayUnavailable(system, "answer_too_large", perhaps_done=True)
    finally:
        await response.aclose()
    return bytes(body)


def _object(body: bytes) -> dict[str, Any] | None:
    """None for what is no JSON object, or holds what no text of ours can keep: NUL, or half a character."""
    try:
        found = json.loads(body)
        readable = "\\u0000" not in json.dumps(found) and bool(json.dumps(found, ensure_ascii=False).encode())
    except (ValueError, RecursionError):
        return None
    return found if readable and isinstance(found, dict) else None


def _word(error: Exception) -> str:
    return TIMEOUT if isinstance(error, httpx.TimeoutException | TimeoutError) else "connection"
