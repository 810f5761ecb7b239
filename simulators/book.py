"""The book of cards: what is registered wins; any other number its brand could have issued has a state by its digits.

The two characters before the check digit (the last two, where a brand has none) decide: 90 partly used, 91 frozen, 92 lost,
93 not activated, 94 expired, 95 unknown, 96 a balance other than printed; anything else is active with the default balance.
The book keeps no number and no PIN, only keyed hashes: the simulators' file may be copied about.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from simulators.brands import Brands, Numbering
from simulators.store import Store

Status = Literal["active", "not_activated", "lost", "frozen", "partly_used", "expired", "unknown"]
MAGIC: dict[str, Status] = {
    "90": "partly_used", "91": "frozen", "92": "lost", "93": "not_activated", "94": "expired", "95": "unknown", "96": "active",
}  # fmt: skip
PERCENT_LEFT = {"90": 60, "96": 80}
EXPIRED_SINCE = date(2024, 12, 31)
YEARS_VALID = 2


class Spending(BaseModel):
    """One purchase made with a card; `at` is ISO 8601."""

    at: str
    amount_minor: int = Field(gt=0)
    place: str = ""


class Registration(BaseModel):
    """A card as it is registered by `POST /book`. `pin` None means that any PIN is right."""

    model_config = ConfigDict(extra="forbid")

    brand: str = Field(min_length=1, max_length=40)
    number: str = Field(min_length=4, max_length=40, repr=False)
    pin: str | None = Field(default=None, repr=False)
    status: Status = "active"
    balance_minor: int = Field(default=50_000, ge=0)
    face_minor: int | None = None
    currency: str | None = None
    expires_on: date | None = None
    consumption: list[Spending] = []


class Entry(BaseModel):
    """What the book says of one card."""

    brand: str
    tail: str
    status: Status
    balance_minor: int
    face_minor: int
    currency: str
    expires_on: date
    consumption: list[Spending] = []
    pin_hash: str | None = None

    def pin_verdict(self, pin: str | None, salt: str) -> str:
        """`none` when no PIN was given, else `right` or `wrong`. A PIN of zeros is always wrong."""
        if pin is None:
            return "none"
        fits = self.pin_hash is None or self.pin_hash == digest(salt, pin)
        return "right" if fits and pin.strip("0") else "wrong"

    @classmethod
    def unknown(cls, brand: str, number: str) -> Self:
        """Make the entry of a card the issuer has never heard of."""
        nothing = {"balance_minor": 0, "face_minor": 0, "currency": "CNY", "expires_on": EXPIRED_SINCE}
        return cls.model_validate({"brand": brand, "tail": number[-4:], "status": "unknown", **nothing})


class Book:
    """All cards of one issuer or store system, kept in a program's store."""

    def __init__(self, store: Store, salt: str, brands: Brands) -> None:
        self._store = store
        self.brands = brands
        self.salt = salt

    def register(self, card: Registration) -> Entry:
        """Writes a card down; a second registration of the same number replaces the first."""
        known = self.brands.known().get(card.brand)
        entry = Entry(
            brand=card.brand, tail=card.number[-4:], status=card.status, balance_minor=card.balance_minor,
            face_minor=card.face_minor or card.balance_minor + sum(spent.amount_minor for spent in card.consumption),
            currency=card.currency or ("CNY" if known is None else known.currency),
            expires_on=card.expires_on or default_expiry(), consumption=card.consumption,
            pin_hash=None if card.pin is None else digest(self.salt, card.pin),
        )  # fmt: skip
        return self.keep(card.brand, card.number, entry)

    def keep(self, brand: str, number: str, entry: Entry) -> Entry:
        """Writes a card down as it is now."""
        self._store.put("card", self.key(brand, number), entry.model_dump(mode="json"))
        return entry

    def find(self, brand: str, number: str, default_minor: int) -> Entry:
        """Return the card as registered, else as its digits say; status unknown when the brand could not have issued it."""
        registered = self._store.get("card", self.key(brand, number))
        if registered is not None:
            return Entry.model_validate(registered)
        known = self.brands.known().get(brand)
        if known is None or not known.could_be(number):
            return Entry.unknown(brand, number)
        return _by_digits(known, brand, number, default_minor)

    def registered(self) -> list[Entry]:
        """Every registered card, newest first."""
        return [Entry.model_validate(record) for record in self._store.newest_first("card")]

    def key(self, brand: str, number: str) -> str:
        """Return the name a card has in the store: a hash, never its number."""
        return digest(self.salt, f"{brand}:{number}")


def digest(salt: str, secret: str) -> str:
    """Compute a keyed hash of a number or PIN, hex."""
    return hashlib.blake2b(secret.encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


def default_expiry() -> date:
    """Return the end of the year two years ahead."""
    return date(datetime.now(UTC).year + YEARS_VALID, 12, 31)


def _by_digits(known: Numbering, brand: str, number: str, default_minor: int) -> Entry:
    magic = known.magic_of(number)
    status = MAGIC.get(magic, "active")
    if status == "unknown":
        return Entry.unknown(brand, number)
    balance = default_minor * PERCENT_LEFT.get(magic, 100) // 100
    return Entry(
        brand=brand, tail=number[-4:], status=status, balance_minor=balance, face_minor=default_minor,
        currency=known.currency, expires_on=EXPIRED_SINCE if status == "expired" else default_expiry(),
        consumption=_spent(default_minor - balance) if status == "partly_used" else [],
    )  # fmt: skip


def _spent(amount_minor: int) -> list[Spending]:
    first = amount_minor // 3
    parts = [("2026-03-08T11:20:00Z", first), ("2026-05-01T18:05:00Z", amount_minor - first)]
    return [Spending(at=at, amount_minor=part, place="store 017") for at, part in parts if part > 0]
