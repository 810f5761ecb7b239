"""A blind review is for a person on neither side of the first decision, without texts that reveal a secret."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from database.tables.people import RelativeRow
from database.tables.quality import BlindReviewRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import RejectReason, ReviewOutcome
from domain.errors.work import NotEligible, OwnWork, SecretInWords
from domain.work.task import CheckVerdict
from services.quality.blind_review import BlindReviews, draw
from tests.builders.blind_reviews import ALL, drawn
from tests.builders.four_eyes import eyes, held_by_checker, staged
from tests.builders.typed_numbers import the_number
from tests.builders.world import World


async def drawn_after_a_check(world: World) -> tuple[str, list[str]]:
    """An open second review of a card that was returned once and then applied; and everybody who had a say in it."""
    review = eyes(world)
    _, task, maker, _ = await staged(world, review)
    returner = await held_by_checker(review, await world.a_person(), task)
    await review.checks.check(returner, task, CheckVerdict.RETURN, "look_again")
    await review.tasks.unassign(maker, task)
    second_maker = await held_by_checker(review, await world.a_person(), task)
    decision = await review.decisions.record_decision(second_maker, task, ReviewOutcome.APPROVE)
    checker = await held_by_checker(review, await world.a_person("senior"), task)
    await review.checks.check(checker, task, CheckVerdict.APPLY)
    await world.review.apply(task, decision)
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE blind_review SET settled_at = now() WHERE settled_at IS NULL"))
        await session.execute(text("DELETE FROM blind_review WHERE decision_id = :id"), {"id": decision})
        made = await session.get_one(ReviewDecisionRow, decision)
        await draw(session, world.keyring, await session.get_one(WorkItemRow, task), made, datetime.now(UTC), ALL)
    (row,) = await world.rows(BlindReviewRow, decision_id=decision)
    return row.id, [maker, returner, second_maker, checker]


async def test_maker_and_checker_cannot_review_the_card_blind(world: World) -> None:
    second = BlindReviews(world.database, world.keyring)
    review_id, knowing = await drawn_after_a_check(world)
    for person in knowing:
        assert await second.take(person) is None
        with pytest.raises(OwnWork):
            await second.take(person, review_id)
        with pytest.raises(OwnWork):
            await second.decide(person, review_id, ReviewOutcome.APPROVE)
    stranger = await world.a_person()
    await second.take(stranger, review_id)
    await second.decide(stranger, review_id, ReviewOutcome.REJECT, RejectReason.FORGED)
    with pytest.raises(OwnWork):
        await second.settle(knowing[-1], review_id, ReviewOutcome.APPROVE)


async def test_blind_review_note_cannot_hold_the_card_number(world: World) -> None:
    second = BlindReviews(world.database, world.keyring)
    review_id, _ = await drawn(world)
    (row,) = await world.rows(BlindReviewRow, id=review_id)
    number = await the_number(world, row.card_id)
    colleague, senior = await world.a_person(), await world.a_person("senior")
    await second.take(colleague, review_id)
    with pytest.raises(SecretInWords):
        await second.decide(colleague, review_id, ReviewOutcome.REJECT, RejectReason.FORGED, f"it is {number}")
    await second.decide(colleague, review_id, ReviewOutcome.REJECT, RejectReason.FORGED, "it is a copy")
    with pytest.raises(SecretInWords):
        await second.settle(senior, review_id, ReviewOutcome.REJECT, f"it is {number}")
    (row,) = await world.rows(BlindReviewRow, id=review_id)
    assert (row.second_note, row.senior_note, row.settled_at) == ("it is a copy", "", None)


async def test_relatives_card_is_refused_for_blind_review(world: World) -> None:
    second = BlindReviews(world.database, world.keyring)
    review_id, _ = await drawn(world)
    (row,) = await world.rows(BlindReviewRow, id=review_id)
    cousin, senior = await world.a_person(), await world.a_person("senior")
    seller = await world.payee_of(row.card_id)
    async with world.database.transaction() as session:
        session.add_all(RelativeRow(person_id=person, seller=seller) for person in (cousin, senior))
    assert await second.take(cousin) is None
    with pytest.raises(NotEligible):
        await second.take(cousin, review_id)
    stranger = await world.a_person()
    await second.take(stranger, review_id)
    await second.decide(stranger, review_id, ReviewOutcome.REJECT, RejectReason.FORGED)
    for act in (second.look(senior, review_id), second.settle(senior, review_id, ReviewOutcome.APPROVE)):
        with pytest.raises(NotEligible):
            await act
    await second.look(await world.a_person("senior"), review_id)
