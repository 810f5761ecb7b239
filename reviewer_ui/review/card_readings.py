"""Which readings of a card's photos its page shows: of each field the one that counts, and what else a photo surely shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from database.reads.cards.card_page import CardRecord
from database.reads.cards.latest_readings import latest_by_photo
from database.repositories import cards
from database.sealed import fields_of
from database.tables.cards import PhotoRow, ReadingRow
from domain.cards.reading import FieldName, as_read, confidence_bp, money_text
from domain.money import Money
from domain.places import business_day
from domain.rules.brands import Brand, brand
from domain.rules.plausible import is_plausible
from domain.rules.reading import sure_from_bp
from domain.rules.whose_reading import of_number
from domain.sealing import KeyRing
from services.cards.corrections import same_value
from services.cards.readings_of_card import ReadAs, number_among


@dataclass(frozen=True)
class Seen:
    """A field as one photo shows it: `value` as it was read, `kept` what is stored beside it, `photo` the `number`th as sent."""

    name: FieldName
    value: str = field(repr=False)
    kept: Mapping[str, Any]
    reading: ReadingRow
    photo: PhotoRow
    number: int


@dataclass(frozen=True)
class FieldRead:
    """A field as the current photos show it.

    `seen` is what counts: what agrees with the card, else what the brand could have issued, and of such the surest. `others` are the
    other values that photos surely show, each where it is surest.
    """

    seen: Seen
    others: tuple[Seen, ...]


@dataclass(frozen=True)
class OpenCard:
    """A card's fields in the clear, for the time in which its page is made, as a reading writes them; each reading is opened once."""

    record: CardRecord
    on_card: Mapping[FieldName, str | None] = field(repr=False)
    _keyring: KeyRing = field(repr=False)
    _read: dict[str, tuple[ReadAs, ...]] = field(default_factory=dict, repr=False)

    def fields_of(self, reading: ReadingRow) -> tuple[ReadAs, ...]:
        """Return each field of a reading: its name, the value (secret), and what is kept beside it."""
        if reading.id not in self._read:
            self._read[reading.id] = tuple(fields_of(self._keyring, reading))
        return self._read[reading.id]

    def numbers(self, readings: Iterable[ReadingRow]) -> dict[str, str]:
        """Return the number of each reading by its id, tidied, empty where none was read: secret."""
        return {row.id: number_among(self.fields_of(row)) for row in readings}


def open_card(record: CardRecord, keyring: KeyRing) -> OpenCard:
    """Open the card's number and PIN; its readings are opened where they are needed."""
    card = record.card
    face = None if card.face_value_minor is None else money_text(Money(card.face_value_minor, card.currency))
    on_card = {
        FieldName.NUMBER: cards.open_number(keyring, card),
        FieldName.PIN: cards.open_pin(keyring, card),
        FieldName.FACE_VALUE: face,
        FieldName.EXPIRY: card.expires_on.isoformat() if card.expires_on else None,
    }
    return OpenCard(record, on_card, keyring)


def fields_read(opened: OpenCard) -> dict[FieldName, FieldRead]:
    """Return what the current photos show, by field."""
    record, on_card = opened.record, opened.on_card
    known, own, all_seen = brand(record.card.brand), reading_by_photo(opened), list(_all_seen(opened))
    of_card = [one for one in all_seen if own[one.photo.id] is one.reading]
    found = {}
    for name in FieldName:
        candidates = [one for one in of_card if one.name is name]
        if not candidates:
            continue
        seen = max(candidates, key=lambda one: _counts(known, one, on_card.get(one.name)))
        # Another card in a photo is worth a line for its number; its other fields say nothing about this card.
        besides = [one for one in all_seen if one.name is name] if name is FieldName.NUMBER else candidates
        found[name] = FieldRead(seen, _others(besides, seen, on_card.get(name), record.card.brand))
    return found


def reading_by_photo(opened: OpenCard) -> dict[str, ReadingRow]:
    """Return the latest reading of each photo; of a photo of several cards that of this card, else with the surest number."""
    record = opened.record
    known, number = brand(record.card.brand), opened.on_card[FieldName.NUMBER]

    def counting(rows: Sequence[ReadingRow]) -> ReadingRow:
        own = of_number([number_among(opened.fields_of(row)) for row in rows], number or "")
        return max((rows[at] for at in own), key=surest, default=None) or max(rows, key=surest)

    def surest(row: ReadingRow) -> tuple[bool, bool, int]:
        read = (one for one in opened.fields_of(row) if one[0] is FieldName.NUMBER)
        return max((_judged(known, one, number) for one in read), default=(False, False, 0))

    return {photo_id: counting(rows) for photo_id, rows in latest_by_photo(record.readings).items()}


def _all_seen(opened: OpenCard) -> Iterable[Seen]:
    record = opened.record
    looks = latest_by_photo(record.readings)
    for number, photo in enumerate(record.photos, 1):
        for row in looks.get(photo.id, ()) if photo.current else ():
            for name, value, kept in opened.fields_of(row):
                yield Seen(name, value, kept, row, photo, number)


def _counts(known: Brand, one: Seen, recorded: str | None) -> tuple[bool, bool, int]:
    return _judged(known, (one.name, one.value, one.kept), recorded)


def _judged(
    known: Brand, read: tuple[FieldName, str, Mapping[str, Any]], recorded: str | None
) -> tuple[bool, bool, int]:
    name, value, kept = read
    agrees = recorded is not None and same_value(name, recorded, value)
    return agrees, is_plausible(known, as_read(kept, value)), confidence_bp(kept)


def _others(candidates: Sequence[Seen], seen: Seen, recorded: str | None, brand_code: str) -> tuple[Seen, ...]:
    limit = sure_from_bp(brand_code, seen.name, business_day(datetime.now(UTC)))
    values = [seen.value] if recorded is None else [seen.value, recorded]
    found: list[Seen] = []
    for one in sorted(candidates, key=lambda one: -confidence_bp(one.kept)):
        if confidence_bp(one.kept) >= limit and not any(same_value(one.name, known, one.value) for known in values):
            found.append(one)
            values.append(one.value)
    return tuple(found)
