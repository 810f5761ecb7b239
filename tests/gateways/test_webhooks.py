"""Webhooks reach partners signed and numbered, and cannot be turned against our own network."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import nullcontext, suppress

import httpx
import pytest

from bootstrap.settings import PROJECT_ROOT
from gateways import webhooks
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.http import new_client
from gateways.signatures import HEADER, require_signature
from gateways.webhooks import DELIVERY_HEADER, EVENT_HEADER, WebhookGateway, is_public
from tests.gateways.partners import mailbox

SECRET = "whsec"
EVENT = {"id": "7Q2M", "stage": "payout"}


async def test_a_partner_gets_the_event_signed_and_numbered() -> None:
    async with mailbox() as box, new_client("") as client:
        call = await WebhookGateway(client, allow_private=True).deliver(box.url, "d1", "card.paid", EVENT, SECRET)
        ((body, headers),) = await box.holds(1)
    require_signature("webhook", [SECRET], body, headers[HEADER.lower()])
    assert json.loads(body) == EVENT
    assert (headers[DELIVERY_HEADER.lower()], headers[EVENT_HEADER.lower()]) == ("d1", "card.paid")
    assert (call.request_id, call.details) == ("d1", {"http_status": "200"})


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, GatewayUnavailable),
        (429, GatewayUnavailable),
        (302, GatewayUnavailable),
        (400, GatewayUnavailable),
        (404, GatewayUnavailable),
        (405, GatewayUnavailable),
        (410, GatewayRefused),
        (413, GatewayRefused),
        (451, GatewayRefused),
    ],
)
async def test_a_partner_that_does_not_take_it(status: int, kind: type[Exception]) -> None:
    async with mailbox() as box, new_client("") as client:
        box.answers = [status]
        with pytest.raises(kind, match=f"http_{status}"):
            await WebhookGateway(client, allow_private=True).deliver(box.url, "d1", "card.paid", EVENT, SECRET)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.1.2.3", "224.0.0.1", "100.64.0.1",
     "::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::", "::7f00:1", "fec0::1", "64:ff9b:1::1",
     "2001:db8::1", "3fff::1", "5f00::1", "100::1", "2001:2::1", "ff02::1", "192.88.99.1", "192.0.0.8"],
)  # fmt: skip
async def test_no_webhook_enters_our_own_network(address: str) -> None:
    asked: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(200))  # type: ignore[func-returns-value]

    async def resolver(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34", address]

    async with new_client("", transport=transport) as client:
        with pytest.raises(GatewayRefused, match="private_address"):
            await WebhookGateway(client, resolver=resolver).deliver(
                "https://partner.example/hook", "d1", "e", EVENT, SECRET
            )
    assert asked == []
    assert not is_public(address)


async def test_the_connection_goes_to_the_address_that_was_checked_under_the_name_that_was_asked() -> None:
    asked: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: asked.append(request) or httpx.Response(200))  # type: ignore[func-returns-value]

    async def resolver(_host: str, _port: int) -> list[str]:
        return ["93.184.216.34"]

    async with new_client("", transport=transport) as client:
        await WebhookGateway(client, resolver=resolver).deliver(
            "https://partner.example:8443/hook?a=1", "d1", "e", EVENT, SECRET
        )
    (request,) = asked
    assert str(request.url) == "https://93.184.216.34:8443/hook?a=1"
    assert request.headers["host"] == "partner.example:8443"
    assert request.extensions["sni_hostname"] == "partner.example"


@pytest.mark.parametrize(
    ("url", "code"),
    [("http://partner.example/", "insecure_url"), ("ftp://partner.example/", "bad_url"), ("file:///etc/passwd", "bad_url"),
     ("https://user:pw@partner.example/", "bad_url"), ("https://", "bad_url"), ("nonsense", "bad_url")],
)  # fmt: skip
async def test_a_url_that_is_not_https_to_a_host_is_refused(url: str, code: str) -> None:
    async with new_client("") as client:
        with pytest.raises(GatewayRefused, match=code):
            await WebhookGateway(client).deliver(url, "d1", "e", EVENT, SECRET)


async def two_addresses(_host: str, _port: int) -> list[str]:
    return ["93.184.216.34", "93.184.216.34", "93.184.216.35"]


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        (httpx.ConnectError("refused"), ["93.184.216.34", "93.184.216.35"]),
        (httpx.ConnectTimeout("dead"), ["93.184.216.34", "93.184.216.35"]),
        (httpx.ReadTimeout("sent already"), ["93.184.216.34"]),
    ],
)
async def test_the_next_address_is_tried_unless_the_event_may_have_arrived(fault: Exception, asked: list[str]) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        if request.url.host == "93.184.216.34":
            raise fault
        return httpx.Response(200)

    async with new_client("", transport=httpx.MockTransport(answer)) as client:
        hooks = WebhookGateway(client, resolver=two_addresses)
        with nullcontext() if len(asked) == 2 else pytest.raises(GatewayUnavailable):
            await hooks.deliver("https://partner.example/", "d1", "e", EVENT, SECRET)
    assert seen == asked


async def test_a_receiver_that_drips_its_answer_is_left_after_the_documented_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert webhooks.DELIVERY_S == 10.0
    assert "within ten seconds" in (PROJECT_ROOT / "docs/api.md").read_text(encoding="utf-8")
    monkeypatch.setattr(webhooks, "DELIVERY_S", 0.4)

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b".")
                await writer.drain()
                await asyncio.sleep(0.05)

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server, new_client("") as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        began = time.monotonic()
        with pytest.raises(GatewayUnavailable, match="timeout") as left:
            await WebhookGateway(client, allow_private=True).deliver(url, "d1", "e", EVENT, SECRET)
    assert time.monotonic() - began < 3
    assert left.value.perhaps_done


async def test_a_name_that_does_not_resolve_is_tried_again_later() -> None:
    async def resolver(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    async with new_client("") as client:
        with pytest.raises(GatewayUnavailable, match="name"):
            await WebhookGateway(client, resolver=resolver).deliver(
                "https://partner.example/", "d1", "e", EVENT, SECRET
            )
