"""The offline point that took cards in is kept with them, and asked for by the rules that split their sales."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from database.tables.cards import SubmissionRow
from database.tables.finance.sales import SaleRow, SaleSplitRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused
from domain.finance.waterfall import PartKind
from domain.money import Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.splits import KIND
from tests.builders.selling import a_bought_card, sold
from tests.builders.split_rules import a_document
from tests.builders.world import World, a_submission, a_typed_card


@pytest.fixture(autouse=True)
def points() -> Iterator[None]:
    """Rules in which `corner` is an intake point with 15 % of the spread of what it took in."""
    document = KIND.require_valid(a_document(), {})
    BOOK.fill("splits", [PolicyDocument("splits", 1, "splits-1", date(2020, 1, 1), document)])
    yield
    BOOK.fill("splits", [])


async def test_only_an_intake_point_of_the_rules_takes_cards_in(world: World) -> None:
    for unknown in ("nowhere", "mall", "CORNER"):  # The mall is an outlet.
        with pytest.raises(FieldInvalid) as refused:
            await world.intake.submit(
                replace(a_submission(a_typed_card(), owner=await world.a_seller()), intake_point=unknown)
            )
        assert refused.value.data == {"field": "intake_point", "why": "not_offered"}


async def test_intake_point_is_part_of_the_submission_content(world: World) -> None:
    given = replace(a_submission(a_typed_card(), owner=await world.a_seller()), intake_point="corner")
    receipt = await world.intake.submit(given)
    (row,) = await world.rows(SubmissionRow, id=receipt.submission_id)
    assert row.intake_point == "corner"
    assert (await world.intake.submit(given)).repeated
    with pytest.raises(IdempotencyKeyReused):
        await world.intake.submit(replace(given, intake_point=""))


async def test_intake_point_gets_its_share(world: World) -> None:
    person = await world.a_person("finance")
    taken, other = await a_bought_card(world), await a_bought_card(world)
    async with world.database.transaction() as session:
        submission = (await world.card(taken)).submission_id
        (await session.get_one(SubmissionRow, submission)).intake_point = "corner"
    parts = {}
    for card in (taken, other):
        sale = await sold(world, person, card)
        (row,) = await world.rows(SaleRow, id=sale)
        found = [one for one in await world.rows(SaleSplitRow, sale_id=sale) if one.part is PartKind.SHARE]
        shares = {one.account: Money(one.amount_minor) for one in found if one.rule in ("taken-in", "rest")}
        parts[row.intake_point] = shares.get("partner_share:corner")
    assert parts == {"corner": Money(1_50), "": Money(33)}  # Of the spread of 10.00.
