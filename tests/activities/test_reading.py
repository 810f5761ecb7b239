"""A photo is read: what the card lacks is filled in, what the seller typed stays, and the doubt is remembered."""

import json
import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.reading import CardReading
from database.reads.cards.latest_readings import latest_by_photo
from database.sealed import READING_VALUES, doubts_of, values_of
from database.tables.cards import PhotoRow, ReadingRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import ReadFacts
from domain.cards.intake import SubmittedCard
from domain.cards.reading import Doubt, FieldName, ReadField, Reading, Reason
from domain.cards.review import ReviewOutcome
from domain.money import Money
from ocr.colours import by_colours
from services.cards.corrections import Corrections
from tests.builders.photos import a_photo
from tests.builders.readings import PrintedReader, a_read_card, printed, read_again
from tests.builders.world import World, a_number
from workflows.policies import SILENCE


async def test_reading_is_stored_sealed(world: World) -> None:
    number = a_number("walmart")
    fields = printed(brand="walmart", number=number, pin="604128", face_value="500.00 CNY", expiry="2099-12-31")
    card_id, facts = await a_read_card(world, fields)
    assert facts == ReadFacts(True, True, 9_900, duplicate=False, brand_differs=False, revision=1)
    card = await world.card(card_id)
    assert (card.number_tail, card.face_value_minor, str(card.expires_on)) == (number[-4:], 500_00, "2099-12-31")
    (row,) = await world.rows(ReadingRow, card_id=card_id)
    assert number not in json.dumps(row.fields)
    assert "604128" not in json.dumps(row.fields)
    assert {entry["name"]: entry["use"] for entry in row.fields} == {
        "brand": "agrees", "number": "taken", "pin": "taken", "face_value": "taken", "expiry": "taken",
    }  # fmt: skip
    assert row.fields[1]["box"] == {"x": 10, "y": 20, "width": 300, "height": 40}
    kept = world.keyring.open_text(row.values_sealed, purpose="reading", aad=f"reading:{row.id}:values")
    assert json.loads(kept)["number"] == number


async def test_what_may_be_printed_at_a_doubtful_place_is_sealed_like_the_value(world: World) -> None:
    number, pin = printed(number=a_number("walmart"), pin="604128")
    doubted = replace(number, doubts=(Doubt(7, "8B"), Doubt(9, "1I")), reasons=(Reason.BLURRED,))
    card_id, _ = await a_read_card(world, (doubted, pin))
    (row,) = await world.rows(ReadingRow, card_id=card_id)
    kept = {entry["name"]: (entry["doubts"], entry["reasons"]) for entry in row.fields}
    assert kept == {"number": ([7, 9], ["blurred"]), "pin": ([], [])}
    assert "8B" not in json.dumps(row.fields)
    assert b"8B" not in row.values_sealed
    assert doubts_of(world.keyring, row, FieldName.NUMBER) == doubted.doubts
    assert doubts_of(world.keyring, row, FieldName.PIN) == ()
    assert values_of(world.keyring, row) == {"number": number.value, "pin": "604128"}


async def test_a_reading_without_doubts_has_none_sealed(world: World) -> None:
    card_id, _ = await a_read_card(world, printed(number=a_number("walmart"), pin="604128"))
    (row,) = await world.rows(ReadingRow, card_id=card_id)
    assert doubts_of(world.keyring, row, FieldName.NUMBER) == ()
    assert set(json.loads(READING_VALUES.open(world.keyring, row.id, row.values_sealed))) == {"number", "pin"}


async def test_the_cards_of_one_photo_are_known_by_the_moment_of_their_look(world: World) -> None:
    card_id, _ = await a_read_card(
        world, printed(number=a_number("walmart")), another=printed(number=a_number("walmart"))
    )
    first, second = await world.rows(ReadingRow, card_id=card_id)
    assert first.created_at == second.created_at
    again = PrintedReader(printed(number=a_number("walmart")))
    await CardReading(world.database, world.keyring, world.photos, again).read_photos(card_id)
    looks = latest_by_photo(await world.rows(ReadingRow, card_id=card_id))
    assert [len(rows) for rows in looks.values()] == [1]
    assert next(iter(looks.values()))[0].id not in (first.id, second.id)


async def test_what_the_seller_typed_stays_and_a_contradiction_sends_the_card_to_a_person(world: World) -> None:
    typed, read = a_number("jd"), a_number("jd")
    card_id, facts = await a_read_card(world, printed(number=read), brand="jd", number=typed)
    assert (facts.complete, facts.revision, facts.lowest_confidence_bp) == (True, 0, 10_000)
    assert (await world.card(card_id)).number_tail == typed[-4:]
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ("conflicting_answers",)


async def test_a_doubtful_reading_needs_a_person_unless_the_seller_confirms_it(world: World) -> None:
    card_id, facts = await a_read_card(world, printed(0.8, number=a_number("jd")), brand="jd")
    assert facts.lowest_confidence_bp == 8_000
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ("low_confidence",)
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    await world.intake.correct_fields(card_id, actor="seller:S")
    assert (await world.pricing.value(card_id, 2)).review_reasons == ()


async def test_a_seller_who_corrects_a_sure_reading_contradicts_it(world: World) -> None:
    card_id, _ = await a_read_card(world, printed(0.95, number=a_number("jd")), brand="jd")
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    await world.intake.correct_fields(card_id, number=a_number("jd"), actor="seller:S")
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ("conflicting_answers",)


async def test_a_seller_who_types_later_what_was_read_agrees_with_it(world: World) -> None:
    typed, read = a_number("jd"), a_number("jd")
    card_id, _ = await a_read_card(world, printed(number=read), brand="jd", number=typed)
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    await world.intake.correct_fields(card_id, number=read, actor="seller:S")
    (row,) = await world.rows(ReadingRow, card_id=card_id)
    assert [entry["use"] for entry in row.fields] == ["agrees"]
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ()
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    await world.intake.correct_fields(card_id, number=a_number("jd"), actor="seller:S")
    (row,) = await world.rows(ReadingRow, card_id=card_id)
    assert [entry["use"] for entry in row.fields] == ["differs"]


async def test_what_the_seller_leaves_as_it_was_read_is_confirmed_and_stays_so(world: World) -> None:
    number = a_number("walmart")
    card_id, _ = await a_read_card(world, printed(number=number, pin="604128"))
    same: dict[str, Any] = {"number": f"{number[:4]} {number[4:]}", "pin": "604128"}
    for given in ({}, same, {"pin": "604129"}):
        await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
        await world.intake.correct_fields(card_id, actor="seller:S", **given)
        (row,) = await world.rows(ReadingRow, card_id=card_id)
        pin = "differs" if given == {"pin": "604129"} else "confirmed"
        assert {entry["name"]: entry["use"] for entry in row.fields} == {"number": "confirmed", "pin": pin}


@pytest.mark.parametrize(
    "fields", [(), printed(number="6225880137246885"), printed(number="12", face_value="0.01 CNY")]
)
async def test_nothing_readable_leaves_the_card_to_the_seller(world: World, fields: tuple[ReadField, ...]) -> None:
    card_id, facts = await a_read_card(world, fields)
    assert (facts.found, facts.complete, facts.duplicate) == (bool(fields), False, False)
    assert (await world.card(card_id)).number_sealed is None


async def test_a_card_that_is_live_elsewhere_is_seen_as_a_duplicate(world: World) -> None:
    number = a_number("jd")
    await world.a_card("jd", number=number)
    card_id, facts = await a_read_card(world, printed(number=number), brand="jd")
    assert (facts.duplicate, facts.complete) == (True, False)
    assert (await world.card(card_id)).fingerprint is None


async def test_another_brand_in_the_photo_is_reported(world: World) -> None:
    _, facts = await a_read_card(world, printed(brand="carrefour", number=a_number("walmart"), pin="604128"))
    assert (facts.brand_differs, facts.complete) == (True, True)


async def test_another_brand_by_colours_alone_is_shown_and_not_reported(world: World) -> None:
    fields = (*printed(number=a_number("walmart"), pin="604128"), by_colours("starbucks"))
    card_id, facts = await a_read_card(world, fields)
    assert (facts.brand_differs, facts.complete, facts.lowest_confidence_bp) == (False, True, 9_900)
    (row,) = await world.rows(ReadingRow, card_id=card_id)
    (shown,) = [entry for entry in row.fields if entry["name"] == FieldName.BRAND]
    assert (shown["use"], shown["reasons"]) == ("differs", ["by_colours"])
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ()


async def test_the_surest_of_several_photos_counts_and_replaced_ones_do_not(world: World) -> None:
    number = a_number("jd")
    card_id, _ = await a_read_card(world, printed(0.5, number=number), brand="jd")
    await world.awaits(card_id, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_photo")
    await world.intake.replace_photo(card_id, a_photo("blue"), "seller:S")
    reader = PrintedReader(printed(0.97, number=number))
    facts = await CardReading(world.database, world.keyring, world.photos, reader).read_photos(card_id)
    assert reader.hints == ["jd"]
    assert facts.complete
    assert len(await world.rows(PhotoRow, card_id=card_id)) == 2
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ()


async def test_a_requested_photo_replaces_fields_known_only_from_the_old_one(world: World) -> None:
    wrong, right = a_number("jd"), a_number("jd")
    card_id, _ = await a_read_card(world, printed(0.8, number=wrong), brand="jd", face_value=Money(500_00))
    facts = await read_again(world, card_id, printed(number=right, face_value="300.00 CNY"))
    card = await world.card(card_id)
    assert (card.number_tail, card.face_value_minor, facts.revision) == (right[-4:], 500_00, 2)
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ("conflicting_answers",)


async def test_an_asked_photo_replaces_nothing_that_the_seller_confirmed(world: World) -> None:
    confirmed = a_number("jd")
    card_id, _ = await a_read_card(world, printed(number=confirmed), brand="jd")
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    await world.intake.correct_fields(card_id, actor="seller:S")
    await read_again(world, card_id, printed(number=a_number("jd")))
    assert (await world.card(card_id)).number_tail == confirmed[-4:]


async def test_an_asked_photo_replaces_nothing_that_a_reviewer_typed(world: World) -> None:
    typed = a_number("jd")
    card_id, _ = await a_read_card(world, printed(0.8, number=typed), brand="jd", face_value=Money(500_00))
    task, person = (await world.review.open(card_id, 1, ["low_confidence"])).task_id, await world.a_person()
    await world.review_desk.leases.take(person, task)
    given = Corrections(number=typed)
    decision = await world.review_desk.decisions.record_decision(
        person, task, ReviewOutcome.APPROVE_CORRECTED, corrected=given
    )
    await world.review.apply(task, decision)
    await read_again(world, card_id, printed(number=a_number("jd")))
    assert (await world.card(card_id)).number_tail == typed[-4:]


@dataclass
class ReaderInTurn:
    """A reader that knows what each photo shows, in the order in which they are read."""

    readings: list[tuple[ReadField, ...]]

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:  # noqa: ARG002
        return (Reading(self.readings.pop(0), "printed 1", 12),)


async def a_card_of_photos(world: World, *photos: tuple[ReadField, ...], **typed: Any) -> tuple[str, ReadFacts]:
    sent = SubmittedCard("walmart", photos=tuple(a_photo() for _ in photos), **typed)
    card_id = (await world.submitted(sent)).card_ids[0]
    reading = CardReading(world.database, world.keyring, world.photos, ReaderInTurn(list(photos)))
    return card_id, await reading.read_photos(card_id)


async def test_photos_of_two_cards_put_nothing_on_the_card(world: World) -> None:
    first, second = a_number("walmart"), a_number("walmart")
    card_id, facts = await a_card_of_photos(
        world,
        printed(0.99, number=first, pin="604128", face_value="100.00 CNY"),
        printed(0.97, number=second, face_value="500.00 CNY"),
    )
    card = await world.card(card_id)
    assert (card.number_sealed, card.pin_sealed, card.face_value_minor) == (None, None, None)
    assert (facts.found, facts.complete) == (True, False), "the seller is asked"
    assert len(await world.rows(ReadingRow, card_id=card_id)) == 2


async def test_photos_of_two_brands_put_nothing_on_the_card(world: World) -> None:
    card_id, facts = await a_card_of_photos(
        world, printed(brand="walmart", number=a_number("walmart")), printed(brand="carrefour", face_value="500.00 CNY")
    )
    assert (await world.card(card_id)).number_sealed is None
    assert not facts.complete


async def test_a_value_of_another_card_is_not_put_beside_a_typed_number(world: World) -> None:
    typed = a_number("walmart")
    card_id, _ = await a_card_of_photos(
        world,
        printed(number=typed),
        printed(number=a_number("walmart"), face_value="500.00 CNY"),
        number=typed,
        pin="604128",
    )
    assert (await world.card(card_id)).face_value_minor is None


async def test_two_sides_of_one_card_are_one_card(world: World) -> None:
    number = a_number("walmart")
    card_id, facts = await a_card_of_photos(
        world,
        printed(brand="walmart", number=number, face_value="500.00 CNY"),
        printed(0.95, number=number, pin="604128"),
    )
    card = await world.card(card_id)
    assert (card.number_tail, card.face_value_minor, facts.complete) == (number[-4:], 500_00, True)


class WatchedReader(PrintedReader):
    """Reads until the second heartbeat has been sent."""

    def __init__(self) -> None:
        super().__init__(())
        self.second_beat = threading.Event()

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:
        assert self.second_beat.wait(10), "no heartbeat was sent while the photo was read"
        return super().read(photo, brand_hint)


async def test_a_reading_beats_while_the_photo_is_read(world: World) -> None:
    card_id = (await world.submitted(SubmittedCard("jd", photos=(a_photo(),)))).card_ids[0]
    reader, beats = WatchedReader(), list[float]()

    def on_heartbeat(*_details: object) -> None:
        beats.append(time.monotonic())
        if len(beats) == 2:
            reader.second_beat.set()

    environment = ActivityEnvironment()
    environment.on_heartbeat = on_heartbeat
    reading = CardReading(world.database, world.keyring, world.photos, reader)
    await environment.run(reading.read_photos, card_id)
    assert beats[1] - beats[0] < SILENCE.total_seconds() / 3
