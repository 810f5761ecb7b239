"""A rejection follows the card's number, and a number alone blocks no seller: number and PIN together do."""

from __future__ import annotations

import pytest

from database.reads.cards.similar import rejections
from database.tables.cards import CardRow, SubmissionRow
from database.tables.review import ReviewDecisionRow
from domain.cards.card import EndReason, Outcome
from domain.cards.intake import SubmittedCard
from domain.cards.review import RejectReason, ReviewOutcome
from domain.errors.cards import DuplicateCard
from domain.money import Money
from tests.builders.world import World, a_typed_card


async def submitted(world: World, card: SubmittedCard) -> str:
    """The card, by a seller of its own."""
    return (await world.submitted(card)).card_ids[0]


async def reasons(world: World, card_id: str, number: int = 1) -> tuple[str, ...]:
    await world.verification.ask_issuer(card_id)
    return (await world.pricing.value(card_id, number)).review_reasons


@pytest.mark.parametrize(
    ("why", "follows"), [(RejectReason.NOT_THE_SELLERS, True), (RejectReason.FORGED, True), (RejectReason.NOT_DECIDED, False)]
)  # fmt: skip
async def test_a_number_rejected_for_cause_is_reviewed_for_any_seller(
    world: World, why: RejectReason, follows: bool
) -> None:
    card = a_typed_card()
    first = await submitted(world, card)
    assert await reasons(world, first) == ()
    await world.journey.end(first, Outcome.REJECTED, EndReason.REVIEWER, why.value)
    second = await submitted(world, card)
    assert await reasons(world, second) == (("rejected_before",) if follows else ())
    row = await world.card(second)
    (submission,) = await world.rows(SubmissionRow, id=row.submission_id)
    async with world.database.transaction() as session:
        seen = await rejections(session, row, submission.owner)
    assert [(one.card_id, one.reason, one.same_seller) for one in seen] == ([(first, why, False)] if follows else [])


async def test_its_approval_needs_a_second_person(world: World) -> None:
    card = a_typed_card()
    first = await submitted(world, card)
    await world.journey.end(first, Outcome.REJECTED, EndReason.REVIEWER, RejectReason.NOT_THE_SELLERS.value)
    second = await submitted(world, card)
    task = (await world.review.open(second, 1, list(await reasons(world, second)))).task_id
    person = await world.a_person("senior")
    assert await world.review_desk.leases.take(person, task)
    decision = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    assert (await the_need(world, decision)) == "risk"


async def the_need(world: World, decision: str) -> str:
    (row,) = await world.rows(ReviewDecisionRow, id=decision)
    return str(row.needs_check)


async def test_wrong_pin_attempt_does_not_block_the_true_holder(world: World) -> None:
    right = a_typed_card("walmart")
    wrong = SubmittedCard(**(vars(right) | {"pin": "9" * len(right.pin or "")}))
    guessed = await submitted(world, wrong)
    held = await submitted(world, right)  # Taken, and nothing said of the other.
    with pytest.raises(DuplicateCard):
        await submitted(world, right)  # Number and PIN together are the card.
    await submitted(world, SubmittedCard(**(vars(right) | {"pin": "8" * len(right.pin or "")})))
    prints = {(await world.card(one)).fingerprint for one in (guessed, held)}
    assert len(prints) == 1


async def test_card_number_is_live_only_once(world: World) -> None:
    right = a_typed_card("walmart", accept_at_or_above=Money(1))
    first = await submitted(world, right)
    second = await submitted(world, SubmittedCard(**(vars(right) | {"pin": "9" * len(right.pin or "")})))
    quotes = []
    for one in (first, second):
        await world.verification.ask_issuer(one)
        quotes.append((await world.pricing.value(one, 1)).quote_id)
    assert (await world.pricing.offer(first, quotes[0])).accepted
    withheld = await world.pricing.offer(second, quotes[1])
    assert (withheld.accepted, withheld.expires_in_s) == (False, 0)
    assert (await world.story(second))[-1] == "offer.withheld"
    rows: list[CardRow] = await world.rows(CardRow, fingerprint=(await world.card(first)).fingerprint)
    assert [row.id for row in rows if row.holds_number] == [first]
    await world.journey.end(first, Outcome.DECLINED, EndReason.DECLINED, None)
    third = await submitted(world, right)
    await world.verification.ask_issuer(third)
    assert (await world.pricing.offer(third, (await world.pricing.value(third, 1)).quote_id)).accepted
