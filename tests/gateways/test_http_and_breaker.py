"""Answers that are late, odd or endless, and the breaker that spares a partner who is down."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from domain.money import Currency, Money
from gateways.breaker import TURNS_PER_S, Breakers
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.fx import FxGateway
from gateways.http import ANSWER_BYTES_MAX, SignedChannel, new_client, retry_after_ms
from gateways.issuer import IssuerGateway
from gateways.outlet import OutletGateway
from gateways.pos import PosGateway


class Clock:
    """A clock that tests turn by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def attempt(breakers: Breakers, outcome: BaseException | None = None, name: str = "jd") -> str:
    try:
        async with breakers.guard("issuer", name):
            if outcome is not None:
                raise outcome
    except (GatewayUnavailable, GatewayRefused, asyncio.CancelledError) as error:
        return getattr(error, "reason", "cancelled")
    return "ok"


DOWN, NO = GatewayUnavailable("issuer", "down"), GatewayRefused("issuer", "no")


async def test_it_opens_after_failures_in_a_row_and_probes_once_later() -> None:
    clock = Clock()
    breakers = Breakers(failures_max=2, open_ms=10_000, clock=clock)
    assert [await attempt(breakers, DOWN) for _ in range(3)] == ["down", "down", "circuit_open"]
    assert breakers.is_open("jd")
    assert await attempt(breakers, name="tmall") == "ok"
    clock.seconds += 10.1
    assert await attempt(breakers, DOWN) == "down"
    assert await attempt(breakers) == "circuit_open"
    clock.seconds += 10.1
    assert [await attempt(breakers) for _ in range(2)] == ["ok", "ok"]
    assert [await attempt(breakers, DOWN) for _ in range(2)] == ["down", "down"]


async def test_those_who_are_refused_come_back_one_after_the_other_and_not_all_in_one_second() -> None:
    clock, waits = Clock(), []
    breakers = Breakers(failures_max=1, open_ms=30_000, clock=clock)
    await attempt(breakers, DOWN)
    for _ in range(2_000):
        with pytest.raises(GatewayUnavailable) as refused:
            async with breakers.guard("issuer", "jd"):
                raise AssertionError("the circuit is open")
        waits.append(refused.value.retry_after_ms or 0)
    assert (waits[0], waits == sorted(waits)) == (30_000, True)
    assert max(Counter(wait // 1000 for wait in waits).values()) <= TURNS_PER_S
    clock.seconds += 30.1
    assert await attempt(breakers) == "ok"  # Up again: who is refused later waits for nobody of before.
    await attempt(breakers, DOWN)
    with pytest.raises(GatewayUnavailable) as later:
        async with breakers.guard("issuer", "jd"):
            raise AssertionError("the circuit is open")
    assert later.value.retry_after_ms == 30_000


async def test_a_success_or_a_refusal_between_failures_keeps_it_closed() -> None:
    breakers = Breakers(failures_max=2, open_ms=10_000, clock=Clock())
    assert [await attempt(breakers, one) for one in (DOWN, None, DOWN, NO, DOWN, None)] == [
        "down", "ok", "down", "no", "down", "ok",
    ]  # fmt: skip


async def test_only_one_probe_at_a_time_and_a_cancelled_one_frees_its_place() -> None:
    clock = Clock()
    breakers = Breakers(failures_max=1, open_ms=10_000, clock=clock)
    await attempt(breakers, DOWN)
    clock.seconds += 10.1
    async with breakers.guard("issuer", "jd"):
        assert await attempt(breakers) == "circuit_open"
    await attempt(breakers, DOWN)
    clock.seconds += 10.1
    assert await attempt(breakers, asyncio.CancelledError()) == "cancelled"
    assert await attempt(breakers) == "ok"


async def test_an_open_circuit_says_when_to_come_back() -> None:
    breakers = Breakers(failures_max=1, open_ms=10_000, clock=Clock())
    await attempt(breakers, DOWN)
    with pytest.raises(GatewayUnavailable) as caught:
        async with breakers.guard("issuer", "jd"):
            pytest.fail("an open circuit let a call through")
    assert caught.value.retry_after_ms == 10_000


@pytest.mark.parametrize(("given", "expected"), [("7", 7000), ("", None), ("soon", None), ("-3", None)])
def test_retry_after_in_seconds(given: str, expected: int | None) -> None:
    assert retry_after_ms({"retry-after": given}) == expected


def test_retry_after_as_a_date() -> None:
    until = datetime.now(UTC) + timedelta(seconds=60)
    found = retry_after_ms({"retry-after": format_datetime(until, usegmt=True)})
    assert found is not None
    assert 50_000 < found <= 60_000
    assert retry_after_ms({"retry-after": "Mon, 01 Jan 2001 00:00:00 GMT"}) == 0


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (200, "{", GatewayUnavailable, "malformed"),
        (200, "[]", GatewayUnavailable, "malformed"),
        (200, "[" * 100_000, GatewayUnavailable, "malformed"),
        (200, '{"status": "a\\u0000"}', GatewayUnavailable, "malformed"),
        (200, '{"status": "\\ud800"}', GatewayUnavailable, "malformed"),
        (200, "x" * (ANSWER_BYTES_MAX + 1), GatewayUnavailable, "answer_too_large"),
        (429, "", GatewayUnavailable, "http_429"),
        (503, "{}", GatewayUnavailable, "http_503"),
        (404, '{"error": "unknown_outlet"}', GatewayRefused, "unknown_outlet"),
        (404, '{"detail": "unknown_pair"}', GatewayRefused, "unknown_pair"),
        (422, '{"detail": [{"input": "6225"}]}', GatewayRefused, "http_422"),
        (302, "", GatewayRefused, "http_302"),
    ],
)
async def test_what_an_answer_means(status: int, body: str, kind: type[Exception], reason: str) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(status, text=body))
    async with new_client("http://partner", transport=transport) as client:
        with pytest.raises(kind, match=reason) as caught:
            await SignedChannel("partner", client, lambda: "secret").post("/v1/x", {"request_id": "r1"})
    assert "6225" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "perhaps_done"),
    [
        (httpx.ConnectError, False), (httpx.ConnectTimeout, False), (httpx.PoolTimeout, False),
        (httpx.ReadTimeout, True), (httpx.WriteTimeout, True), (httpx.ReadError, True), (httpx.RemoteProtocolError, True),
    ],
)  # fmt: skip
async def test_only_what_broke_before_sending_is_surely_not_done(
    error: type[httpx.TransportError], perhaps_done: bool
) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        raise error("broken 6225880000001235", request=request)

    async with new_client("http://partner", transport=httpx.MockTransport(broken)) as client:
        with pytest.raises(GatewayUnavailable) as caught:
            await SignedChannel("partner", client, lambda: "secret").post("/v1/x", {"request_id": "r1"})
    assert caught.value.perhaps_done is perhaps_done
    assert "6225" not in repr(caught.value)


async def test_every_partner_that_is_asked_about_a_card_has_a_breaker() -> None:
    """A partner that is down delays no card: after some failures the call is refused before it is sent."""
    calls = 0

    def down(_request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        return httpx.Response(503)

    day, moment = date(2026, 11, 28), datetime(2026, 11, 28, tzinfo=UTC)
    async with new_client("http://partner", transport=httpx.MockTransport(down)) as client:
        channel, breakers = SignedChannel("partner", client, lambda: "secret"), Breakers(failures_max=2)
        fx, outlet = FxGateway(channel, breakers), OutletGateway(channel, breakers)
        issuer, pos = IssuerGateway(channel, breakers), PosGateway(channel, breakers)
        for ask in (
            lambda: issuer.inquire("r", "jd", "1", None),
            lambda: pos.check("r", "starbucks", "1", None),
            lambda: outlet.ask("r", "o", "hualian", "1", "http://us", moment),
            lambda: fx.licence("r", "amazon-us", day),
        ):
            calls, reasons = 0, []
            for _ in range(3):
                with pytest.raises(GatewayUnavailable) as failed:
                    await ask()
                reasons.append(failed.value.reason)
            assert (calls, reasons[-1]) == (2, "circuit_open")
        with pytest.raises(GatewayUnavailable, match="circuit_open"):
            await fx.lock("r", Money(100, Currency.USD), 60)
