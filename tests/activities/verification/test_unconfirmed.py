"""A card that people approved without its issuer's word is asked about again before payment, and secured where it is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.verification.inquiry import Verification
from database.repositories import cards
from database.tables.cards import AnswerRow, CardEventRow, QuoteRow
from domain.cards.card import CardStatus, EndReason
from domain.cards.facts import RecheckFacts
from domain.cards.pricing import QuoteState
from domain.money import Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.limits import KIND as LIMITS
from gateways.breaker import Breakers
from gateways.http import SignedChannel, new_client
from gateways.issuer import IssuerGateway
from services.cards.payable import _confirmation, _secured
from tests.builders.owing import owed
from tests.builders.world import World
from tests.simulators.running import SECRET

UNCONFIRMED = "payout.card_unconfirmed"


async def unknown(world: World, **more: Any) -> tuple[str, str]:
    """The accepted quote of a card that its issuer does not know."""
    card_id = await world.a_card("jd", magic="95", accept_at_or_above=Money(1), **more)
    assert (await world.verification.ask_issuer(card_id)).status is CardStatus.UNKNOWN
    quote_id = (await world.pricing.value(card_id, 1)).quote_id
    assert (await world.pricing.offer(card_id, quote_id)).accepted
    return card_id, quote_id


async def becomes_known(world: World, card_id: str, **book: Any) -> None:
    card = await world.card(card_id)
    entry = {
        "brand": card.brand, "number": cards.open_number(world.keyring, card), "face_minor": 50_000,
        "balance_minor": 50_000, "status": "active", **book,
    }  # fmt: skip
    (await world.issuer.plain.post("/book", json=entry)).raise_for_status()


async def spent(world: World, card_id: str) -> int:
    """The status with which the issuer answers the holder's purchase."""
    card = await world.card(card_id)
    purchase = {"brand": card.brand, "number": cards.open_number(world.keyring, card), "amount_minor": 100}
    return (await world.issuer.plain.post("/spend", json=purchase)).status_code


async def may_be_paid(world: World, card_id: str, quote_id: str) -> bool:
    """Return whether nothing about securing the card blocks its payment."""
    async with world.database.transaction() as session:
        quote = await session.get_one(QuoteRow, quote_id)
        return await _secured(session, quote, await _confirmation(session, quote))


async def the_unconfirmed(world: World, card_id: str) -> list[str]:
    return [row.facts["status"] for row in await world.rows(CardEventRow, card_id=card_id, what=UNCONFIRMED)]


def after(world: World, minutes: int) -> Verification:
    """The activity so many minutes from now."""
    parties = world.verification._parties
    return Verification(
        world.database, world.keyring, parties, now=lambda: datetime.now(UTC) + timedelta(minutes=minutes)
    )


async def test_a_card_that_its_issuer_knows_by_now_is_secured_before_it_is_paid(world: World) -> None:
    card_id, quote_id = await unknown(world)
    await becomes_known(world, card_id)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert await spent(world, card_id) == 409
    assert (await world.story(card_id))[-2:] == ["payout.card_secured_asked", "payout.card_confirmed"]
    assert await may_be_paid(world, card_id, quote_id)


@pytest.mark.parametrize(
    ("book", "reason"),
    [
        ({"balance_minor": 0}, EndReason.NOTHING_LEFT),
        ({"balance_minor": 100}, EndReason.CHANGED),
        ({"status": "lost"}, EndReason.LOST),
        ({"status": "frozen"}, EndReason.FROZEN),
    ],
)
async def test_what_the_issuer_says_by_now_counts_more_than_the_approval(
    world: World, book: dict[str, Any], reason: EndReason
) -> None:
    card_id, quote_id = await unknown(world)
    await becomes_known(world, card_id, **book)
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is reason
    (quote,) = await world.rows(QuoteRow, id=quote_id)
    assert (quote.state, await owed(world, card_id)) == (QuoteState.VOIDED, 0)


async def test_a_card_that_its_issuer_still_does_not_know_is_paid_on_the_approval_and_the_question_is_kept(
    world: World,
) -> None:
    card_id, quote_id = await unknown(world)
    before = len(await world.rows(AnswerRow, card_id=card_id))
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert len(await world.rows(AnswerRow, card_id=card_id)) > before
    assert await the_unconfirmed(world, card_id) == ["unknown"]
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert await the_unconfirmed(world, card_id) == ["unknown"], "asked once"
    assert await owed(world, card_id) > 0
    assert await may_be_paid(world, card_id, quote_id)


async def test_a_silent_issuer_holds_up_the_payment_for_half_an_hour(world: World) -> None:
    card_id, quote_id = await unknown(world)
    await world.issuer.control(error_rate=1.0)
    for early in (world.verification, after(world, 29)):
        with pytest.raises(ApplicationError) as failed:
            await early.recheck(card_id, quote_id)
        assert (failed.value.type, failed.value.non_retryable) == ("gateway_unavailable", False)
    assert await the_unconfirmed(world, card_id) == []
    assert await after(world, 31).recheck(card_id, quote_id) == RecheckFacts(None)
    assert await the_unconfirmed(world, card_id) == ["silent"]
    assert await may_be_paid(world, card_id, quote_id)


async def test_how_long_a_silent_issuer_holds_a_payment_is_a_policy_and_its_version_is_kept(world: World) -> None:
    (built_in,) = LIMITS.built_in()
    ninety_s = PolicyDocument(
        LIMITS.code, 1, "limits-1", built_in.effective_from, {**built_in.document, "silent_issuer_holds_s": 90}
    )
    card_id, quote_id = await unknown(world)
    await world.issuer.control(error_rate=1.0)
    with pytest.raises(ApplicationError):
        await after(world, 2).recheck(card_id, quote_id)
    BOOK.fill(LIMITS.code, [ninety_s])
    with pytest.raises(ApplicationError):
        await after(world, 1).recheck(card_id, quote_id)
    assert await after(world, 2).recheck(card_id, quote_id) == RecheckFacts(None)
    (event,) = await world.rows(CardEventRow, card_id=card_id, what=UNCONFIRMED)
    assert (event.facts["status"], event.facts["limits"]) == ("silent", "limits-1")


async def test_a_card_that_its_issuer_knew_waits_for_the_issuer_however_long(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    await world.issuer.control(error_rate=1.0)
    with pytest.raises(ApplicationError):
        await after(world, 600).recheck(card_id, quote_id)


async def test_a_lock_that_may_be_under_way_is_cleared_up_however_long_that_takes(world: World) -> None:
    card_id, quote_id = await unknown(world)
    await becomes_known(world, card_id)
    async with new_client("http://127.0.0.1:1") as nowhere:
        silent = IssuerGateway(SignedChannel("issuer", nowhere, lambda: SECRET), Breakers())
        await world.issuer.control(secure_undecided=True)
        with pytest.raises(ApplicationError):
            await world.verification.recheck(card_id, quote_id)
        cut_off = after(world, 600)
        cut_off._parties = replace(cut_off._parties, issuer=silent)
        with pytest.raises(ApplicationError):
            await cut_off.recheck(card_id, quote_id)
    assert await the_unconfirmed(world, card_id) == []
    assert not await may_be_paid(world, card_id, quote_id)
    await world.issuer.control(secure_undecided=False)
    assert await world.verification.recheck(card_id, quote_id) == RecheckFacts(None)
    assert await may_be_paid(world, card_id, quote_id)


async def test_a_card_that_cannot_be_secured_counts_as_spendable_though_its_issuer_secures_others(world: World) -> None:
    """Two people see that the seller may go on using it, beyond the limits for such cards."""
    owner = await world.a_seller()
    card_id = await world.a_card("jd", magic="95", owner=owner, face_value=Money(2_000_00))
    await world.verification.ask_issuer(card_id)
    assert "spendable" in (await world.pricing.value(card_id, 1)).review_reasons
    known = await world.a_card("jd", owner=owner, face_value=Money(500_00))
    await world.verification.ask_issuer(known)
    assert "spendable" not in (await world.pricing.value(known, 1)).review_reasons


async def test_unknown_cards_of_one_seller_are_added_up(world: World) -> None:
    owner = await world.a_seller()
    reasons = []
    for _ in range(7):
        card_id = await world.a_card("jd", magic="95", owner=owner, face_value=Money(900_00))
        await world.verification.ask_issuer(card_id)
        reasons.append("spendable" in (await world.pricing.value(card_id, 1)).review_reasons)
    assert reasons[0] is False
    assert reasons[-1] is True
