"""Fields that a person gives: checked by the brand's rules, and held against what was read from the photographs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from database.tables.columns import now
from database.tables.intake import CardRow
from database.tables.reading import ReadingRow
from database.tables.review import ReviewDecisionRow
from domain.cards import CardType
from domain.money import Currency, Money
from domain.reading import FieldName, money_text
from domain.refusals import CardNumberInvalid, FieldInvalid, PinInvalid
from domain.rules.brands import brand
from domain.sealing import KeyRing


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
        """The arguments of `cards.set_fields`."""
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
        """The inverse of `to_json`."""
        kept = json.loads(text)
        amount, _, currency = kept.get("face_value", "").partition(" ")
        return cls(
            kept.get("number"),
            kept.get("pin"),
            Money.from_decimal_text(amount, Currency(currency)) if amount else None,
            date.fromisoformat(kept["expiry"]) if "expiry" in kept else None,
        )


def corrections_in(decision: ReviewDecisionRow, keyring: KeyRing) -> Corrections:
    """The fields that a decision corrects, opened: secret."""
    if decision.corrected_sealed is None:
        return Corrections()
    aad = f"decision:{decision.id}:fields"
    return Corrections.from_json(keyring.open_text(decision.corrected_sealed, purpose="decision", aad=aad))


def checked_fields(brand_code: str, given: Corrections) -> Corrections:
    """The fields tidied. Refuses whatever breaks the brand's rules, and an expiry that has passed."""
    known = brand(brand_code)
    return Corrections(
        number=known.require_number(given.number) if given.number is not None else None,
        pin=known.require_pin(given.pin) if given.pin is not None else None,
        face_value=known.require_face_value(given.face_value) if given.face_value is not None else None,
        expiry=known.require_unexpired(given.expiry, now()),
    )


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
    """Refuses an approval of a card nobody knows the worth of: neither a quote above zero nor a face value."""
    if valued_minor <= 0 and given.face_value is None and card.face_value_minor is None:
        raise FieldInvalid(field="face_value", why="needed")


async def confirm_reading(
    session: AsyncSession, keyring: KeyRing, card: CardRow, given: Corrections
) -> tuple[str, ...]:
    """Marks each read field as confirmed or as contradicted by what the seller gives; returns the changed names."""
    rows: Any = ReadingRow
    written = given.written()
    for row in (await session.execute(select(ReadingRow).where(rows.card_id == card.id))).scalars():
        read = json.loads(keyring.open_text(row.values_sealed, purpose="reading", aad=f"reading:{row.id}:values"))
        for entry in row.fields:
            typed = written.get(FieldName(entry["name"]))
            if typed is not None and typed != read.get(entry["name"]):
                entry["use"] = "differs"
            elif entry["use"] == "taken":
                entry["use"] = "confirmed"
        flag_modified(row, "fields")
    return tuple(name.value for name in written)
