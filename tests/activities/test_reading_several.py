"""Several cards in one photo: only what speaks of this card is put on it, and only that contradicts its seller."""

from __future__ import annotations

import pytest

from activities.reading import CardReading
from database.repositories import cards
from domain.cards.intake import SubmittedCard
from domain.money import Money
from tests.builders.photos import a_photo
from tests.builders.readings import PrintedReader, a_read_card, printed
from tests.builders.world import World, a_number


@pytest.mark.parametrize("own_first", [True, False])
@pytest.mark.parametrize(("own_face", "reasons"), [("500.00 CNY", ()), ("300.00 CNY", ("conflicting_answers",))])
async def test_another_card_in_the_photo_contradicts_nothing_that_the_seller_typed(
    world: World, own_face: str, reasons: tuple[str, ...], own_first: bool
) -> None:
    typed = a_number("jd")
    mine, beside = printed(number=typed, face_value=own_face), printed(number=a_number("jd"), face_value="1000.00 CNY")
    first, second = (mine, beside) if own_first else (beside, mine)
    card_id, _ = await a_read_card(world, first, "jd", another=second, number=typed, face_value=Money(500_00))
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == reasons


async def test_a_typed_number_that_no_card_in_the_photo_has_is_contradicted(world: World) -> None:
    shown = printed(number=a_number("jd")), printed(number=a_number("jd"))
    card_id, _ = await a_read_card(world, shown[0], "jd", another=shown[1], number=a_number("jd"))
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ("conflicting_answers",)


@pytest.mark.parametrize("own_first", [True, False])
@pytest.mark.parametrize("typed", [True, False])
async def test_a_field_of_another_card_in_the_same_photo_is_not_put_on_this_one(
    world: World, own_first: bool, typed: bool
) -> None:
    number = a_number("walmart")
    own = printed(0.8, number=number, face_value="500.00 CNY")
    beside = printed(number="7" * 15 if not typed else a_number("walmart"), pin="111111", expiry="2099-12-31")
    shown = (own, beside) if own_first else (beside, own)
    sent = SubmittedCard("walmart", photos=(a_photo(),), number=number if typed else None)
    card_id = (await world.submitted(sent)).card_ids[0]
    reading = CardReading(world.database, world.keyring, world.photos, PrintedReader(*shown))
    await reading.read_photos(card_id)
    card = await world.card(card_id)
    assert (card.pin_sealed, card.expires_on) == (None, None)
    if not typed:
        assert (card.number_tail, card.face_value_minor) == (number[-4:], 500_00)


async def test_of_two_neighbouring_numbers_in_one_photo_that_of_the_card_counts(world: World) -> None:
    number = a_number("walmart")
    neighbour = number[:-2] + ("5" if number[-2] != "5" else "6") + number[-1]
    own, beside = printed(0.8, number=number, pin="604128"), printed(0.99, number=neighbour, pin="111111")
    sent = SubmittedCard("walmart", photos=(a_photo(),), number=number)
    card_id = (await world.submitted(sent)).card_ids[0]
    await CardReading(world.database, world.keyring, world.photos, PrintedReader(beside, own)).read_photos(card_id)
    assert cards.open_pin(world.keyring, await world.card(card_id)) == "604128"


async def test_a_card_beside_its_receipt_is_read_from_both(world: World) -> None:
    number = a_number("walmart")
    card, receipt = printed(0.95, number=number, pin="604128"), printed(0.99, number=number, face_value="500.00 CNY")
    card_id, _ = await a_read_card(world, card, another=receipt, number=number)
    row = await world.card(card_id)
    assert (cards.open_pin(world.keyring, row), row.face_value_minor) == ("604128", 500_00)
