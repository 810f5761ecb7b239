"""Before payment the issuer locks or redeems the card, at the real simulator; what is not known is only asked about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy import delete
from temporalio.exceptions import ApplicationError

from activities.verification.inquiry import Verification
from database.repositories import cards
from database.repositories.cards import Change
from database.tables.cards import AnswerRow, QuoteRow
from domain.cards.card import EndReason, Stage, WaitingFor
from domain.cards.facts import RecheckFacts
from domain.cards.pricing import QuoteState
from domain.cards.verification import Secures
from domain.finance.payout import PayoutOutcome
from domain.identifiers import payout_key, request_key
from domain.money import Currency, Money
from gateways.breaker import Breakers
from gateways.http import SignedChannel, new_client
from gateways.issuer import IssuerGateway
from tests.builders.owing import owed
from tests.builders.world import World
from tests.simulators.running import SECRET, running

GOOD = {
    "status": "active",
    "pin": "none",
    "balance_minor": 50_000,
    "face_minor": 50_000,
    "currency": "CNY",
    "records": [],
}
SECURE_CALLS = ("/v1/cards/secure", "/v1/cards/secure/state", "/v1/cards/secure/release")


async def spent(world: World, card_id: str, amount_minor: int = 100) -> int:
    """The status with which the issuer answers the holder's purchase."""
    card = await world.card(card_id)
    purchase = {"brand": card.brand, "number": cards.open_number(world.keyring, card), "amount_minor": amount_minor}
    return (await world.issuer.plain.post("/spend", json=purchase)).status_code


async def calls(world: World) -> list[tuple[str, str]]:
    """What the issuer was asked about securing, oldest first: path and request id."""
    asked = (await world.issuer.plain.get("/requests")).json()
    return [(one["path"], one["body"]["request_id"]) for one in reversed(asked) if one["path"] in SECURE_CALLS]


async def attempted(world: World, card_id: str, quote_id: str) -> str:
    """Rechecks, expecting that nothing is known; returns why."""
    with pytest.raises(ApplicationError) as failed:
        await world.verification.recheck(card_id, quote_id)
    assert (failed.value.type, failed.value.non_retryable) == ("gateway_unavailable", False)
    return failed.value.message


def later(world: World) -> Verification:
    """The activity when a confirmation of now counts no more."""
    parties = world.verification._parties
    return Verification(world.database, world.keyring, parties, now=lambda: datetime.now(UTC) + timedelta(minutes=6))


@pytest_asyncio.fixture(loop_scope="session")
async def secured(world: World) -> AsyncIterator[tuple[str, str]]:
    """A JD card that the issuer has locked for its accepted quote."""
    yield await world.a_confirmed_quote()


@pytest.mark.parametrize(("code", "result"), [("jd", "locked"), ("tmall", "redeemed")])
async def test_a_confirmed_card_cannot_be_spent_any_more_and_the_answer_is_evidence(
    world: World, code: str, result: str
) -> None:
    card_id, quote_id = await world.an_accepted_quote(brand_code=code)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert await spent(world, card_id) == 409
    (answer,) = await world.rows(AnswerRow, card_id=card_id, operation="secure")
    key = request_key(card_id, "secure", 1)
    assert (answer.details["result"], answer.request_id, answer.cost_fen) == (result, key, 10)
    assert (await world.story(card_id))[-2:] == ["payout.card_secured_asked", "payout.card_confirmed"]
    await world.payout.prepare(card_id, quote_id, payout_key(card_id, 1))


async def test_issuer_without_locking_is_not_asked_to_lock(world: World) -> None:
    await world.issuer.control(default_balance_minor=100_00)
    card_id = await world.a_card("amazon-us", face_value=Money(100_00, Currency.USD), accept_at_or_above=Money(1))
    await world.verification.ask_issuer(card_id)
    await world.verification.open_channel(card_id)
    quote_id = (await world.pricing.value(card_id, 1)).quote_id
    await world.pricing.offer(card_id, quote_id)
    await world.issuer.plain.post("/reset")
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert await calls(world) == []
    assert await spent(world, card_id) == 200
    await world.payout.prepare(card_id, quote_id, payout_key(card_id, 1))


@pytest.mark.parametrize("control", [{"refuse_secure": "fraud"}, {"refuse_secure": "balance"}])
async def test_a_card_that_the_issuer_will_not_secure_is_not_bought(world: World, control: dict[str, str]) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    await world.issuer.control(**control)
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is EndReason.CHANGED
    (quote,) = await world.rows(QuoteRow, id=quote_id)
    assert (quote.state, await owed(world, card_id)) == (QuoteState.VOIDED, 0)
    await world.issuer.control(refuse_secure="")
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is EndReason.CHANGED, "the verdict stays"
    assert await spent(world, card_id) == 200, "the seller keeps the card"


async def test_lost_lock_answer_is_queried_and_never_resent(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    key = request_key(card_id, "secure", 1)
    parties = replace(world.verification._parties, issuer=_LosesTheAnswer(world))
    cut_off = Verification(world.database, world.keyring, parties)
    with pytest.raises(ApplicationError) as failed:
        await cut_off.recheck(card_id, quote_id)
    assert failed.value.type == "gateway_unavailable"
    await world.issuer.control(timeout_after_success_rate=0)
    with pytest.raises(ApplicationError, match="not_confirmed"):
        await world.payout.prepare(card_id, quote_id, payout_key(card_id, 1))
    before = await calls(world)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert (await calls(world))[len(before) :] == [("/v1/cards/secure/state", key)]
    assert await spent(world, card_id) == 409


async def test_an_undecided_request_is_asked_about_until_the_issuer_has_decided(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    await world.issuer.control(secure_undecided=True)
    assert "processing" in await attempted(world, card_id, quote_id)
    assert "processing" in await attempted(world, card_id, quote_id)
    assert await owed(world, card_id) == 465_00
    await world.issuer.control(secure_undecided=False)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    sent = [path for path, request in await calls(world) if request == request_key(card_id, "secure", 1)]
    assert sent == ["/v1/cards/secure", "/v1/cards/secure/state", "/v1/cards/secure/state"]


async def test_spending_while_locking_is_undecided_voids_the_quote(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    await world.issuer.control(secure_undecided=True)
    await attempted(world, card_id, quote_id)
    assert await spent(world, card_id) == 200
    await world.issuer.control(secure_undecided=False)
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is EndReason.CHANGED
    assert await owed(world, card_id) == 0


async def test_a_request_that_never_arrived_is_sent_under_its_own_key(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    await world.issuer.plain.post("/reset")
    parties = replace(world.verification._parties, issuer=_NeverSecures(world.issuer.channel, Breakers()))
    with pytest.raises(ApplicationError, match="connection"):
        await Verification(world.database, world.keyring, parties).recheck(card_id, quote_id)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    key = request_key(card_id, "secure", 1)
    assert await calls(world) == [("/v1/cards/secure/state", key), ("/v1/cards/secure", key)]


async def test_concurrent_lock_attempts_lock_once(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    verdicts = await asyncio.gather(
        *(world.verification.recheck(card_id, quote_id) for _ in range(4)), return_exceptions=True
    )
    # One that found the card frozen by the lock of another is tried again, and voids nothing.
    assert all(one == RecheckFacts(None) or "asked_meanwhile" in str(one) for one in verdicts)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert {request for _, request in await calls(world) if card_id in request} == {request_key(card_id, "secure", 1)}
    assert (await world.story(card_id)).count("payout.card_secured_asked") == 1
    assert await owed(world, card_id) == 465_00


async def test_second_payment_reuses_the_existing_lock(world: World, secured: tuple[str, str]) -> None:
    card_id, quote_id = secured
    await world.alipay.control(refuse="PAYEE_NOT_EXIST")
    key = payout_key(card_id, 1)
    await world.payout.prepare(card_id, quote_id, key)
    await world.payout.send(key)
    assert (await world.payout.conclude(key)).outcome is PayoutOutcome.REFUSED
    await world.alipay.control(refuse="")
    assert await spent(world, card_id) == 409, "the money is owed, so the card stays ours"
    before = await calls(world)
    assert await later(world).recheck(card_id, quote_id, 2) == RecheckFacts(None)
    assert (await calls(world))[len(before) :] == [("/v1/cards/secure/state", request_key(card_id, "secure", 1))]
    await world.payout.prepare(card_id, quote_id, payout_key(card_id, 2))


@pytest.mark.parametrize(("spends", "reason"), [(False, None), (True, EndReason.CHANGED)])
async def test_a_card_released_by_the_issuer_is_verified_again_under_another_key(
    world: World, secured: tuple[str, str], spends: bool, reason: EndReason | None
) -> None:
    card_id, quote_id = secured
    card = await world.card(card_id)
    issuer, number = world.verification._parties.issuer, cards.open_number(world.keyring, card) or ""
    await issuer.release(request_key(card_id, "secure", 1), card.brand, number)
    if spends:
        assert await spent(world, card_id) == 200
    assert (await later(world).recheck(card_id, quote_id)).end_reason is reason
    assert (await calls(world))[-1][1] == request_key(card_id, "secure-2", 1), "and the first is not released again"
    assert await spent(world, card_id) == (200 if spends else 409)


async def test_lock_lost_by_a_restore_is_recognised(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    card = await world.card(card_id)
    issuer, number = world.verification._parties.issuer, cards.open_number(world.keyring, card) or ""
    await issuer.secure(request_key(card_id, "secure", 1), card.brand, number, None, Secures.LOCK, Money(500_00))
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert await owed(world, card_id) == 465_00
    await world.payout.prepare(card_id, quote_id, payout_key(card_id, 1))


async def test_a_key_that_was_used_up_before_a_restore_is_followed_by_the_next(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    card = await world.card(card_id)
    issuer, number = world.verification._parties.issuer, cards.open_number(world.keyring, card) or ""
    await issuer.release(request_key(card_id, "secure", 1), card.brand, number)
    assert "released" in await attempted(world, card_id, quote_id)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert (await calls(world))[-1] == ("/v1/cards/secure", request_key(card_id, "secure-2", 1))


async def test_a_lock_of_less_than_was_quoted_is_released_and_the_quote_is_void(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    heard: list[str] = []
    async with _odd_issuer(world, heard, {"result": "locked", "amount_minor": 49_999, "currency": "CNY"}) as odd:
        assert (await odd.recheck(card_id, quote_id)).end_reason is EndReason.CHANGED
        assert (await odd.recheck(card_id, quote_id)).end_reason is EndReason.CHANGED
    assert heard == ["secure", "release"], "released once"
    assert ((await world.story(card_id))[-1], await owed(world, card_id)) == ("payout.card_released", 0)


async def test_redeemed_card_is_never_released(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote(brand_code="tmall")
    heard: list[str] = []
    async with _odd_issuer(world, heard, {"result": "redeemed", "amount_minor": 49_999, "currency": "CNY"}) as odd:
        with pytest.raises(ApplicationError, match="malformed"):
            await odd.recheck(card_id, quote_id)
    assert (heard, await owed(world, card_id) > 0) == (["secure"], True)


async def test_payment_requires_the_issuers_lock_answer(world: World, secured: tuple[str, str]) -> None:
    card_id, quote_id = secured
    async with world.database.transaction() as session:
        await session.execute(delete(AnswerRow).where(AnswerRow.card_id == card_id, AnswerRow.operation == "secure"))
    with pytest.raises(ApplicationError, match="not_secured") as refused:
        await world.payout.prepare(card_id, quote_id, payout_key(card_id, 1))
    assert not refused.value.non_retryable


async def test_a_journey_that_was_confirmed_before_cards_were_secured_is_paid(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    facts = {"quote": quote_id, "status": "active", "reason": ""}
    confirmed = Change(Stage.PAYOUT, WaitingFor.MACHINE, None, "payout.card_confirmed", facts)
    async with world.database.transaction() as session:
        await cards.record(session, card_id, confirmed)
    await world.payout.prepare(card_id, quote_id, payout_key(card_id, 1))


@asynccontextmanager
async def _odd_issuer(world: World, heard: list[str], answer: dict[str, Any]) -> AsyncIterator[Verification]:
    """The activity with an issuer that answers every request to secure a card so, and notes what it was asked."""
    app = FastAPI()
    app.post("/v1/cards/inquire")(lambda: GOOD)
    app.post("/v1/cards/consumption")(lambda: GOOD)
    app.post("/v1/cards/secure")(lambda: heard.append("secure") or answer)  # type: ignore[func-returns-value]
    app.post("/v1/cards/secure/release")(lambda: heard.append("release") or {"result": "released"})  # type: ignore[func-returns-value]
    async with running(app) as address, new_client(address) as client:
        issuer = IssuerGateway(SignedChannel("issuer", client, lambda: SECRET), Breakers())
        yield Verification(world.database, world.keyring, replace(world.verification._parties, issuer=issuer))


class _LosesTheAnswer(IssuerGateway):
    """An issuer whose answer to `secure` never arrives, though it is done."""

    def __init__(self, world: World) -> None:
        super().__init__(world.issuer.channel, Breakers())
        self._world = world

    async def secure(self, *given: Any) -> Any:
        await self._world.issuer.control(timeout_after_success_rate=1)
        return await super().secure(*given)


class _NeverSecures(IssuerGateway):
    """An issuer that no request to secure a card reaches."""

    async def secure(self, *given: Any) -> Any:
        async with new_client("http://127.0.0.1:1") as nowhere:
            return await IssuerGateway(SignedChannel("issuer", nowhere, lambda: SECRET), Breakers()).secure(*given)
