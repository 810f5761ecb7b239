"""What sellers typed or confirmed is held against the readings: by brand, field and condition, of photos that show one card."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from domain.cards.card import Stage, WaitingFor
from domain.cards.reading import Box, FieldName, ReadField, Reason
from domain.quality.reading_figures import Tally
from services.quality.seller_values import SellerValues, seller_values
from tests.builders.own_world import own_world
from tests.builders.readings import a_read_card, printed, read_again
from tests.builders.world import World, a_number

world = own_world("seller_values")


async def given(world: World, card_id: str, **fields: Any) -> None:
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    await world.intake.correct_fields(card_id, actor="seller:S", **fields)


async def values(world: World, brand: str = "") -> SellerValues:
    async with world.database.transaction() as session:
        return await seller_values(session, datetime.now(UTC), 1, brand)


async def test_values_are_counted_as_agreeing_left_and_different(world: World) -> None:
    number, typed = a_number("walmart"), a_number("jd")
    doubtful = ReadField(FieldName.PIN, "604128", 0.6, Box(1, 1, 9, 9), reasons=(Reason.BLURRED,))
    card_id, _ = await a_read_card(world, (*printed(brand="walmart", number=number), doubtful))
    assert (await values(world)).whole == Tally(0, 0, 0, 0), "nobody gave anything yet, and a brand is chosen, not read"
    await given(world, card_id, pin="604123")
    await a_read_card(world, printed(number=typed), "jd", number=typed)
    differing, _ = await a_read_card(world, printed(0.95, number=a_number("jd")), "jd", number=a_number("jd"))
    beside = printed(number=a_number("jd"), pin="111111")
    own = a_number("jd")
    await a_read_card(world, printed(number=own), "jd", another=beside, number=own)
    found = await values(world)
    assert (found.whole, found.left) == (Tally(4, 2, 3, 1), 1)
    assert dict(found.brands) == {"jd": Tally(2, 1, 2, 1), "walmart": Tally(2, 1, 1, 0)}
    assert dict(found.fields) == {"number": Tally(3, 2, 3, 1), "pin": Tally(1, 0, 0, 0)}
    assert dict(found.conditions) == {"plain": Tally(3, 2, 3, 1), "blurred": Tally(1, 0, 0, 0)}
    assert [parts for parts, _ in found.cells] == [
        ("jd", "number", "plain"), ("walmart", "number", "plain"), ("walmart", "pin", "blurred"),
    ]  # fmt: skip
    share = found.whole.exact
    assert share is not None
    assert (share.part, share.whole, share.low, share.high) == (2, 4, 15, 85)
    assert (await values(world, "walmart")).whole == Tally(2, 1, 1, 0)
    await read_again(world, differing, printed(number=a_number("jd")))
    assert (await values(world, "jd")).whole.labels == 3, "another photo of the card was read"
