"""The photographs are read, field by field, and what was read is put on the card where the seller typed nothing."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.failures import translated
from activities.heartbeats import beating
from database.repositories import cards
from database.repositories.cards import Change
from database.sealed import DOUBTS, READING_VALUES, values_of
from database.session import Database
from database.tables.cards import CardEventRow, CardRow, PhotoRow, ReadingRow
from database.tables.columns import now
from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import ReadFacts
from domain.cards.reading import SURE_OF_BRAND, FieldName, ReadField, Reading, Reason, money_text
from domain.errors.cards import DuplicateCard
from domain.identifiers import new_id
from domain.money import BASIS_POINTS_PER_ONE, Money
from domain.rules.brands import Brand, brand, tidy_number
from domain.rules.plausible import is_plausible
from domain.rules.whose_reading import number_read, of_number
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from ocr.reader import UNWANTED, CardReader

Read = TypeVar("Read")


@dataclass(frozen=True)
class _OwnFields:
    """The card's own fields, as a reading writes them; None where nothing is known yet.

    `outdated` names those known only from a replaced photo: no person typed or confirmed them.
    """

    values: dict[FieldName, str | None]
    outdated: frozenset[FieldName] = frozenset()

    @property
    def number(self) -> str | None:
        """The card's number, as far as a person gave it or a current photo shows it."""
        return None if FieldName.NUMBER in self.outdated else self.values.get(FieldName.NUMBER)

    def use_of(self, read: ReadField) -> str:
        """`taken` where nothing is known, or only from a replaced photo, `agrees`, or `differs`."""
        known = self.values.get(read.name)
        if known == read.value:
            return "agrees"
        return "taken" if known is None or read.name in self.outdated else "differs"


class CardReading:
    """Reads a card's current photos. The reader blocks, so it runs in a thread."""

    def __init__(self, database: Database, keyring: KeyRing, photos: PhotoStore, reader: CardReader) -> None:
        self._database = database
        self._keyring = keyring
        self._photos = photos
        self._reader = reader
        self._at_work = 0

    @property
    def at_work(self) -> int:
        """How many cards are being read now."""
        return self._at_work

    @activity.defn(name="reading.read_photos")
    @translated
    async def read_photos(self, card_id: str) -> ReadFacts:
        """Reads every current photo, keeps each reading sealed, and fills what the card still lacks."""
        async with beating(), self._working():
            async with self._database.transaction() as session:
                card = await cards.load(session, card_id)
                photos = await _current(session, card_id)
            found = [(photo, await wanted(self._read, photo, card.brand)) for photo in photos]
            read = [(photo, reading) for photo, readings in found for reading in readings]
            async with self._database.transaction() as session:
                card = await cards.load_for_update(session, card_id)
                return await self._merged(session, card, read)

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1

    def _read(self, photo: PhotoRow, brand_code: str) -> tuple[Reading, ...]:
        return self._reader.read(self._photos.read(photo.stored_sha256), brand_code)

    async def _merged(
        self, session: AsyncSession, card: CardRow, read: Sequence[tuple[PhotoRow, Reading]]
    ) -> ReadFacts:
        readings = [reading for _, reading in read]
        known, earlier = brand(card.brand), await self._own_fields(session, card)
        several = _show_several_cards(known, readings)
        own = [] if several else _of_one_card(known, read, earlier.number)  # Fields of two cards are never put on one.
        best = _best(field for reading in own for field in reading.fields if is_plausible(known, field))
        taken = {name: field for name, field in best.items() if earlier.use_of(field) == "taken"}
        looked_at = now()  # One moment for all: the readings of one photo's several cards are known by it.
        for photo, reading in read:
            session.add(self._row(card, photo, reading, earlier, taken, looked_at))
        duplicate = await self._put_on_card(session, card, taken)
        facts = _facts(card, known, readings, taken, duplicate=duplicate)
        await cards.record(session, card.id, _change(facts, readings, taken, several=several))
        return facts

    async def _put_on_card(self, session: AsyncSession, card: CardRow, taken: dict[FieldName, ReadField]) -> bool:
        """Writes the fields that were lacking; True when the number belongs to another live card."""
        if not any(name in taken for name in FieldName if name is not FieldName.BRAND):
            return False
        value = {name: field.value for name, field in taken.items()}
        reading = Reading(tuple(taken.values()), "", 0)
        face, number = reading.face_value(), value.get(FieldName.NUMBER)
        try:
            await cards.set_fields(
                session, self._keyring, card,
                number=None if number is None else tidy_number(number), pin=value.get(FieldName.PIN),
                face_value_minor=None if face is None else face.amount_minor, expires_on=reading.expiry(),
            )  # fmt: skip
        except DuplicateCard:
            return True
        return False

    async def _own_fields(self, session: AsyncSession, card: CardRow) -> _OwnFields:
        face = None if card.face_value_minor is None else money_text(Money(card.face_value_minor, card.currency))
        values = {
            FieldName.BRAND: card.brand,
            FieldName.NUMBER: cards.open_number(self._keyring, card),
            FieldName.PIN: cards.open_pin(self._keyring, card),
            FieldName.FACE_VALUE: face,
            FieldName.EXPIRY: None if card.expires_on is None else card.expires_on.isoformat(),
        }
        replaced = [taken for row in await _replaced(session, card.id) for taken in self._taken(row).items()]
        outdated = {name for name, value in replaced if values.get(name) == value}
        return _OwnFields(values, frozenset(outdated - await _corrected(session, card.id)))

    def _taken(self, row: ReadingRow) -> dict[FieldName, str]:
        """What was put on the card from that reading and that no seller confirmed since."""
        values = {FieldName(name): value for name, value in values_of(self._keyring, row).items()}
        names = [FieldName(entry["name"]) for entry in row.fields if entry["use"] == "taken"]
        tidied = {FieldName.NUMBER: tidy_number}
        return {name: tidied.get(name, str)(values[name]) for name in names}

    def _row(
        self, card: CardRow, photo: PhotoRow, reading: Reading, earlier: _OwnFields,
        taken: dict[FieldName, ReadField], at: datetime,
    ) -> ReadingRow:  # fmt: skip
        reading_id = new_id()
        doubts = {
            field.name.value: [[one.place, one.characters] for one in field.doubts]
            for field in reading.fields
            if field.doubts
        }
        values = json.dumps(
            {field.name.value: field.value for field in reading.fields} | ({DOUBTS: doubts} if doubts else {})
        )
        return ReadingRow(
            id=reading_id,
            card_id=card.id,
            photo_id=photo.id,
            reader=reading.reader,
            duration_ms=reading.duration_ms,
            fields=[_entry(field, earlier, taken, brand(card.brand)) for field in reading.fields],
            values_sealed=READING_VALUES.seal(self._keyring, reading_id, values),
            created_at=at,
        )


async def wanted(read: Callable[..., Read], *args: Any) -> Read:
    """Run a reading in a thread. When its activity is cancelled it is marked as unwanted, and the reader stops half-way."""
    unwanted = threading.Event()
    UNWANTED.set(unwanted)  # Threads of `to_thread` begin with this context.
    try:
        return await asyncio.to_thread(read, *args)
    except asyncio.CancelledError:
        unwanted.set()
        raise


async def _replaced(session: AsyncSession, card_id: str) -> list[ReadingRow]:
    """The readings of photos that were replaced since."""
    statement = (
        select(ReadingRow).join(PhotoRow, PhotoRow.id == ReadingRow.photo_id).where(ReadingRow.card_id == card_id)
    )
    replaced = statement.where(~PhotoRow.current).order_by(ReadingRow.created_at, ReadingRow.id)
    return list((await session.execute(replaced)).scalars())


async def _corrected(session: AsyncSession, card_id: str) -> set[FieldName]:
    """The fields that a reviewer has typed."""
    decided = select(CardEventRow.facts["corrected"].astext).where(
        CardEventRow.card_id == card_id, CardEventRow.what == "review.decided"
    )
    decided_fields = (await session.execute(decided)).scalars()
    return {FieldName(name) for names in decided_fields for name in (names or "").split(",") if name}


async def _current(session: AsyncSession, card_id: str) -> list[PhotoRow]:
    statement = select(PhotoRow).where(PhotoRow.card_id == card_id, PhotoRow.current).order_by(PhotoRow.position)
    return list((await session.execute(statement)).scalars())


def _best(fields: Iterable[ReadField]) -> dict[FieldName, ReadField]:
    """Each field from the photo that shows it most surely."""
    best: dict[FieldName, ReadField] = {}
    for read in fields:
        if read.name not in best or best[read.name].confidence < read.confidence:
            best[read.name] = read
    return best


def _show_several_cards(known: Brand, readings: Sequence[Reading]) -> bool:
    """Return whether the photos show different numbers, or different brands: one card cannot have both."""
    numbers = {tidy_number(field.value) for field in _all(readings, FieldName.NUMBER) if is_plausible(known, field)}
    brands = {field.value for field in _all(readings, FieldName.BRAND) if field.confidence >= SURE_OF_BRAND}
    return len(numbers) > 1 or len(brands) > 1


def _of_one_card(known: Brand, read: Sequence[tuple[PhotoRow, Reading]], number: str | None) -> list[Reading]:
    """The readings without those of further cards in one photo.

    Of several in a photo those count that `of_number` finds for the card's number (secret). Where the card has none yet, a number
    counts that the brand could have issued.
    """
    by_photo: dict[str, list[Reading]] = defaultdict(list)
    for photo, reading in read:
        by_photo[photo.id].append(reading)
    return [one for cards_in in by_photo.values() for one in _own(known, cards_in, number)]


def _own(known: Brand, cards_in: Sequence[Reading], number: str | None) -> Sequence[Reading]:
    if len(cards_in) == 1:
        return cards_in
    if number is None:
        numbered = [(one, one.field(FieldName.NUMBER)) for one in cards_in]
        return [one for one, field in numbered if field is not None and is_plausible(known, field)]
    return [cards_in[at] for at in of_number([number_read(one) for one in cards_in], number)]


def _all(readings: Sequence[Reading], name: FieldName) -> list[ReadField]:
    return [field for reading in readings for field in reading.fields if field.name is name]


def _entry(read: ReadField, earlier: _OwnFields, taken: dict[FieldName, ReadField], known: Brand) -> dict[str, Any]:
    """A field as its row keeps it: everything but its value."""
    use = earlier.use_of(read)
    if not is_plausible(known, read) or (use == "taken" and taken.get(read.name) is not read):
        use = "unused"
    box = read.box
    return {
        "name": read.name.value,
        "confidence": read.confidence,
        "confidence_bp": _bp(read.confidence),
        "box": None if box is None else {"x": box.x, "y": box.y, "width": box.width, "height": box.height},
        "source": read.source.value,
        "alternatives": len(read.alternatives),
        "reasons": [reason.value for reason in read.reasons],
        "doubts": [one.place for one in read.doubts],
        "use": use,
    }


def _facts(
    card: CardRow, known: Brand, readings: Sequence[Reading], taken: dict[FieldName, ReadField], *, duplicate: bool
) -> ReadFacts:
    named = [field for field in _all(readings, FieldName.BRAND) if Reason.BY_COLOURS not in field.reasons]
    printed = _best(named).get(FieldName.BRAND)
    has_pin = known.pin is None or card.pin_sealed is not None
    return ReadFacts(
        found=any(not reading.is_empty for reading in readings),
        complete=card.number_sealed is not None and has_pin,
        lowest_confidence_bp=min((_bp(field.confidence) for field in taken.values()), default=BASIS_POINTS_PER_ONE),
        duplicate=duplicate,
        brand_differs=printed is not None and printed.value != card.brand,
        revision=card.fields_revision,
    )


def _change(
    facts: ReadFacts, readings: Sequence[Reading], taken: dict[FieldName, ReadField], *, several: bool
) -> Change:
    summary = {
        "found": str(facts.found).lower(),
        "fields": ",".join(sorted(name.value for name in taken)),
        "lowest_confidence_bp": str(facts.lowest_confidence_bp),
        "duration_ms": str(sum(reading.duration_ms for reading in readings)),
        "duplicate": str(facts.duplicate).lower(),
        "several_cards": str(several).lower(),
        "brand_differs": str(facts.brand_differs).lower(),
    }
    return Change(Stage.READING, WaitingFor.MACHINE, None, "reading.read", summary)


def _bp(confidence: float) -> int:
    return round(confidence * BASIS_POINTS_PER_ONE)
