"""Webhooks to partners: signed, numbered, and never sent into our own network."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import httpx

from gateways.calls import CallRecord
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.http import Reply, exchange, retry_after_ms
from gateways.signatures import HEADER, sign

SYSTEM = "webhook"
DELIVERY_HEADER, EVENT_HEADER = "X-Cardloop-Delivery", "X-Cardloop-Event"
# The one block of IPv6 that holds addresses of the public internet, and what is not global in it. Python's own table grows
# with its releases. Source: IANA IPv4 and IPv6 Special-Purpose Address Registries.
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NOT_GLOBAL = tuple(
    map(
        ipaddress.ip_network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "192.0.0.0/24", "192.88.99.0/24"),
    )
)
PORTS = {"https": 443, "http": 80}
DELIVERY_S = (
    10.0  # From the name's resolution to the last byte of the answer, over all addresses; stated in docs/api.md.
)
ADDRESSES_MAX = 6  # Of a host with more addresses, so many are tried.
# Answers that end a delivery at once. Every other answer but 2xx, a redirect or 400 too, may be a mistake of the receiver's that
# its operator corrects while the delivery is repeated.
FINAL_STATUSES = {
    410: "the receiver says that it is gone for good",
    413: "an event does not become smaller",
    451: "the law forbids the receiver to take it",
}

Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host name, as the system's resolver orders them. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class WebhookGateway:
    """Delivers events. Without `allow_private` a URL must be https and every address of its host public.

    The connection is made to the very address that was checked, so a name that changes its answer in between gains nothing.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        *,
        allow_private: bool = False,
        resolver: Resolve = resolve,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._allow_private = allow_private
        self._resolve = resolver
        self._clock = clock

    async def deliver(
        self, url: str, delivery_id: str, event: str, content: Mapping[str, Any], secret: str
    ) -> CallRecord:
        """Posts an event. A receiver drops a `delivery_id` that it has seen: it may come twice.

        Raises GatewayUnavailable (try again later) or GatewayRefused: bad_url, insecure_url, private_address, or http_<status>
        for a status of FINAL_STATUSES. Takes ten seconds at most.
        """
        target = self._target(url)
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
        headers = {
            HEADER: sign(secret, body, self._clock), DELIVERY_HEADER: delivery_id, EVENT_HEADER: event,
            "Content-Type": "application/json", "Host": target.netloc.decode("ascii"),
        }  # fmt: skip
        try:
            async with asyncio.timeout(DELIVERY_S):
                reply = await self._posted(target, await self._checked_addresses(target), body, headers)
        except TimeoutError:
            raise GatewayUnavailable(SYSTEM, "timeout", perhaps_done=True) from None
        _require_taken(reply)
        return CallRecord(SYSTEM, event, delivery_id, 0, reply.latency_ms, {"http_status": str(reply.status)})

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _posted(
        self, target: httpx.URL, addresses: Sequence[str], body: bytes, headers: Mapping[str, str]
    ) -> Reply:
        """Posts to the first address that takes the connection; what may have arrived is sent to no other."""
        for place, address in enumerate(addresses, 1):
            request = self._client.build_request(
                "POST",
                target.copy_with(host=address),
                content=body,
                headers=headers,
                extensions={"sni_hostname": target.host},
            )
            try:
                return await exchange(self._client, SYSTEM, request)
            except GatewayUnavailable as error:
                if error.perhaps_done or place == len(addresses):
                    raise
        raise GatewayUnavailable(SYSTEM, "name")

    def _target(self, url: str) -> httpx.URL:
        try:
            target = httpx.URL(url)
        except httpx.InvalidURL:
            raise GatewayRefused(SYSTEM, "bad_url") from None
        if target.scheme not in PORTS or not target.host or target.userinfo:
            raise GatewayRefused(SYSTEM, "bad_url")
        if target.scheme != "https" and not self._allow_private:
            raise GatewayRefused(SYSTEM, "insecure_url")
        return target

    async def _checked_addresses(self, target: httpx.URL) -> list[str]:
        """The host's addresses, each of them checked, in the resolver's order."""
        try:
            addresses = await self._resolve(target.host, target.port or PORTS[target.scheme])
        except (OSError, UnicodeError):
            raise GatewayUnavailable(SYSTEM, "name") from None
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise GatewayRefused(SYSTEM, "private_address")
        return list(dict.fromkeys(addresses))[:ADDRESSES_MAX]


def is_public(address: str) -> bool:
    """Return whether an IP address may be reached by a webhook: global unicast, also of the IPv4 address inside an IPv6 one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1] or _nat64(found)
        found = inner or found
    if any(found in one for one in NOT_GLOBAL if one.version == found.version):
        return False
    if isinstance(found, ipaddress.IPv6Address) and found not in GLOBAL_UNICAST:
        return False
    return found.is_global and not found.is_multicast


def _nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    inside = address in ipaddress.IPv6Network("64:ff9b::/96")
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if inside else None


def _require_taken(reply: Reply) -> None:
    if reply.status in FINAL_STATUSES:
        raise GatewayRefused(SYSTEM, f"http_{reply.status}")
    if not 200 <= reply.status < 300:
        raise GatewayUnavailable(
            SYSTEM, f"http_{reply.status}", retry_after_ms=retry_after_ms(reply.headers), perhaps_done=True
        )
