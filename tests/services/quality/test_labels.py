"""A photo is labelled once: by its latest reading, and by the latest approval of its card."""

from __future__ import annotations

import pytest

from activities.reading import CardReading
from database.reads.quality import reading_labels as reads
from database.sealed import LABEL_READ
from database.tables.cards import ReadingRow
from database.tables.columns import now
from database.tables.quality import ReadingLabelRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.intake import SubmittedCard
from domain.cards.reading import ReadField, Reading
from domain.cards.review import ReviewOutcome
from domain.money import Money
from services.cards.corrections import Corrections, mark_of
from services.quality.reading_labels import streamed
from tests.builders.photos import a_photo
from tests.builders.readings import CardsInTurn, PrintedReader, a_read_card, printed
from tests.builders.world import World, a_number


async def approved(world: World, card_id: str, number: int, corrected: Corrections | None = None) -> str:
    """The card's n-th task, approved; returns the decision."""
    task, person = await world.review.open(card_id, number, ["card_type"]), await world.a_person()
    await world.review_desk.leases.take(person, task.task_id)
    outcome = ReviewOutcome.APPROVE if corrected is None else ReviewOutcome.APPROVE_CORRECTED
    written = {} if corrected is None else corrected.written()
    confirmed = [mark_of(world.keyring, card_id, name, value) for name, value in written.items()]
    decision = await world.review_desk.decisions.record_decision(
        person, task.task_id, outcome, corrected=corrected, confirmed=confirmed
    )
    await world.review.apply(task.task_id, decision)
    return decision


async def kept(world: World, card_id: str) -> dict[str, ReadingLabelRow]:
    """Labels by field, none of which is there twice."""
    rows = await world.rows(ReadingLabelRow, card_id=card_id)
    labels = {row.field: row for row in rows}
    assert len(labels) == len(rows) > 0
    return labels


async def test_a_photo_that_was_read_twice_is_labelled_by_what_was_read_last(world: World) -> None:
    number = a_number("walmart")
    card_id, _ = await a_read_card(
        world, printed(brand="walmart", number=number, pin="111111", face_value="500.00 CNY")
    )
    again = printed(brand="walmart", number=number, pin="604128", face_value="500.00 CNY")
    await CardReading(world.database, world.keyring, world.photos, PrintedReader(again)).read_photos(card_id)
    assert len(await world.rows(ReadingRow, card_id=card_id)) == 2
    await approved(world, card_id, 1, Corrections(pin="604128"))
    labels = await kept(world, card_id)
    assert labels["pin"].accepted
    assert set(labels) == {"number", "pin", "face_value"}


async def test_a_card_that_is_approved_again_is_labelled_by_the_later_truth(world: World) -> None:
    fields = printed(brand="walmart", number=a_number("walmart"), pin="604128", face_value="500.00 CNY")
    card_id, _ = await a_read_card(world, fields)
    await approved(world, card_id, 1)
    assert (await kept(world, card_id))["pin"].accepted
    later = await approved(world, card_id, 2, Corrections(pin="123456"))
    labels = await kept(world, card_id)
    assert {row.decision_id for row in labels.values()} == {later}
    assert not labels["pin"].accepted


async def test_labels_made_after_the_export_began_are_left_to_the_next(world: World) -> None:
    fields = printed(brand="walmart", number=a_number("walmart"), pin="604128", face_value="500.00 CNY")
    card_id, _ = await a_read_card(world, fields)
    before = now()
    await approved(world, card_id, 1)
    async with world.database.transaction() as session:
        found = [one.card_id async for one in streamed(session, world.keyring, before, clear=False)]
        later = [one.card_id async for one in streamed(session, world.keyring, now(), clear=False)]
    assert card_id not in found
    assert later.count(card_id) == 3


async def sent_with_another(world: World, typed: str, *photos: tuple[tuple[ReadField, ...], ...]) -> str:
    """A card of typed fields whose photos show these cards each: the reader finds all of them."""
    pictures = tuple(a_photo() for _ in photos)
    sent = SubmittedCard("walmart", number=typed, pin="604128", face_value=Money(500_00), photos=pictures)
    card_id = (await world.submitted(sent)).card_ids[0]
    shown = [tuple(Reading(fields, "printed 1", 12) for fields in cards) for cards in photos]
    await CardReading(world.database, world.keyring, world.photos, CardsInTurn(shown)).read_photos(card_id)
    return card_id


def another() -> tuple[ReadField, ...]:
    """What a card shows that nobody sent in."""
    return printed(number=a_number("walmart"), pin="111111", face_value="100.00 CNY")


@pytest.mark.parametrize("first", [True, False])
async def test_only_the_approved_card_in_a_photo_of_two_is_labelled(world: World, first: bool) -> None:
    number = a_number("walmart")
    own, other = printed(number=number, pin="604128"), another()
    card_id = await sent_with_another(world, number, (own, other) if first else (other, own))
    await approved(world, card_id, 1)
    labels = await kept(world, card_id)
    assert {name: row.accepted for name, row in labels.items()} == {"number": True, "pin": True}


async def test_photo_of_two_other_cards_is_not_labelled(world: World) -> None:
    cards = (another(), another())
    card_id = await sent_with_another(world, a_number("walmart"), cards)
    await approved(world, card_id, 1)
    assert await world.rows(ReadingLabelRow, card_id=card_id) == []


async def test_misread_character_is_labelled_wrong_despite_another_card(world: World) -> None:
    number = a_number("walmart")
    misread = number[:-2] + ("7" if number[-2] != "7" else "1") + number[-1]
    card_id = await sent_with_another(world, number, (printed(number=misread), printed(number=a_number("walmart"))))
    await approved(world, card_id, 1)
    (label,) = (await kept(world, card_id)).values()
    assert (label.field, label.accepted) == ("number", False)
    assert LABEL_READ.open(world.keyring, label.id, label.read_sealed) == misread


async def test_a_photo_of_another_card_is_not_labelled_where_a_second_photo_shows_the_approved_one(
    world: World,
) -> None:
    number = a_number("walmart")
    card_id = await sent_with_another(world, number, (printed(number=number),), (another(),))
    await approved(world, card_id, 1)
    assert {name: row.accepted for name, row in (await kept(world, card_id)).items()} == {"number": True}


async def test_the_only_photo_is_labelled_as_wrong_if_it_shows_another_number(world: World) -> None:
    card_id = await sent_with_another(world, a_number("walmart"), (printed(number=a_number("walmart")),))
    await approved(world, card_id, 1)
    assert {name: row.accepted for name, row in (await kept(world, card_id)).items()} == {"number": False}


async def test_a_photo_of_two_cards_that_was_read_again_counts_by_its_latest_look(world: World) -> None:
    number = a_number("walmart")
    own, other = printed(number=number), printed(number=a_number("walmart"))
    card_id = await sent_with_another(world, number, (own, other))
    again = PrintedReader(printed(0.97, number=a_number("walmart")), printed(0.96, number=number))
    await CardReading(world.database, world.keyring, world.photos, again).read_photos(card_id)
    await approved(world, card_id, 1)
    (label,) = (await kept(world, card_id)).values()
    assert (label.accepted, label.confidence_bp) == (True, 9_600)


async def test_a_reading_that_the_seller_agreed_with_later_counts_as_right(world: World) -> None:
    number = a_number("walmart")
    sent = SubmittedCard(
        "walmart", number=a_number("walmart"), pin="604128", face_value=Money(500_00), photos=(a_photo(),)
    )
    card_id = (await world.submitted(sent)).card_ids[0]
    reader = PrintedReader(printed(number=number, pin="604128"))
    await CardReading(world.database, world.keyring, world.photos, reader).read_photos(card_id)
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    await world.intake.correct_fields(card_id, number=number, actor="seller:S")
    began = now()
    await approved(world, card_id, 1)
    assert {name: row.accepted for name, row in (await kept(world, card_id)).items()} == {"number": True, "pin": True}
    async with world.database.transaction() as session:
        groups = await reads.groups(session, began, now(), "walmart")
    assert [(one.field, one.right, one.labels) for one in groups] == [("number", True, 1), ("pin", True, 1)]
