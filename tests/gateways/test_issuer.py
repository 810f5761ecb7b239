"""The issuer's contract, met by the simulator and by the gateway, in good times and bad."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import httpx
import pytest
import pytest_asyncio

from domain.cards.card import CardStatus
from domain.cards.verification import DynamicCodeResult
from domain.money import Currency, Money
from gateways.breaker import Breakers
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.http import SignedChannel, new_client
from gateways.issuer import IssuerGateway
from simulators.issuer import Issuer
from simulators.messages import Messages
from simulators.program import Setup
from tests.gateways.partners import Partner, partner
from tests.simulators.running import SECRET, number, running

PHONE = "13800000021"


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Partner]:
    async with partner(Issuer(Setup(seed=7, secret=SECRET))) as running_issuer:
        yield running_issuer


@pytest.fixture
def gateway(issuer: Partner) -> IssuerGateway:
    return IssuerGateway(issuer.channel, Breakers())


async def test_a_good_card_answers_with_balance_expiry_and_cost(gateway: IssuerGateway) -> None:
    answer = await gateway.inquire("r1", "jd", number("jd", "12"), None)
    assert (answer.status, answer.balance) == (CardStatus.ACTIVE, Money(50_000))
    assert answer.expires_on == date(datetime.now(UTC).year + 2, 12, 31)
    assert (answer.request_id, answer.cost_fen, answer.details["pin"]) == ("r1", 10, "none")


@pytest.mark.parametrize(
    ("magic", "status", "left"),
    [
        ("90", CardStatus.PARTLY_USED, Money(30_000)),
        ("91", CardStatus.FROZEN, Money(50_000)),
        ("92", CardStatus.LOST, Money(50_000)),
        ("93", CardStatus.NOT_ACTIVATED, Money(50_000)),
        ("94", CardStatus.EXPIRED, Money(50_000)),
        ("95", CardStatus.UNKNOWN, None),
        ("96", CardStatus.ACTIVE, Money(40_000)),
    ],
)
@pytest.mark.parametrize("brand", ["walmart", "carrefour", "jd", "starbucks", "wanda", "hualian"])
async def test_every_status_arrives(
    gateway: IssuerGateway, brand: str, magic: str, status: CardStatus, left: Money | None
) -> None:
    answer = await gateway.inquire("r1", brand, number(brand, magic), None)
    assert (answer.status, answer.balance) == (status, left)


async def test_a_number_with_a_wrong_check_digit_is_unknown_to_its_issuer(gateway: IssuerGateway) -> None:
    good = number("walmart", "12")
    bad = good[:-1] + str((int(good[-1]) + 1) % 10)
    assert (await gateway.inquire("r1", "walmart", bad, "604128")).status is CardStatus.UNKNOWN


async def test_a_registered_card_answers_as_registered_in_its_currency(issuer: Partner, gateway: IssuerGateway) -> None:
    card = {
        "brand": "amazon-us",
        "number": number("amazon-us", "91"),
        "balance_minor": 2_500,
        "expires_on": "2030-01-31",
    }
    await issuer.plain.post("/book", json=card)
    answer = await gateway.inquire("r1", "amazon-us", number("amazon-us", "91"), None)
    assert (answer.status, answer.balance) == (CardStatus.ACTIVE, Money(2_500, Currency.USD))
    assert answer.expires_on == date(2030, 1, 31)


async def test_a_wrong_pin_is_reported_without_a_balance(issuer: Partner, gateway: IssuerGateway) -> None:
    card = number("walmart", "12")
    await issuer.plain.post("/book", json={"brand": "walmart", "number": card, "pin": "604128"})
    right = await gateway.inquire("r1", "walmart", card, "604128")
    wrong = await gateway.inquire("r2", "walmart", card, "604129")
    assert (right.status, right.details["pin"]) == (CardStatus.ACTIVE, "right")
    assert (wrong.status, wrong.balance, wrong.details["pin"]) == (CardStatus.UNKNOWN, None, "wrong")


async def test_purchases_add_up_to_what_is_gone(gateway: IssuerGateway) -> None:
    answer = await gateway.consumption("r1", "jd", number("jd", "90"))
    assert answer.details["records"] == "2"
    assert answer.balance == Money(50_000 - int(answer.details["spent_minor"]))


async def test_the_code_reaches_the_owners_phone_once_per_request_and_opens_once() -> None:
    messages = Messages(Setup(secret=SECRET))
    async with (
        running(messages.app) as phone,
        partner(Issuer(Setup(seed=7, secret=SECRET, messages_url=phone))) as issuer,
    ):
        gateway, card = IssuerGateway(issuer.channel, Breakers()), number("walmart", "12")
        sent = await gateway.send_code("s1", "walmart", card, PHONE)
        again = await gateway.send_code("s1", "walmart", card, PHONE)
        code = await _code(phone)
        checked = await gateway.check_code("c1", "walmart", card, code)
        repeated = await gateway.check_code("c1", "walmart", card, code)
        used = await gateway.check_code("c2", "walmart", card, code)
    assert (sent.sent_to, again.expires_at) == ("***0021", sent.expires_at)
    assert checked.result is repeated.result is DynamicCodeResult.RIGHT
    assert used.result is DynamicCodeResult.EXPIRED


async def test_the_same_request_twice_at_once_makes_one_code(issuer: Partner, gateway: IssuerGateway) -> None:
    card = number("walmart", "12")
    sent = await asyncio.gather(*(gateway.send_code("s1", "walmart", card, PHONE) for _ in range(5)))
    assert len({one.expires_at for one in sent}) == 1
    assert (await issuer.plain.get("/?lang=en")).text.count("Your code") + (await issuer.plain.get("/")).text.count(
        "验证码 "
    ) == 1


async def test_three_wrong_codes_use_the_code_up(gateway: IssuerGateway) -> None:
    card = number("walmart", "12")
    await gateway.send_code("s1", "walmart", card, PHONE)
    tries = [await gateway.check_code(f"c{place}", "walmart", card, "not-it") for place in range(4)]
    assert [one.tries_left for one in tries] == [2, 1, 0, 0]
    assert [one.result for one in tries] == [DynamicCodeResult.WRONG] * 3 + [DynamicCodeResult.EXPIRED]


async def test_a_code_ends_with_its_time(issuer: Partner, gateway: IssuerGateway) -> None:
    await issuer.control(code_ttl_s=0)
    await gateway.send_code("s1", "walmart", number("walmart", "12"), PHONE)
    checked = await gateway.check_code("c1", "walmart", number("walmart", "12"), "000000")
    assert checked.result is DynamicCodeResult.EXPIRED


async def test_maintenance_says_when_to_come_back_and_touches_one_brand(
    issuer: Partner, gateway: IssuerGateway
) -> None:
    await issuer.control(maintenance=["jd"], maintenance_retry_s=120)
    with pytest.raises(GatewayUnavailable) as caught:
        await gateway.inquire("r1", "jd", number("jd", "12"), None)
    assert (caught.value.reason, caught.value.retry_after_ms) == ("http_503", 120_000)
    assert (await gateway.inquire("r2", "tmall", number("tmall", "12"), None)).status is CardStatus.ACTIVE


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        ({"error_rate": 1.0}, "http_500"),
        ({"latency_ms": 3000}, "timeout"),
        ({"timeout_after_success_rate": 1.0}, "timeout"),
    ],
)
async def test_failures_may_be_tried_again(
    issuer: Partner, gateway: IssuerGateway, control: dict[str, float], reason: str
) -> None:
    await issuer.control(**control)
    with pytest.raises(GatewayUnavailable, match=reason):
        await gateway.inquire("r1", "jd", number("jd", "12"), None)


async def test_a_retry_after_a_lost_answer_costs_no_try(issuer: Partner, gateway: IssuerGateway) -> None:
    card = number("walmart", "12")
    await gateway.send_code("s1", "walmart", card, PHONE)
    await issuer.control(timeout_after_success_rate=1)
    with pytest.raises(GatewayUnavailable) as caught:
        await gateway.check_code("c1", "walmart", card, "not-it")
    await issuer.control(timeout_after_success_rate=0)
    assert caught.value.perhaps_done
    assert (await gateway.check_code("c1", "walmart", card, "not-it")).tries_left == 2


async def test_after_five_failures_the_issuer_is_left_alone_and_others_are_not(
    issuer: Partner, gateway: IssuerGateway
) -> None:
    await issuer.control(maintenance=["jd"])
    for place in range(5):
        with pytest.raises(GatewayUnavailable, match="http_503"):
            await gateway.inquire(f"r{place}", "jd", number("jd", "12"), None)
    with pytest.raises(GatewayUnavailable, match="circuit_open"):
        await gateway.inquire("r6", "jd", number("jd", "12"), None)
    assert len((await issuer.plain.get("/requests")).json()) == 5
    assert (await gateway.inquire("r7", "tmall", number("tmall", "12"), None)).status is CardStatus.ACTIVE


async def test_an_issuer_that_is_not_there_has_done_nothing() -> None:
    async with new_client("http://127.0.0.1:1") as client:
        nobody = IssuerGateway(SignedChannel("issuer", client, lambda: SECRET), Breakers())
        with pytest.raises(GatewayUnavailable) as caught:
            await nobody.inquire("r1", "jd", number("jd", "12"), None)
    assert (caught.value.reason, caught.value.perhaps_done) == ("connection", False)


async def test_our_wrong_secret_is_refused_and_not_tried_again(issuer: Partner) -> None:
    async with new_client(issuer.address) as client:
        stranger = IssuerGateway(SignedChannel("issuer", client, lambda: "another"), Breakers())
        with pytest.raises(GatewayRefused, match="signature"):
            await stranger.inquire("r1", "jd", number("jd", "12"), None)


async def test_no_error_and_no_answer_tells_the_number(issuer: Partner, gateway: IssuerGateway) -> None:
    card = number("jd", "12")
    told = [repr(await gateway.inquire("r1", "jd", card, "604128"))]
    await issuer.control(error_rate=1)
    with pytest.raises(GatewayUnavailable) as caught:
        await gateway.inquire("r2", "jd", card, "604128")
    told += [repr(caught.value), str(caught.value), repr(caught.value.__cause__)]
    assert not any(card in text or "604128" in text for text in told)


async def _code(phone: str) -> str:
    async with httpx.AsyncClient(base_url=phone, trust_env=False) as client:
        (message,) = (await client.get("/v1/messages", params={"to": PHONE})).json()
    words = str(message["text"]).replace("，", " ").split()
    return next(word for word in words if word.isdigit() and len(word) == 6)
