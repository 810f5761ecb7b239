"""What no party confirms needs a second person, also after a reviewer corrected the fields and it was verified again."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from database.invariants import Look
from database.invariants.two_people import DecisionsByTwo
from database.tables.cards import CardRow
from database.tables.review import ReviewDecisionRow
from domain.cards.card import CardStatus
from domain.cards.review import ReviewOutcome
from domain.money import Currency
from services.cards.corrections import Corrections
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World, a_number

ALL = Look(most=100_000)


async def test_a_correction_that_is_still_unknown_when_verified_again_needs_a_second_person(world: World) -> None:
    card_id = await world.a_card("jd", magic="95")  # The issuer does not know it.
    assert (await world.verification.ask_issuer(card_id)).status is CardStatus.UNKNOWN
    valued = await world.pricing.value(card_id, 1)
    task = (await world.review.open(card_id, 1, list(valued.review_reasons))).task_id
    person = await world.a_person("senior")
    assert await world.review_desk.leases.take(person, task)
    given = Corrections(number=a_number("jd", "95"))
    corrected = await world.review_desk.decisions.record_decision(
        person, task, ReviewOutcome.APPROVE_CORRECTED, corrected=given
    )
    (decision,) = await world.rows(ReviewDecisionRow, id=corrected)
    assert decision.needs_check == ""  # Nothing is bought by it: the fields are verified again.
    assert (await world.review.apply(task, corrected)).fields_changed
    assert (await world.verification.ask_issuer(card_id)).status is CardStatus.UNKNOWN
    again = await world.pricing.value(card_id, 2)
    assert "issuer_unknown" in again.review_reasons
    second = (await world.review.open(card_id, 2, list(again.review_reasons))).task_id
    assert await world.review_desk.leases.take(person, second)
    approved = await world.review_desk.decisions.record_decision(person, second, ReviewOutcome.APPROVE)
    (decision,) = await world.rows(ReviewDecisionRow, id=approved)
    assert decision.needs_check == "unverified"


async def test_the_invariant_names_an_unverified_approval_of_one_person(world: World) -> None:
    _, task, person = await a_taken_task(world)
    decision = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    await world.review.apply(task, decision)
    async with world.database.transaction() as session:
        assert not [line for line in await DecisionsByTwo().broken(session, ALL) if decision in line]
        reasons = {"task": task}
        await session.execute(text("UPDATE work_item SET reasons = '[\"issuer_unknown\"]' WHERE id = :task"), reasons)
        assert [line for line in await DecisionsByTwo().broken(session, ALL) if decision in line and "no party" in line]
        await session.rollback()


@pytest.mark.parametrize(("face_minor", "named"), [(50_000, True), (49_999, False)])
async def test_the_invariant_compares_foreign_cards_for_what_they_can_be_worth(
    world: World, face_minor: int, named: bool
) -> None:
    card_id, _ = await world.a_prepared_payout()
    task = (await world.review.open(card_id, 1, ["card_type"])).task_id
    person = await world.a_person("senior")
    row = ReviewDecisionRow(
        id=f"D{card_id}", task_id=task, card_id=card_id, person_id=person, outcome=ReviewOutcome.APPROVE
    )
    async with world.database.transaction() as session:
        session.add(row)
        await session.flush()
        await session.execute(text("UPDATE review_decision SET applied_at = now() WHERE id = :id"), {"id": row.id})
        card = await session.get_one(CardRow, card_id)
        card.currency, card.face_value_minor = Currency.USD, face_minor
        await session.flush()
        assert bool([line for line in await DecisionsByTwo().broken(session, ALL) if card_id in line]) is named
        await session.rollback()
