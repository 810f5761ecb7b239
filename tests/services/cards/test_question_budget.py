"""Asking about cards costs money: an owner whose cards are asked about and never sold is stopped for a day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from database.tables.cards import AnswerRow
from database.tables.columns import now
from domain.errors.finance import QuestionsUsedUp
from domain.money import Money
from domain.places import business_day
from domain.rules.velocity import velocity_in_force
from tests.builders.world import World, a_typed_card

MOST_FEN = velocity_in_force(business_day(now())).questions_fen["seller"]


async def asked_about(world: World, owner: str, cost_fen: int, *, sold: bool = False) -> str:
    """A card of that owner whose questions have cost so much."""
    card_id = await world.a_card("jd", owner=owner, accept_at_or_above=Money(1) if sold else None)
    await world.verification.ask_issuer(card_id)
    async with world.database.transaction() as session:
        costs = update(AnswerRow).where(AnswerRow.card_id == card_id).values(cost_fen=0)
        await session.execute(costs)
        first = (await world.rows(AnswerRow, card_id=card_id))[0]
        await session.execute(update(AnswerRow).where(AnswerRow.id == first.id).values(cost_fen=cost_fen))
    if sold:
        valued = await world.pricing.value(card_id, 1)
        assert (await world.pricing.offer(card_id, valued.quote_id)).accepted
    return card_id


async def test_cards_beyond_the_question_budget_are_refused(world: World) -> None:
    owner = await world.a_seller()
    await asked_about(world, owner, MOST_FEN - 1)
    await asked_about(world, owner, 1)
    with pytest.raises(QuestionsUsedUp):
        await world.submitted(a_typed_card("jd"), owner=owner)
    assert (await world.submitted(a_typed_card("jd"))).card_ids


async def test_cards_that_were_sold_and_questions_of_yesterday_do_not_count(world: World) -> None:
    owner = await world.a_seller()
    await asked_about(world, owner, MOST_FEN, sold=True)
    old = await asked_about(world, owner, MOST_FEN)
    async with world.database.transaction() as session:
        yesterday = update(AnswerRow).where(AnswerRow.card_id == old).values(at=now() - timedelta(days=1, minutes=1))
        await session.execute(yesterday)
    assert (await world.submitted(a_typed_card("jd"), owner=owner)).card_ids


async def test_a_repeated_submission_gets_its_receipt_also_beyond_the_budget(world: World) -> None:
    owner, card = await world.a_seller(), a_typed_card("jd")
    first = await world.submitted(card, owner=owner, key="once")
    await asked_about(world, owner, MOST_FEN)
    assert (await world.submitted(card, owner=owner, key="once")).card_ids == first.card_ids
