"""The committed sample photos as the demo hands them in: what is printed on each card, and the state each must reach."""

from __future__ import annotations

import json
import random
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from stdnum import luhn

from bootstrap.settings import PROJECT_ROOT
from domain.cards.card import CardStatus, EndReason, Outcome
from domain.money import Currency, Money
from domain.places import business_day
from domain.rules.brands import Brand
from domain.rules.brands import brand as brand_of

FOLDER = PROJECT_ROOT / "samples"
PERCENT = 100


@dataclass(frozen=True)
class Sample:
    """One photo. Number and PIN are what is printed on the card in the script's hand; `quote_minor` is from–to, in fen."""

    photo: str
    brand: Brand
    number: str = field(repr=False)
    pin: str | None = field(repr=False)
    face: Money
    expiry: date | None
    status: CardStatus
    left_minor: int
    outcome: Outcome
    reason: EndReason | None
    needs: frozenset[str]
    quote_minor: tuple[int, int] | None

    @property
    def jpeg(self) -> bytes:
        """The photo itself."""
        return (FOLDER / "photos" / self.photo).read_bytes()

    @property
    def tail(self) -> str:
        """What a masked number shows."""
        return self.number[-4:]


def samples() -> list[Sample]:
    """Every photo of cards.json, in its order."""
    described = json.loads((FOLDER / "cards.json").read_text(encoding="utf-8"))
    return [_sample(card) if card["brand"] else _without_a_card(card["photo"]) for card in described["cards"]]


def _sample(card: dict[str, Any]) -> Sample:
    wanted = card["demo"]
    face = Money(card["face_value_minor"], Currency(card["currency"]))
    return Sample(
        photo=card["photo"],
        brand=brand_of(card["brand"]),
        number=card["number"],
        pin=card["pin"],
        face=face,
        expiry=date.fromisoformat(card["expiry"]) if card["expiry"] else None,
        status=CardStatus(wanted["issuer_status"]),
        left_minor=face.amount_minor * wanted.get("left_percent", PERCENT) // PERCENT,
        outcome=Outcome(wanted["outcome"]),
        reason=EndReason(wanted["reason"]) if "reason" in wanted else None,
        needs=frozenset(wanted["needs"]),
        quote_minor=tuple(wanted["quote_minor"]) if "quote_minor" in wanted else None,
    )


def _without_a_card(photo: str) -> Sample:
    """A photo that shows no card: its seller types another one, a card of this run that no other run has."""
    digits = "66" + "".join(str(secrets.randbelow(10)) for _ in range(13))
    number = digits + luhn.calc_check_digit(digits)
    pin = f"{random.SystemRandom().randrange(1, 10**8):08d}"
    return Sample(
        photo=photo,
        brand=brand_of("tmall"),
        number=number,
        pin=pin,
        face=Money(20_000),
        expiry=date(business_day(datetime.now(UTC)).year + 1, 12, 31),
        status=CardStatus.ACTIVE,
        left_minor=20_000,
        outcome=Outcome.PAID,
        reason=None,
        needs=frozenset({"typed_fields"}),
        quote_minor=None,
    )
