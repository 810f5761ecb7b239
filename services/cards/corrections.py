"""Fields that a person gives: checked by the brand's rules, and held against what was read from the photographs."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.latest_readings import by_look
from database.repositories.cards import open_number, open_pin
from database.sealed import DECISION_FIELDS, fields_of
from database.tables.cards import CardRow, PhotoRow, ReadingRow
from database.tables.columns import now
from database.tables.review import ReviewDecisionRow
from domain.cards.card import CardType
from domain.cards.reading import SECRET_FIELDS, FieldName, confidence_bp, money_text
from domain.errors.cards import CardNumberInvalid, PinInvalid
from domain.errors.general import FieldInvalid
from domain.errors.review import ReadingDiffers
from domain.money import Currency, Money
from domain.places import business_day
from domain.rules.brands import brand, tidy_number
from domain.rules.reading import sure_from_bp
from domain.sealing import KeyRing
from services.cards.readings_of_card import ReadAs, number_among, of_card

FieldsOf = Callable[[ReadingRow], Iterable[ReadAs]]


@dataclass(frozen=True)
class Corrections:
    """Fields of one card as a person gives them; None leaves a field as it is."""

    number: str | None = field(default=None, repr=False)
    pin: str | None = field(default=None, repr=False)
    face_value: Money | None = None
    expiry: date | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing is given: what was read is confirmed."""
        return all(value is None for value in vars(self).values())

    def as_columns(self) -> dict[str, Any]:
        """Return the corrections as arguments of `cards.set_fields`."""
        return {
            "number": self.number,
            "pin": self.pin,
            "face_value_minor": None if self.face_value is None else self.face_value.amount_minor,
            "expires_on": self.expiry,
        }

    def written(self) -> dict[FieldName, str]:
        """Each given field as a reading writes it."""
        given = {
            FieldName.NUMBER: self.number,
            FieldName.PIN: self.pin,
            FieldName.FACE_VALUE: None if self.face_value is None else money_text(self.face_value),
            FieldName.EXPIRY: None if self.expiry is None else self.expiry.isoformat(),
        }
        return {name: value for name, value in given.items() if value is not None}

    def to_json(self) -> str:
        """For the sealed column of a decision: secret."""
        return json.dumps({name.value: value for name, value in self.written().items()})

    @classmethod
    def from_json(cls, text: str) -> Corrections:
        """Read corrections from what `to_json` returned."""
        kept = json.loads(text)
        amount, _, currency = kept.get("face_value", "").partition(" ")
        return cls(
            kept.get("number"),
            kept.get("pin"),
            Money.from_decimal_text(amount, Currency(currency)) if amount else None,
            date.fromisoformat(kept["expiry"]) if "expiry" in kept else None,
        )


def corrections_in(decision: ReviewDecisionRow, keyring: KeyRing) -> Corrections:
    """Open the fields that a decision corrects: secret."""
    if decision.corrected_sealed is None:
        return Corrections()
    return Corrections.from_json(DECISION_FIELDS.open(keyring, decision.id, decision.corrected_sealed))


def checked_fields(brand_code: str, given: Corrections) -> Corrections:
    """Tidy the fields. Refuses whatever breaks the brand's rules, and an expiry that has passed."""
    known = brand(brand_code)
    return Corrections(
        number=known.require_number(given.number) if given.number is not None else None,
        pin=known.require_pin(given.pin) if given.pin is not None else None,
        face_value=known.require_face_value(given.face_value) if given.face_value is not None else None,
        expiry=known.require_unexpired(given.expiry, now()),
    )


def against_readings(
    readings: Iterable[ReadingRow],
    fields: FieldsOf,
    brand_code: str,
    written: Mapping[FieldName, str],
    number: str | None,
) -> dict[FieldName, int]:
    """Return the given fields that differ from a sure reading while no reading agrees, with that reading's basis points.

    `readings` are those of the current photos, which `fields` opens; `written` holds the fields as a reading writes them. Numbers are
    compared with every card in the photos, other fields only with the card of this `number` (secret).
    """
    if not written:
        return {}
    known, today = list(readings), business_day(now())
    numbers = {row.id: number_among(fields(row)) for row in known}
    own = {row.id for row in of_card(by_look(known), numbers, brand(brand_code), number)}
    found: dict[FieldName, int] = {}
    agreed: set[FieldName] = set()
    for row in known:
        for name, value, kept in fields(row):
            if name not in written or not (name is FieldName.NUMBER or row.id in own):
                continue
            surely = confidence_bp(kept)
            if same_value(name, written[name], value):
                agreed.add(name)
            elif surely >= sure_from_bp(brand_code, name, today):
                found[name] = max(surely, found.get(name, 0))
    return {name: surely for name, surely in found.items() if name not in agreed}


def same_value(name: FieldName, typed: str, read: str) -> bool:
    """Return whether a field as it was typed and as it was read are the same; how a secret is grouped does not count."""
    return tidy_number(typed) == tidy_number(read) if name in SECRET_FIELDS else typed == read


async def require_confirmed(
    session: AsyncSession, keyring: KeyRing, card: CardRow, given: Corrections, confirmed: Collection[str]
) -> tuple[str, ...]:
    """Return the names of the given fields that differ from a sure reading.

    Refuses ReadingDiffers unless `confirmed` holds the mark of each such value: a confirmation counts for no other value.
    """
    written = given.written()
    differing = tuple(await differing_fields(session, keyring, card, given))
    marks = {name.value: mark_of(keyring, card.id, name, written[name]) for name in differing}
    if unconfirmed := [name for name, mark in marks.items() if mark not in confirmed]:
        raise ReadingDiffers(field=unconfirmed[0], fields=unconfirmed, marks=list(marks.values()))
    return tuple(marks)


def mark_of(keyring: KeyRing, card_id: str, name: FieldName, value: str) -> str:
    """Return what a form sends to confirm this value of a field against the reading; the value cannot be read from it."""
    return keyring.index(f"{card_id}\n{name.value}\n{value}", purpose="confirmed")[:16]


def with_kept(given: Corrections, card: CardRow, keyring: KeyRing) -> Corrections:
    """Return the given fields, and those of the card that they leave as they are."""
    face = None if card.face_value_minor is None else Money(card.face_value_minor, card.currency)
    return Corrections(
        given.number or open_number(keyring, card),
        given.pin or open_pin(keyring, card),
        given.face_value or face,
        given.expiry or card.expires_on,
    )


async def differing_fields(
    session: AsyncSession, keyring: KeyRing, card: CardRow, given: Corrections
) -> dict[FieldName, int]:
    """Return the given fields that differ from a sure reading of the card's current photos (see `against_readings`)."""
    if given.is_empty:
        return {}
    rows, photos = ReadingRow, PhotoRow
    statement = select(ReadingRow).join(PhotoRow, photos.id == rows.photo_id)
    current = statement.where(rows.card_id == card.id, photos.current).order_by(rows.created_at, rows.id)
    found, number = (await session.execute(current)).scalars(), given.number or open_number(keyring, card)
    return against_readings(found, partial(_opened, keyring), card.brand, given.written(), number)


def _opened(keyring: KeyRing, row: ReadingRow) -> list[ReadAs]:
    return list(fields_of(keyring, row))


def require_complete(card: CardRow, given: Corrections) -> None:
    """Refuses when number or PIN is still missing; regional cards are completed by a reviewer."""
    known = brand(card.brand)
    if card.card_type is CardType.REGIONAL:
        return
    if given.number is None and card.number_sealed is None:
        raise CardNumberInvalid(brand=card.brand, why="missing")
    if known.pin is not None and given.pin is None and card.pin_sealed is None:
        raise PinInvalid(brand=card.brand, why="missing")


def require_payable(card: CardRow, given: Corrections, valued_minor: int) -> None:
    """Refuse to approve a card of unknown value: neither a quote above zero nor a face value."""
    if valued_minor <= 0 and given.face_value is None and card.face_value_minor is None:
        raise FieldInvalid(field="face_value", why="needed")


async def confirm_reading(
    session: AsyncSession, keyring: KeyRing, card: CardRow, given: Corrections
) -> tuple[str, ...]:
    """Marks each read field as confirmed, agreed with or contradicted by what the seller gives; returns the names of what was given."""
    written = given.written()
    own = select(ReadingRow).where(ReadingRow.card_id == card.id).order_by(ReadingRow.created_at, ReadingRow.id)
    for row in (await session.execute(own)).scalars():
        used = {
            name: _use_after(name, kept["use"], value, written.get(name))
            for name, value, kept in fields_of(keyring, row)
        }
        row.fields = [{**entry, "use": used.get(entry["name"], entry["use"])} for entry in row.fields]
    return tuple(name.value for name in written)


def _use_after(name: FieldName, use: str, read: str, typed: str | None) -> str:
    """What becomes of a read field once the seller gave the field (`typed`, None: left as it is)."""
    if typed is not None and not same_value(name, typed, read):
        return "differs"
    if use == "taken":
        return "confirmed"
    return use if typed is None or use == "confirmed" else "agrees"
