"""A repeated request gets its first receipt, whatever rules, days and languages say meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import update

from database.tables.cards import CardRow
from domain.errors.general import IdempotencyKeyReused
from domain.identifiers import new_id
from tests.builders.world import World, a_submission, a_typed_card


async def test_answer_language_is_not_part_of_the_content(world: World) -> None:
    chinese = a_submission(a_typed_card(), owner=await world.a_seller())
    first = await world.intake.submit(chinese)
    again = await world.intake.submit(replace(chinese, locale="en"))
    assert (again.submission_id, again.card_ids, again.repeated) == (first.submission_id, first.card_ids, True)


async def test_repeated_submission_returns_its_receipt_after_a_refusal(world: World) -> None:
    """The same card is live now, so judging the repetition like a new request would refuse it as a duplicate."""
    submission = a_submission(a_typed_card(), owner=await world.a_seller())
    first = await world.intake.submit(submission)
    async with world.database.transaction() as session:
        await session.execute(
            update(CardRow).where(CardRow.id == first.card_ids[0]).values(expires_on=date(2020, 1, 31))
        )
    again = await world.intake.submit(submission)
    assert (again.card_ids, again.repeated) == (first.card_ids, True)


async def test_another_content_under_the_key_is_refused_before_its_fields_are_judged(world: World) -> None:
    owner, key = await world.a_seller(), new_id()
    await world.intake.submit(a_submission(a_typed_card(), owner=owner, key=key))
    with pytest.raises(IdempotencyKeyReused):
        await world.intake.submit(a_submission(a_typed_card(expiry=date(2020, 1, 31)), owner=owner, key=key))


async def test_payee_is_normalised(world: World) -> None:
    owner, key = await world.a_seller(), new_id()
    card = a_typed_card()
    typed = replace(
        a_submission(card, owner=owner, key=key), payee_account="１３８００００００２１", payee_name=" 王\u200b芳"
    )
    first = await world.intake.submit(typed)
    plain = replace(typed, payee_account="13800000021", payee_name="王芳")
    assert (await world.intake.submit(plain)).submission_id == first.submission_id
