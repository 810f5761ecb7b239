"""Right before payment the issuer is asked once more, at the real simulator: what it takes back is not paid."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.verification.inquiry import Verification
from database.invariants import Look
from database.invariants.books import EntriesSumToZero
from database.repositories import cards
from database.tables.cards import AnswerRow, QuoteRow
from domain.cards.card import EndReason
from domain.cards.facts import RecheckFacts
from domain.cards.pricing import QuoteState
from domain.identifiers import payout_key
from domain.money import Money
from gateways.breaker import Breakers
from gateways.http import SignedChannel
from gateways.issuer import IssuerGateway
from tests.builders.owing import owed
from tests.builders.world import World


async def rebooked(world: World, card_id: str, **values: Any) -> None:
    """Change the issuer's book: the card was used, or reported lost."""
    card = await world.card(card_id)
    number = cards.open_number(world.keyring, card)
    entry = {"brand": card.brand, "number": number, "face_minor": 50_000, **values}
    (await world.issuer.plain.post("/book", json=entry)).raise_for_status()


async def test_a_card_that_is_as_quoted_may_be_paid_and_the_answer_is_kept(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    asked_before = len(await world.rows(AnswerRow, card_id=card_id))
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert len(await world.rows(AnswerRow, card_id=card_id)) == asked_before + 3  # Balance, purchases, and the lock.
    assert (await world.story(card_id))[-1] == "payout.card_confirmed"
    assert await owed(world, card_id) == 465_00


@pytest.mark.parametrize(
    ("book", "reason"),
    [
        ({"balance_minor": 0}, EndReason.NOTHING_LEFT),
        ({"balance_minor": 49_999}, EndReason.CHANGED),
        ({"status": "frozen", "balance_minor": 50_000}, EndReason.FROZEN),
        ({"status": "lost", "balance_minor": 50_000}, EndReason.LOST),
        ({"status": "unknown", "balance_minor": 50_000}, EndReason.CHANGED),
        ({"balance_minor": 50_000, "consumption": [{"at": "2026-11-27T10:00:00+08:00", "amount_minor": 20_000}]}, None),
    ],
)
async def test_a_card_that_lost_its_worth_after_the_quote_is_not_paid(
    world: World, book: dict[str, Any], reason: EndReason | None
) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    await rebooked(world, card_id, **book)
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is reason
    (quote,) = await world.rows(QuoteRow, id=quote_id)
    assert (quote.state is QuoteState.VOIDED) is (reason is not None)
    assert await owed(world, card_id) == (465_00 if reason is None else 0)
    if reason is not None:
        with pytest.raises(ApplicationError, match="not accepted"):
            await world.payout.prepare(card_id, quote_id, payout_key(card_id, 1))


async def test_asking_twice_reverses_the_debt_once(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    await rebooked(world, card_id, balance_minor=0)
    await asyncio.gather(*(world.verification.recheck(card_id, quote_id) for _ in range(3)))
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is EndReason.NOTHING_LEFT
    assert await owed(world, card_id) == 0
    async with world.database.transaction() as session:
        lines = await EntriesSumToZero().broken(session, Look())
    assert lines == []


async def test_without_an_answer_nothing_is_decided(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    await world.issuer.control(error_rate=1.0)
    with pytest.raises(ApplicationError) as failed:
        await world.verification.recheck(card_id, quote_id)
    assert (failed.value.type, failed.value.non_retryable) == ("gateway_unavailable", False)
    assert await owed(world, card_id) == 465_00


@pytest.mark.parametrize(("balance_minor", "reason"), [(50_000, None), (49_999, EndReason.CHANGED)])
async def test_a_foreign_card_is_compared_in_its_own_currency(
    world: World, balance_minor: int, reason: EndReason | None
) -> None:
    card_id, quote_id = await _accepted_abroad(world)
    await rebooked(world, card_id, balance_minor=balance_minor, currency="USD")
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is reason


async def test_a_verdict_stays_though_the_issuer_changes_its_mind(world: World) -> None:
    """A worker may be lost after the commit: the repeated activity must end the card for the reason it was voided for."""
    card_id, quote_id = await world.an_accepted_quote()
    await rebooked(world, card_id, status="frozen", balance_minor=50_000)
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is EndReason.FROZEN
    await rebooked(world, card_id, balance_minor=50_000)
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is EndReason.FROZEN
    assert await owed(world, card_id) == 0


async def test_a_fault_of_our_request_voids_no_quote(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    channel = SignedChannel("issuer", world.issuer.plain, lambda: "a secret that was rotated wrongly")
    parties = replace(world.verification._parties, issuer=IssuerGateway(channel, Breakers()))
    misconfigured = Verification(world.database, world.keyring, parties)
    with pytest.raises(ApplicationError) as failed:
        await misconfigured.recheck(card_id, quote_id)
    assert (failed.value.type, failed.value.non_retryable) == ("gateway_unavailable", False)
    assert await owed(world, card_id) == 465_00
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)


async def test_an_attempt_that_comes_late_voids_no_quote_that_was_just_confirmed(world: World) -> None:
    card_id, quote_id = await _accepted_abroad(world)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    debt = await owed(world, card_id)
    await rebooked(world, card_id, balance_minor=0)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert await owed(world, card_id) == debt > 0
    parties = world.verification._parties
    later = Verification(world.database, world.keyring, parties, now=lambda: datetime.now(UTC) + timedelta(minutes=6))
    assert (await later.recheck(card_id, quote_id)).end_reason is EndReason.NOTHING_LEFT
    assert await owed(world, card_id) == 0


async def _accepted_abroad(world: World) -> tuple[str, str]:
    """The accepted quote of a foreign card, which its issuer neither locks nor redeems."""
    card_id = await world.a_card("amazon-us", accept_at_or_above=Money(1))
    await world.verification.ask_issuer(card_id)
    await world.verification.open_channel(card_id)
    quote_id = (await world.pricing.value(card_id, 1)).quote_id
    assert (await world.pricing.offer(card_id, quote_id)).accepted
    return card_id, quote_id
