"""A tried photo goes to the reader's process and back, and nothing of it stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import typst

from database.tables.people import AuditRow
from database.tables.quality import ReadingTrialRow
from domain.cards.reading import Reading
from domain.errors.files import PhotoFormatUnsupported
from domain.errors.quality import ReaderBusy, TrialFailed
from services.quality.reading_trials import ReadingTrials, TrialReader
from tests.builders.photos import a_photo
from tests.builders.readings import printed
from tests.builders.world import World

NUMBER = "2326955627995358"


class Printed:
    """A reader that knows what is printed, and how it looked at it."""

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:
        assert photo[:2] == b"\xff\xd8"
        assert brand_hint == "walmart"
        return (Reading(printed(0.97, brand="walmart", number=NUMBER), "printed 1", 12, "", ("whole", "closer")),)


class Broken:
    """A reader whose engine stops."""

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:  # noqa: ARG002
        raise RuntimeError("the engine stopped")


async def until_read(reader: TrialReader) -> None:
    for _ in range(500):
        if await reader.read():
            return
        await asyncio.sleep(0.02)


async def test_a_photo_is_read_and_only_that_it_was_tried_stays(world: World) -> None:
    person, trials = await world.a_person(), ReadingTrials(world.database, world.keyring)
    reader = TrialReader(world.database, world.keyring, Printed(), lambda: False)
    (found,), _ = await asyncio.gather(trials.read(person, a_photo(), "walmart"), until_read(reader))
    ((brand, number),) = found.cards
    assert (brand.value, number.value, number.sure_bp, number.box) == (
        "walmart",
        NUMBER,
        9_700,
        (10, 20, 300, 40),
    )
    assert (found.looks, found.reader, found.width, found.height) == (("whole", "closer"), "printed 1", 640, 400)
    assert NUMBER not in repr(found)
    assert await world.rows(ReadingTrialRow, person_id=person) == []
    (record,) = await world.rows(AuditRow, act="console:reading:try", actor=f"person:{person}")
    assert NUMBER not in repr(record.facts)


async def test_every_page_of_a_pdf_is_read_and_its_trial_noted_once(world: World, tmp_path: Path) -> None:
    source = tmp_path / "cards.typ"
    source.write_text("#set page(width: 85mm, height: 54mm)\nGift card\n#pagebreak()\nGift card")
    person, trials = await world.a_person(), ReadingTrials(world.database, world.keyring)
    reader = TrialReader(world.database, world.keyring, Printed(), lambda: False)

    async def both() -> None:
        await until_read(reader)
        await until_read(reader)

    found, _ = await asyncio.gather(trials.read(person, typst.compile(source), "walmart"), both())
    assert [len(page.cards) for page in found] == [1, 1]
    assert await world.rows(ReadingTrialRow, person_id=person) == []
    (record,) = await world.rows(AuditRow, act="console:reading:try", actor=f"person:{person}")
    assert record.facts == {"brand": "walmart", "photos": 2}


async def test_busy_reader_is_refused_with_a_wait_and_stores_nothing(world: World) -> None:
    person, trials = await world.a_person(), ReadingTrials(world.database, world.keyring, patience_s=0.3)
    reader = TrialReader(world.database, world.keyring, Printed(), lambda: True)
    with pytest.raises(ReaderBusy) as refused:
        await asyncio.gather(trials.read(person, a_photo(), "walmart"), reader.read())
    assert isinstance(refused.value.data["wait_s"], int)
    assert refused.value.data["wait_s"] >= 5
    assert await world.rows(ReadingTrialRow, person_id=person) == []


async def test_a_photo_that_the_reader_cannot_finish_is_refused_and_files_as_at_the_door(world: World) -> None:
    person, trials = await world.a_person(), ReadingTrials(world.database, world.keyring)
    reader = TrialReader(world.database, world.keyring, Broken(), lambda: False)
    with pytest.raises(TrialFailed):
        await asyncio.gather(trials.read(person, a_photo(), "walmart"), until_read(reader))
    with pytest.raises(PhotoFormatUnsupported):
        await trials.read(person, b"GIF89a", "")
    assert await world.rows(ReadingTrialRow, person_id=person) == []
