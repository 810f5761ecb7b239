"""A photo is labelled once: by its latest reading, and by the latest approval of its card."""

from __future__ import annotations

from activities.reading import CardReading
from database.tables.cards import ReadingRow
from database.tables.columns import now
from database.tables.quality import ReadingLabelRow
from domain.cards.review import ReviewOutcome
from services.cards.corrections import Corrections, mark_of
from services.quality.reading_labels import streamed
from tests.builders.readings import PrintedReader, a_read_card, printed
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
