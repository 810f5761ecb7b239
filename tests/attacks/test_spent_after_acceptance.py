"""A seller sells a card and goes shopping with it: before the payment nothing is paid, after it the issuer refuses the card."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError

from database import invariants
from database.repositories import cards
from database.tables.finance.payout import PayoutRow
from domain.finance.payout import PayoutOutcome
from domain.identifiers import payout_key
from tests.builders.world import World

OFFERED = pytest.mark.parametrize("brand_code", ["jd", "tmall"])  # One is locked, the other redeemed.


async def shops(world: World, card_id: str, amount_minor: int) -> bool:
    """Whether the issuer let the holder spend that much."""
    card = await world.card(card_id)
    purchase = {"brand": card.brand, "number": cards.open_number(world.keyring, card), "amount_minor": amount_minor}
    return (await world.issuer.plain.post("/spend", json=purchase)).is_success


async def paid(world: World, card_id: str, quote_id: str) -> PayoutOutcome:
    key = payout_key(card_id, 1)
    await world.payout.prepare(card_id, quote_id, key)
    await world.payout.send(key)
    return (await world.payout.conclude(key)).outcome


@OFFERED
@pytest.mark.parametrize("amount_minor", [1, 50_000])
async def test_seller_who_spends_after_accepting_is_not_paid(world: World, brand_code: str, amount_minor: int) -> None:
    card_id, quote_id = await world.an_accepted_quote(brand_code=brand_code)
    assert await shops(world, card_id, amount_minor)
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is not None
    with pytest.raises(ApplicationError, match="not accepted"):
        await paid(world, card_id, quote_id)
    assert await world.rows(PayoutRow, card_id=card_id) == []


@OFFERED
async def test_spending_after_the_last_check_is_refused_by_the_issuer(world: World, brand_code: str) -> None:
    card_id, quote_id = await world.a_confirmed_quote(brand_code=brand_code)
    assert not await shops(world, card_id, 1)
    assert await paid(world, card_id, quote_id) is PayoutOutcome.PAID
    assert not await shops(world, card_id, 1), "nor after the payment"


async def test_card_is_locked_while_the_gateway_is_away(world: World) -> None:
    card_id, key = await world.a_prepared_payout()
    await world.alipay.control(error_rate=1.0)
    with pytest.raises(ApplicationError):
        await world.payout.send(key)
    assert not await shops(world, card_id, 1)
    await world.alipay.control(error_rate=0.0)
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID
    await world.payout.conclude(key)
    assert not await shops(world, card_id, 1)
    async with world.database.transaction() as session:
        broken = await invariants.violations(session, world.keyring.evidence_public_key)
    assert [one for one in broken if card_id in one.what] == []
