"""Corrections of reviewers become figures, a folder to measure by, and a draft of limits; a second reader is judged by them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete

from database.reads.quality import reading_labels as reads
from database.sealed import SHADOW_VALUES, values_of
from database.tables.cards import CardEventRow, ReadingRow
from database.tables.columns import now
from database.tables.quality import ReadingLabelRow, ShadowReadingRow
from domain.cards.reading import ReadField, Reading
from domain.cards.review import ReviewOutcome
from domain.money import Money
from domain.policies.document import PolicyDocument
from domain.quality.reading_figures import Proposal, Tally
from domain.rules.reading import KIND
from services.cards.corrections import Corrections, mark_of
from services.quality.labelled_folder import labelled_cards, photos_labelled
from services.quality.reading_quality import picture_of, reading_quality
from services.quality.reading_tuner import drafted, proposals
from services.quality.shadow_readings import ShadowReader, comparisons, left_out, lot_bp
from tests.builders.own_world import own_world
from tests.builders.reading_limits import reading_limits
from tests.builders.readings import CardsInTurn, PrintedReader, a_read_card, printed
from tests.builders.world import World, a_number

world = own_world("reading_quality")
READ, TRUTH = "604128", "604123"


def second(world: World, values: dict[str, str], *, busy: bool = False, later: timedelta = timedelta()) -> ShadowReader:
    reader = PrintedReader(printed(0.9, **values))
    return ShadowReader(world.database, world.keyring, world.photos, reader, lambda: busy, lambda: now() + later)


async def approved(world: World, card_id: str) -> None:
    task, person = await world.review.open(card_id, 1, ["card_type"]), await world.a_person()
    await world.review_desk.leases.take(person, task.task_id)
    decision = await world.review_desk.decisions.record_decision(person, task.task_id, ReviewOutcome.APPROVE)
    await world.review.apply(task.task_id, decision)


async def test_the_second_reading_is_kept_sealed_beside_the_card_and_judged_by_the_later_decision(world: World) -> None:
    number = a_number("carrefour")
    card_id, _ = await a_read_card(world, printed(number=number, pin="604128", face_value="500.00 CNY"), "carrefour")
    card, events = await world.card(card_id), len(await world.rows(CardEventRow, card_id=card_id))
    values = {"number": number, "pin": "604123", "face_value": "500.00 CNY"}
    assert await second(world, values).read() == 0  # The policy gives it no photos.
    with reading_limits(shadow_bp=10_000):
        assert await second(world, values, busy=True).read() == 0
        assert await second(world, values, later=timedelta(minutes=11)).read() == 0
        assert await second(world, values).read() == 1
        assert await second(world, values).read() == 0  # Each photo once.
    (row,) = await world.rows(ShadowReadingRow, card_id=card_id)
    assert number not in repr(row.fields)
    assert number in SHADOW_VALUES.open(world.keyring, row.reading_id, row.values_sealed)
    after = await world.card(card_id)
    assert (after.pin_sealed, after.fields_revision, after.stage) == (card.pin_sealed, card.fields_revision, card.stage)
    assert len(await world.rows(CardEventRow, card_id=card_id)) == events
    await approved(world, card_id)
    async with world.database.transaction() as session:
        (found,) = await comparisons(session, world.keyring, now() - timedelta(days=1), now() + timedelta(minutes=1))
    assert (found.first, found.second, found.photos) == ("printed 1", "printed 1", 1)
    fields = {one.name: one for one in found.fields}
    assert (fields["number"].agree, fields["number"].both_right) == (1, 1)
    pin = fields["pin"]
    assert (pin.agree, pin.differ, pin.first_right, pin.second_right, pin.known) == (0, 1, 1, 0, 1)
    assert fields["expiry"].known == 0


async def test_another_card_in_the_photo_is_judged_neither_by_figures_nor_against_a_reader(world: World) -> None:
    number, other = a_number("jd"), a_number("jd")
    fields, beside = printed(0.99, number=number), printed(0.98, number=other)
    card_id, _ = await a_read_card(world, fields, "jd", another=beside, number=number, face_value=Money(500_00))
    reader = PrintedReader(fields, beside)
    shadow = ShadowReader(world.database, world.keyring, world.photos, reader, lambda: False)
    with reading_limits(shadow_bp=10_000):
        assert [await shadow.read(), await shadow.read()] == [1, 1]
    await approved(world, card_id)
    async with world.database.transaction() as session:
        found = await reading_quality(session, world.keyring, datetime.now(UTC), 1, "jd")
        compared = await comparisons(session, world.keyring, now() - timedelta(days=1), now() + timedelta(minutes=1))
    assert (found.whole.labels, found.whole.right, found.whole.wrong) == (1, 1, 0)
    (numbers,) = [one for pair in compared for one in pair.fields if one.name == "number"]
    assert numbers.neither_right == 0


async def compared(world: World, card_id: str, first: int, *again: tuple[ReadField, ...]) -> tuple[int, int, int]:
    """The second reader reads these cards in the photo of the `first`th reading: photos compared, numbers that agree, photos left out."""
    row = (await world.rows(ReadingRow, card_id=card_id))[first]
    cards = tuple(Reading(fields, "again 1", 20) for fields in again)
    shadow = ShadowReader(world.database, world.keyring, world.photos, CardsInTurn([cards]), lambda: False)
    begun = now()
    async with world.database.transaction() as session:  # The other readings of the look have been read already.
        await session.execute(delete(ShadowReadingRow).where(ShadowReadingRow.reading_id == row.id))
    with reading_limits(shadow_bp=10_000):
        assert await shadow.read() == 1
    async with world.database.transaction() as session:
        found = await comparisons(session, world.keyring, begun, now())
        gone = await left_out(session, begun, now())
    numbers = [one for pair in found for one in pair.fields if one.name == "number"]
    return sum(pair.photos for pair in found), sum(one.agree for one in numbers), gone


@pytest.mark.parametrize("typed_first", [True, False])
async def test_the_second_reader_is_compared_on_the_card_that_the_first_read_and_on_no_other(
    world: World, typed_first: bool
) -> None:
    number, other, far = (a_number("jd") for _ in range(3))
    own, beside = printed(number=number), printed(number=other)
    card_id, _ = await a_read_card(world, own, "jd", another=beside, number=number)
    both = ShadowReader(world.database, world.keyring, world.photos, PrintedReader(own, beside), lambda: False)
    with reading_limits(shadow_bp=10_000):
        assert [await both.read(), await both.read()] == [1, 1]
    shown = (own, beside) if typed_first else (beside, own)
    numbers = [values_of(world.keyring, row)["number"] for row in await world.rows(ReadingRow, card_id=card_id)]
    first = numbers.index(number)
    assert await compared(world, card_id, first, *shown) == (1, 1, 0)
    misread = number[:-1] + ("1" if number[-1] != "1" else "2")
    assert await compared(world, card_id, first, beside, printed(number=misread)) == (1, 0, 0)
    assert await compared(world, card_id, first, beside, printed(number=far)) == (0, 0, 1)
    assert await compared(world, card_id, first, beside) == (0, 0, 1), "it saw the other card alone"


async def test_two_readings_with_the_number_of_the_card_label_each_field_once_by_the_surer(world: World) -> None:
    number = a_number("carrefour")
    card, receipt = printed(0.8, number=number, pin=TRUTH), printed(0.95, number=number, face_value="500.00 CNY")
    card_id, _ = await a_read_card(world, card, "carrefour", another=receipt)
    await approved(world, card_id)
    labels = await world.rows(ReadingLabelRow, card_id=card_id)
    found = sorted((one.field, one.confidence_bp, one.accepted) for one in labels)
    assert found == [("face_value", 9_500, True), ("number", 9_500, True), ("pin", 8_000, True)]


def test_the_share_drawn_is_about_the_policys() -> None:
    drawn = sum(lot_bp(f"01{number:024}") < 2_000 for number in range(5_000))
    assert 900 < drawn < 1_100


async def corrected(world: World, confidence: float = 0.95) -> tuple[str, str]:
    """A card whose PIN was read wrongly and corrected by a reviewer; and its number."""
    number = a_number("walmart")
    card_id, _ = await a_read_card(world, printed(confidence, number=number, pin=READ, face_value="500.00 CNY"))
    task, person = await world.review.open(card_id, 1, ["card_type"]), await world.a_person()
    await world.review_desk.leases.take(person, task.task_id)
    written = Corrections(pin=TRUTH)
    marks = [mark_of(world.keyring, card_id, name, value) for name, value in written.written().items()]
    decision = await world.review_desk.decisions.record_decision(
        person, task.task_id, ReviewOutcome.APPROVE_CORRECTED, corrected=written, confirmed=marks
    )
    await world.review.apply(task.task_id, decision)
    return card_id, number


async def test_a_correction_counts_in_every_table_and_names_the_confused_characters(world: World) -> None:
    card_id, number = await corrected(world)
    async with world.database.transaction() as session:
        found = await reading_quality(session, world.keyring, datetime.now(UTC), 1, "walmart")
        pictures = [await picture_of(session, one.label_id) for one in found.worst]
    assert found.whole.labels == found.whole.accepted == 3
    assert (found.whole.right, found.whole.wrong) == (2, 1)
    assert [(name, one.labels, one.wrong) for name, one in found.fields] == [
        ("face_value", 1, 0), ("number", 1, 0), ("pin", 1, 1),
    ]  # fmt: skip
    assert [parts for parts, _ in found.cells] == [
        ("walmart", name, "plain") for name in ("face_value", "number", "pin")
    ]
    assert found.confusions == (("3", "8", 1),)
    (case,) = found.worst
    assert (case.card_id, case.field, case.where, case.accepted, case.has_picture) == (
        card_id,
        "pin",
        "*****x",
        True,
        True,
    )
    assert [one is not None for one in pictures] == [True]
    assert READ not in repr(found)
    assert number not in repr(found)
    with reading_limits(brands={"walmart": {"number": None, "pin": 9_800, "face_value": None, "expiry": None}}):
        async with world.database.transaction() as session:
            stricter = await reading_quality(session, world.keyring, datetime.now(UTC), 1, "walmart")
    assert (stricter.whole.accepted, stricter.whole.wrong) == (2, 0)


async def test_export_contains_confirmed_values_and_no_erased_photos(world: World) -> None:
    card_id, number = await corrected(world)
    async with world.database.transaction() as session:
        assert await photos_labelled(session, now()) > 0
        found = [one async for one in labelled_cards(session, world.keyring, world.photos, now())]
    (mine,) = [one for one in found if one.number == number]
    assert (mine.pin, mine.brand, mine.face_value, mine.condition) == (TRUTH, "walmart", "500.00 CNY", "")
    assert mine.jpeg[:2] == b"\xff\xd8"
    assert number not in repr(mine)
    card = await world.card(card_id)
    async with world.database.transaction() as session:
        kept = await session.merge(card)
        kept.number_sealed = kept.pin_sealed = None
    async with world.database.transaction() as session:
        left = [one.number async for one in labelled_cards(session, world.keyring, world.photos, now())]
    assert number not in left


async def test_tuner_says_how_many_labels_are_missing_and_drafts_what_enough_allow(world: World) -> None:
    card_id, _ = await corrected(world)
    async with world.database.transaction() as session:
        before = {(one.brand, one.field): one for one in await proposals(session, datetime.now(UTC))}
    few = before["walmart", "number"]
    assert few.limit_bp is None
    assert few.missing + few.labels == 600
    (label,) = [one for one in await world.rows(ReadingLabelRow, card_id=card_id) if one.field == "number"]
    async with world.database.transaction() as session:
        for place in range(650):
            values = label.values("id", "at", "brand", "confidence_bp")
            at = now() - timedelta(seconds=place)
            session.add(ReadingLabelRow(id=f"tuned{place}", brand="tmall", confidence_bp=9_300, at=at, **values))
    async with world.database.transaction() as session:
        enough = {(one.brand, one.field): one for one in await proposals(session, datetime.now(UTC))}
        groups = await reads.groups(session, now() - timedelta(days=1), now(), "tmall")
    found = enough["tmall", "number"]
    assert (found.limit_bp, found.labels, found.missing) == (9_300, 650, 0)
    assert [one.labels for one in groups] == [650]


def test_draft_changes_only_what_is_proposed() -> None:
    (in_force,) = KIND.built_in()
    none = Tally(1, 1, 1, 0)
    found = [Proposal("jd", "number", 700, 0, 9_000, none, 9_300, none), Proposal("jd", "pin", 5, 595, 9_000, none)]
    document = drafted(in_force, found)
    assert document["brands"] == {"jd": {"number": 9_300, "pin": None, "face_value": None, "expiry": None}}
    assert in_force.document["brands"] == {}
    assert {name: value for name, value in document.items() if name != "brands"} == {
        name: value for name, value in in_force.document.items() if name != "brands"
    }
    again = drafted(PolicyDocument(KIND.code, 1, "reading-1", in_force.effective_from, document), found)
    assert KIND.require_valid(again, document) == document
