"""Photos that people try at the console: on their way to the reader's process and back, sealed, and gone afterwards."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, select

from database.reads.cards import reading_wait
from database.repositories.audit import by_person
from database.sealed import TRIED_ANSWER, TRIED_PHOTO
from database.session import Database
from database.tables.quality import ReadingTrialRow
from domain.cards.reading import SECRET_FIELDS, Box
from domain.errors.faults import kind_and_place
from domain.errors.quality import ReaderBusy, TrialFailed
from domain.identifiers import new_id
from domain.sealing import KeyRing
from gateways import decoding
from gateways.pictures.veil import veiled
from ocr.reader import CardReader

LOOK_S = 0.2  # Between two looks for the answer.
TAKEN_WITHIN_S = 5.0  # A reader that has not begun by then is busy.
ANSWERED_WITHIN_S = 40.0
KEPT = timedelta(minutes=2)  # A result that is not fetched by then is deleted.
WAIT_S_MIN = 5
_log = structlog.get_logger("trials")


@dataclass(frozen=True)
class TriedField:
    """One field as it was read; box in pixels of the photo. `value`, `alternatives` and `doubts` of number and PIN are secret."""

    name: str
    value: str = field(repr=False)
    sure_bp: int
    source: str
    box: tuple[int, int, int, int] | None
    reasons: tuple[str, ...]
    doubts: tuple[tuple[int, str], ...] = field(repr=False)
    alternatives: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Tried:
    """What the reader made of a photo: the fields of each card in it, the looks it needed, and the photo small, numbers covered."""

    cards: tuple[tuple[TriedField, ...], ...]
    reader: str
    duration_ms: int
    looks: tuple[str, ...]
    width: int
    height: int
    picture: str = field(repr=False)  # JPEG, base64.

    def as_json(self) -> str:
        """Write it for its way back: secret."""
        return json.dumps(asdict(self))


def tried_from(text: str) -> Tried:
    """Read what `as_json` wrote."""
    given: dict[str, Any] = json.loads(text)
    cards = tuple(tuple(_field(one) for one in card) for card in given.pop("cards"))
    return Tried(cards=cards, looks=tuple(given.pop("looks")), **given)


class ReadingTrials:
    """The console's side. `by` is a person's id."""

    def __init__(self, database: Database, keyring: KeyRing, *, patience_s: float = TAKEN_WITHIN_S) -> None:
        self._database = database
        self._keyring = keyring
        self._patience_s = patience_s

    async def read(self, by: str, raw: bytes, brand: str) -> tuple[Tried, ...]:
        """Have an uploaded photo, or every page of a PDF, read and return what was read; that it was tried is on record, no photo is kept.

        Refuses as the door for photos does, ReaderBusy with the seconds that the cards before it will take, and TrialFailed.
        Raises DatabaseUnavailable.
        """
        pages = await decoding.photos(raw)
        async with self._database.transaction() as session:
            facts = {"brand": brand, "photos": len(pages)}
            session.add(by_person(by, "console:reading:try", "reading_trial", facts=facts))
        return tuple([await self._read(by, page.jpeg, brand) for page in pages])  # One page at a time: cards wait, too.

    async def _read(self, by: str, jpeg: bytes, brand: str) -> Tried:
        trial_id = new_id()
        sealed = TRIED_PHOTO.seal(self._keyring, trial_id, base64.b64encode(jpeg).decode())
        async with self._database.transaction() as session:
            session.add(
                ReadingTrialRow(id=trial_id, person_id=by, brand=brand, photo_sealed=sealed, asked_at=datetime.now(UTC))
            )
        try:
            return await self._answer(trial_id)
        finally:
            async with self._database.transaction() as session:
                await session.execute(delete(ReadingTrialRow).where(ReadingTrialRow.id == trial_id))

    async def _answer(self, trial_id: str) -> Tried:
        began = time.monotonic()
        while True:
            async with self._database.transaction() as session:
                row = await session.get(ReadingTrialRow, trial_id)
            if row is None or row.failed:
                raise TrialFailed
            if row.answer_sealed is not None:
                return tried_from(TRIED_ANSWER.open(self._keyring, trial_id, row.answer_sealed))
            waited = time.monotonic() - began
            if waited > (self._patience_s if row.taken_at is None else ANSWERED_WITHIN_S):
                async with self._database.transaction() as session:
                    wait = await reading_wait.of_all(session, datetime.now(UTC))
                    raise ReaderBusy(wait_s=max(WAIT_S_MIN, wait.seconds or 0))
            await asyncio.sleep(LOOK_S)


class TrialReader:
    """The reader's side: reads a tried photo while cards leave the reader room; `busy` tells that they do not."""

    def __init__(self, database: Database, keyring: KeyRing, reader: CardReader, busy: Callable[[], bool]) -> None:
        self._database = database
        self._keyring = keyring
        self._reader = reader
        self._busy = busy

    async def read(self) -> int:
        """Read the photo that waits longest, and delete results that were not fetched; return how many were read.

        Raises DatabaseUnavailable.
        """
        row = ReadingTrialRow
        async with self._database.transaction() as session:
            await session.execute(delete(row).where(row.asked_at < datetime.now(UTC) - KEPT))
            if self._busy():
                return 0
            waits = select(row).where(row.taken_at.is_(None)).order_by(row.asked_at, row.id).limit(1)
            found = (await session.execute(waits.with_for_update(skip_locked=True))).scalar_one_or_none()
            if found is None:
                return 0
            found.taken_at, sealed, trial_id, brand = datetime.now(UTC), found.photo_sealed, found.id, found.brand
            found.photo_sealed = None
        answer = None if sealed is None else await asyncio.to_thread(self._read, trial_id, sealed, brand)
        async with self._database.transaction() as session:
            kept = await session.get(row, trial_id, with_for_update=True)
            if kept is not None:
                kept.answer_sealed, kept.failed = answer, answer is None
        return 1

    def _read(self, trial_id: str, sealed: bytes, brand: str) -> bytes | None:
        """The sealed answer; None where the reader failed, which the log tells by its kind and place."""
        jpeg = base64.b64decode(TRIED_PHOTO.open(self._keyring, trial_id, sealed))
        try:
            readings = self._reader.read(jpeg, brand or None)
        except Exception as error:  # noqa: BLE001  # The reader's process must keep reading cards.
            _log.error("trial_failed", reason=kind_and_place(error))
            return None
        hidden = [one.box for card in readings for one in card.fields if one.name in SECRET_FIELDS and one.box]
        picture, width, height = veiled(jpeg, hidden)
        tried = Tried(
            tuple(tuple(_tried(one) for one in card.fields) for card in readings if card.fields),
            readings[0].reader if readings else "", readings[0].duration_ms if readings else 0,
            readings[0].looks if readings else (),
            width, height, base64.b64encode(picture).decode(),
        )  # fmt: skip
        return TRIED_ANSWER.seal(self._keyring, trial_id, tried.as_json())


def _tried(one: Any) -> TriedField:
    box: Box | None = one.box
    return TriedField(
        one.name.value, one.value, round(one.confidence * 10_000), one.source.value,
        None if box is None else (box.x, box.y, box.width, box.height), tuple(reason.value for reason in one.reasons),
        tuple((doubt.place, doubt.characters) for doubt in one.doubts), tuple(one.alternatives),
    )  # fmt: skip


def _field(given: dict[str, Any]) -> TriedField:
    box = given["box"]
    doubts = tuple((int(place), str(characters)) for place, characters in given["doubts"])
    return TriedField(
        given["name"], given["value"], given["sure_bp"], given["source"],
        None if box is None else (box[0], box[1], box[2], box[3]), tuple(given["reasons"]), doubts,
        tuple(given["alternatives"]),
    )  # fmt: skip
