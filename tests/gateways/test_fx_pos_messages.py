"""The smaller partners: rates and licences, the store's till, text messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pytest_asyncio

from domain.cards.card import CardStatus
from domain.money import Currency, Money
from domain.places import business_day
from gateways.breaker import Breakers
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.fx import FxGateway
from gateways.http import SignedChannel, new_client
from gateways.messages import MessageGateway
from gateways.pos import PosGateway
from simulators.fx import Fx
from simulators.messages import Messages
from simulators.pos import Pos
from simulators.program import Setup
from tests.gateways.partners import Partner, partner
from tests.simulators.running import SECRET, number

SETUP = Setup(seed=7, secret=SECRET)
USD_100 = Money(10_000, Currency.USD)


@pytest_asyncio.fixture
async def fx() -> AsyncIterator[Partner]:
    async with partner(Fx(SETUP)) as running_fx:
        yield running_fx


@pytest_asyncio.fixture
async def pos() -> AsyncIterator[Partner]:
    async with partner(Pos(SETUP)) as running_pos:
        yield running_pos


@pytest_asyncio.fixture
async def messages() -> AsyncIterator[Partner]:
    async with partner(Messages(SETUP)) as running_messages:
        yield running_messages


async def test_a_rate_is_held_for_its_time_and_the_same_when_asked_again(fx: Partner) -> None:
    asked_at = datetime.now(UTC)
    first = await FxGateway(fx.channel, Breakers()).lock("r1", USD_100, 900)
    await fx.control(rate_shift_bp=300)
    again = await FxGateway(fx.channel, Breakers()).lock("r1", USD_100, 900)
    dearer = await FxGateway(fx.channel, Breakers()).lock("r2", USD_100, 900)
    assert first.rate == again.rate
    assert Decimal("6.9") < Decimal(first.rate.rate) < Decimal("7.3")
    assert Decimal(dearer.rate.rate) > Decimal(first.rate.rate)
    ends = datetime.fromisoformat(first.rate.expires_at)
    assert timedelta(seconds=890) < ends - asked_at < timedelta(seconds=990)
    assert (first.rate.currency, first.call.request_id, first.call.cost_fen) == ("USD", "r1", 2)


async def test_a_pair_the_desk_does_not_deal_in_is_refused(fx: Partner) -> None:
    with pytest.raises(GatewayRefused, match="unknown_pair"):
        await FxGateway(fx.channel, Breakers()).lock("r1", Money(100), 900)


@pytest.mark.parametrize(
    ("control", "licensed"),
    [
        ({}, True),
        ({"licence_days_left": 0}, True),
        ({"licence_days_left": -1}, False),
        ({"suspended_channels": ["amazon-us"]}, False),
        ({"licensed_channels": []}, False),
    ],
)
async def test_a_channel_is_licensed_only_while_it_is(fx: Partner, control: dict[str, Any], licensed: bool) -> None:
    await fx.control(**control)
    answer = await FxGateway(fx.channel, Breakers()).licence("r1", "amazon-us", business_day(datetime.now(UTC)))
    assert answer.licence.licensed is licensed


@pytest.mark.parametrize(
    "answer",
    ["{}", '{"lock_id":"x","rate":"NaN","expires_at":"2030-01-01T00:00:00Z"}', '{"lock_id":"x","rate":"-7","expires_at":"2030-01-01T00:00:00Z"}',
     '{"lock_id":"x","rate":"7","expires_at":"soon"}', "[]", "<html>",
     '{"lock_id":"x","rate":"7","expires_at":"2030-01-01T08:00:00"}',
     '{"lock_id":"x","rate":"7","expires_at":"9999-12-31T23:59:59+00:00"}'],
)  # fmt: skip
async def test_a_rate_that_is_none_is_not_taken(answer: str) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, text=answer))
    async with new_client("http://fx", transport=transport) as client:
        with pytest.raises(GatewayUnavailable, match="malformed"):
            await FxGateway(SignedChannel("fx", client, lambda: SECRET), Breakers()).lock("r1", USD_100, 900)


@pytest.mark.parametrize(
    ("control", "magic", "store", "status", "face"),
    [
        ({}, "12", "valid", CardStatus.ACTIVE, Money(50_000)),
        ({}, "91", "invalid", CardStatus.UNKNOWN, None),
        ({}, "95", "unknown", CardStatus.UNKNOWN, None),
        ({"answer": "invalid"}, "12", "invalid", CardStatus.UNKNOWN, None),
        ({"answer": "valid"}, "95", "valid", CardStatus.ACTIVE, Money(50_000)),
        ({"unknown_rate": 1.0}, "12", "unknown", CardStatus.UNKNOWN, None),
    ],
)
async def test_the_till_says_valid_invalid_or_nothing(
    pos: Partner, control: dict[str, Any], magic: str, store: str, status: CardStatus, face: Money | None
) -> None:
    await pos.control(**control)
    answer = await PosGateway(pos.channel, Breakers()).check("r1", "starbucks", number("starbucks", magic), "60412811")
    assert (answer.details["store"], answer.status) == (store, status)
    assert answer.balance == face


async def test_a_slow_till_is_tried_again_later(pos: Partner) -> None:
    await pos.control(latency_ms=2000)
    with pytest.raises(GatewayUnavailable, match="timeout"):
        await PosGateway(pos.channel, Breakers()).check("r1", "starbucks", number("starbucks", "12"), "60412811")


async def test_a_message_is_kept_once_per_key(messages: Partner) -> None:
    gateway = MessageGateway(messages.channel)
    first = await gateway.send("k1", "13800000021", "您的登录验证码 482910", template="sign_in")
    again = await gateway.send("k1", "13800000021", "您的登录验证码 482910", template="sign_in")
    kept = (await messages.plain.get("/v1/messages", params={"to": "13800000021"})).json()
    assert first.message_id == again.message_id
    assert [one["text"] for one in kept] == ["您的登录验证码 482910"]
    assert "482910" not in repr(first)
    assert (await messages.plain.get("/v1/messages", params={"to": "13900000000"})).json() == []


async def test_the_newest_message_is_shown_first_with_its_number_masked(messages: Partner) -> None:
    gateway = MessageGateway(messages.channel)
    await gateway.send("k1", "13800000021", "first")
    await gateway.send("k2", "13800000021", "second")
    page = (await messages.plain.get("/")).text
    assert page.index("second") < page.index("first")
    assert "138****0021" in page
    assert "13800000021" not in page


async def test_a_number_that_is_refused_is_not_tried_again(messages: Partner) -> None:
    await messages.control(refuse=True)
    with pytest.raises(GatewayRefused, match="refused_number"):
        await MessageGateway(messages.channel).send("k1", "13800000021", "hello")
