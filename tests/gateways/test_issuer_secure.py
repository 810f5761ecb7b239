"""The issuer's contract for locking and redeeming a card, met by the simulator and by the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from fastapi import FastAPI

from domain.cards.card import CardStatus
from domain.cards.verification import Held, Secures
from domain.money import Currency, Money
from gateways.breaker import Breakers
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.http import SignedChannel, new_client
from gateways.issuer import CardHeld, IssuerGateway
from simulators.issuer import Issuer
from simulators.program import Setup
from tests.gateways.partners import Partner, partner
from tests.simulators.running import SECRET, number, running

JD, TMALL = number("jd", "12"), number("tmall", "12")
LEAST = Money(50_000)


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Partner]:
    async with partner(Issuer(Setup(seed=7, secret=SECRET))) as running_issuer:
        yield running_issuer


@pytest.fixture
def gateway(issuer: Partner) -> IssuerGateway:
    return IssuerGateway(issuer.channel, Breakers())


async def locked(gateway: IssuerGateway, request_id: str = "s1", card: str = JD) -> CardHeld:
    return await gateway.secure(request_id, "jd", card, None, Secures.LOCK, LEAST)


async def spend(issuer: Partner, brand: str, card: str, amount_minor: int = 100) -> tuple[int, str]:
    purchase = {"brand": brand, "number": card, "amount_minor": amount_minor}
    answer = await issuer.plain.post("/spend", json=purchase)
    return answer.status_code, answer.json().get("detail", "")


async def test_locked_card_is_frozen_and_cannot_be_spent(issuer: Partner, gateway: IssuerGateway) -> None:
    assert (await spend(issuer, "jd", number("jd", "13")))[0] == 200, "a card that nobody holds is spent"
    answer = await locked(gateway)
    assert (answer.held, answer.amount, answer.call.cost_fen) == (Held.LOCKED, LEAST, 10)
    assert await spend(issuer, "jd", JD) == (409, "locked")
    assert (await gateway.inquire("r1", "jd", JD, None)).status is CardStatus.FROZEN


async def test_a_redeemed_card_is_empty_and_its_holder_spends_nothing(issuer: Partner, gateway: IssuerGateway) -> None:
    answer = await gateway.secure("s1", "tmall", TMALL, "60412877", Secures.REDEEM, LEAST)
    assert (answer.held, answer.amount) == (Held.REDEEMED, LEAST)
    assert await spend(issuer, "tmall", TMALL) == (409, "redeemed")
    left = await gateway.inquire("r1", "tmall", TMALL, "60412877")
    assert (left.status, left.balance) == (CardStatus.ACTIVE, Money(0))
    assert (await gateway.release("s1", "tmall", TMALL)).held is Held.REDEEMED, "what is redeemed stays so"
    assert await spend(issuer, "tmall", TMALL) == (409, "redeemed")


async def test_repeating_a_request_secures_once_also_at_once(issuer: Partner, gateway: IssuerGateway) -> None:
    answers = await asyncio.gather(*(locked(gateway) for _ in range(5)))
    assert {(one.held, one.amount) for one in answers} == {(Held.LOCKED, LEAST)}
    assert (await locked(gateway, "s2")).held is Held.REFUSED, "another request finds the card held"
    with pytest.raises(GatewayRefused, match="request_id_reused"):
        await locked(gateway, "s1", number("jd", "13"))


@pytest.mark.parametrize(("magic", "code"), [("91", "frozen"), ("92", "lost"), ("95", "unknown"), ("96", "balance")])
async def test_a_card_that_is_not_as_it_was_is_refused_and_left_alone(
    issuer: Partner, gateway: IssuerGateway, magic: str, code: str
) -> None:
    answer = await locked(gateway, card=number("jd", magic))
    assert (answer.held, answer.amount, answer.call.details["code"]) == (Held.REFUSED, None, code)
    assert (await gateway.held("s1", "jd", number("jd", magic), LEAST)).held is Held.REFUSED


async def test_of_a_purchase_and_a_lock_the_first_wins_and_the_lock_is_for_the_whole_worth(
    issuer: Partner, gateway: IssuerGateway
) -> None:
    assert await spend(issuer, "jd", JD, 1) == (200, "")
    assert (await locked(gateway)).held is Held.REFUSED
    assert (await gateway.inquire("r1", "jd", JD, None)).balance == Money(49_999)


async def test_a_wrong_pin_secures_nothing(gateway: IssuerGateway) -> None:
    card = number("walmart", "12")
    answer = await gateway.secure("s1", "walmart", card, "000000", Secures.LOCK, LEAST)
    assert (answer.held, answer.call.details["code"]) == (Held.REFUSED, "pin")


@pytest.mark.parametrize(("brand", "how"), [("carrefour", Secures.LOCK), ("jd", Secures.REDEEM)])
async def test_what_a_brand_does_not_offer_is_a_refused_request(
    gateway: IssuerGateway, brand: str, how: Secures
) -> None:
    with pytest.raises(GatewayRefused, match="not_offered"):
        await gateway.secure("s1", brand, number(brand, "12"), None, how, LEAST)


async def test_a_lost_answer_is_asked_about_and_was_done(issuer: Partner, gateway: IssuerGateway) -> None:
    await issuer.control(timeout_after_success_rate=1)
    with pytest.raises(GatewayUnavailable) as lost:
        await locked(gateway)
    await issuer.control(timeout_after_success_rate=0)
    assert lost.value.perhaps_done
    assert (await gateway.held("s1", "jd", JD, LEAST)).held is Held.LOCKED
    assert (await gateway.held("s2", "jd", JD, LEAST)).held is Held.NOT_FOUND, "asking has no effect of its own"
    assert (await gateway.held("s2", "jd", JD, LEAST)).held is Held.NOT_FOUND


async def test_an_undecided_request_is_not_known_until_the_issuer_decides(
    issuer: Partner, gateway: IssuerGateway
) -> None:
    await issuer.control(secure_undecided=True)
    for asking in (locked(gateway), gateway.held("s1", "jd", JD, LEAST)):
        with pytest.raises(GatewayUnavailable, match="processing"):
            await asking
    await issuer.control(secure_undecided=False)
    assert (await gateway.held("s1", "jd", JD, LEAST)).held is Held.LOCKED


async def test_a_released_card_is_its_holders_again_and_a_late_request_has_no_effect(
    issuer: Partner, gateway: IssuerGateway
) -> None:
    await locked(gateway)
    assert (await gateway.release("s1", "jd", JD)).held is Held.RELEASED
    assert (await gateway.release("s1", "jd", JD)).held is Held.RELEASED
    assert await spend(issuer, "jd", JD) == (200, "")
    late = number("jd", "13")
    assert (await gateway.release("s3", "jd", late)).held is Held.RELEASED
    assert (await locked(gateway, "s3", late)).held is Held.RELEASED
    assert await spend(issuer, "jd", late) == (200, "")


@pytest.mark.parametrize(
    "answer",
    [
        {"result": "redeemed", "amount_minor": 49_999, "currency": "CNY"},
        {"result": "redeemed", "amount_minor": 50_000, "currency": "USD"},
        {"result": "locked", "amount_minor": None, "currency": "CNY"},
        {"result": "held, surely"},
        {},
    ],
)
async def test_an_answer_that_keeps_no_contract_is_not_known(answer: dict[str, object]) -> None:
    app = FastAPI()
    app.post("/v1/cards/secure")(lambda: answer)
    async with running(app) as address, new_client(address) as client:
        odd = IssuerGateway(SignedChannel("issuer", client, lambda: SECRET), Breakers())
        with pytest.raises(GatewayUnavailable, match="malformed") as caught:
            await locked(odd)
    assert caught.value.perhaps_done


async def test_a_lock_of_less_is_reported_with_its_amount_so_that_it_can_be_released() -> None:
    app = FastAPI()
    app.post("/v1/cards/secure")(lambda: {"result": "locked", "amount_minor": 7, "currency": "USD"})
    async with running(app) as address, new_client(address) as client:
        answer = await locked(IssuerGateway(SignedChannel("issuer", client, lambda: SECRET), Breakers()))
    assert (answer.held, answer.amount) == (Held.LOCKED, Money(7, Currency.USD))
