"""The catalogue of brands: which are bought, and what a card number of each looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from stdnum import luhn
from stdnum.exceptions import ValidationError
from stdnum.iso7064 import mod_37_36

from domain.cards.card import CardType
from domain.cards.verification import CONFIRMED_BEFORE_PAYMENT, Secures
from domain.errors.cards import (
    BrandNotBought,
    BrandUnknown,
    CardExpired,
    CardNumberInvalid,
    FaceValueInvalid,
    PinInvalid,
)
from domain.money import Currency, Money
from domain.ops.providers import FX_DESK, MESSAGES, OUTLETS, PAYOUTS, Provider, issuer, store
from domain.places import business_day, today_in
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind
from domain.rules.brand_document import Check, built_in, flaws, schema
from domain.typed import plain

KIND = PolicyKind("brands", schema(), built_in, further=flaws)


@dataclass(frozen=True)
class Brand:
    """One brand as the catalogue has it; `face_minor` is the smallest and largest face value it issues.

    `code_symbologies` are the barcodes it prints a number alone in, `code_parameters` the names by which its links and
    texts carry one, `colours` (`#rrggbb`) those that cover most of its cards, `zone` the clock by which its cards expire,
    `secures` what its issuer does right before a payment.
    From `not_bought_from` on, a day in the office, no new card is taken.
    """

    code: str
    names: Mapping[str, str]
    short: Mapping[str, str]  # By language, at most four characters, no two brands alike: the label of a small tile.
    card_type: CardType
    issuer: str
    currency: Currency
    number: str
    check: Check
    pin: str | None
    group: tuple[int, ...]
    face_minor: tuple[int, int]
    popularity: str
    aliases: tuple[str, ...]
    code_symbologies: tuple[str, ...]
    code_parameters: tuple[str, ...]
    zone: ZoneInfo
    secures: Secures = Secures.NONE
    colours: tuple[str, ...] = ()
    not_bought_from: date | None = None
    not_bought_reason: Mapping[str, str] = field(default_factory=dict)  # By language.

    def matches_pattern(self, number: str) -> bool:
        """Length and characters alone."""
        return re.fullmatch(self.number, number) is not None

    def check_holds(self, number: str) -> bool:
        """Check the check digit alone; true for brands that have none."""
        if self.check is Check.NONE:
            return True
        validate = luhn.validate if self.check is Check.LUHN else mod_37_36.validate
        try:
            validate(number)
        except ValidationError:
            return False
        return True

    def is_valid(self, number: str) -> bool:
        """Both: the number could have been issued by this brand."""
        return self.matches_pattern(number) and self.check_holds(number)

    def require_number(self, number: str) -> str:
        """Return the number without spaces and dashes, upper case. Refuses one that breaks the rules."""
        tidy = tidy_number(number)
        if not self.matches_pattern(tidy):
            raise CardNumberInvalid(brand=self.code, why="pattern")
        if not self.check_holds(tidy):
            raise CardNumberInvalid(brand=self.code, why="check_digit")
        return tidy

    def require_pin(self, pin: str | None) -> str | None:
        """Return the PIN without spaces; None for brands that have none. Refuses a missing or malformed one."""
        if self.pin is None:
            return None
        tidy = tidy_number(pin or "")
        if not re.fullmatch(self.pin, tidy):
            raise PinInvalid(brand=self.code, why="pattern" if tidy else "missing")
        return tidy

    def require_face_value(self, face_value: Money) -> Money:
        """Return the face value, if the brand issues such cards; else refuses."""
        least, most = self.face_minor
        if face_value.currency is not self.currency or not least <= face_value.amount_minor <= most:
            bounds = {"least": str(Money(least, self.currency)), "most": str(Money(most, self.currency))}
            raise FaceValueInvalid(brand=self.code, **bounds)
        return face_value

    def is_bought(self, moment: datetime) -> bool:
        """Return whether new cards of the brand are taken at `moment`; cards that were taken before continue."""
        return self.not_bought_from is None or business_day(moment) < self.not_bought_from

    def require_bought(self, moment: datetime) -> None:
        """Refuses BrandNotBought, with the day and the reason, for a brand whose cards are no longer taken."""
        if self.not_bought_from is not None and not self.is_bought(moment):
            since = self.not_bought_from.isoformat()
            names, reason = dict(self.names), dict(self.not_bought_reason)
            raise BrandNotBought(brand=self.code, since=since, name=names, reason=reason)

    def today(self, moment: datetime) -> date:
        """Return the day at `moment` where the brand's cards expire."""
        return today_in(self.zone, moment)

    def require_unexpired(self, expiry: date | None, moment: datetime) -> date | None:
        """Return the last valid day, None for a card without one. Refuses a day that has passed where the brand lives."""
        if expiry is not None and expiry < self.today(moment):
            raise CardExpired(expiry=expiry.isoformat())
        return expiry

    def grouped(self, number: str) -> str:
        """Space the number as it is printed on the card."""
        parts, rest = [], number
        for size in self.group:
            parts.append(rest[:size])
            rest = rest[size:]
        return " ".join(part for part in [*parts, rest] if part)


def catalogue() -> Mapping[str, Brand]:
    """Return every brand of today's catalogue by its code."""
    return brands_of(BOOK.in_force(KIND, business_day(datetime.now(UTC))))


def issuers() -> frozenset[str]:
    """Return the issuers of today's brands."""
    return frozenset(brand.issuer for brand in catalogue().values())


def brands_of_issuer(issuer: str) -> tuple[str, ...]:
    """Return the codes of an issuer's brands today, in order."""
    return tuple(sorted(code for code, brand in catalogue().items() if brand.issuer == issuer))


def providers() -> tuple[Provider, ...]:
    """Return all providers that today's cards may depend on: issuers, the stores of dining brands, and those there is one of."""
    tills = {brand.issuer for brand in catalogue().values() if brand.card_type is CardType.DINING}
    of_issuers = (*map(issuer, sorted(issuers())), *map(store, sorted(tills)))
    return (*of_issuers, OUTLETS, FX_DESK, PAYOUTS, MESSAGES)


def catalogue_version() -> str:
    """Return the name of today's catalogue, as decisions made by it keep it."""
    return BOOK.in_force(KIND, business_day(datetime.now(UTC))).version


@lru_cache(maxsize=32)
def brands_of(found: PolicyDocument) -> Mapping[str, Brand]:
    """Return the brands of one version. Raises ValueError for one whose cards cannot be secured as it says."""
    return {entry["code"]: _brand(entry) for entry in found.document["brands"]}


class LiveCatalogue(Mapping[str, Brand]):
    """Today's catalogue at each look, for what lives longer than a version."""

    def __getitem__(self, code: str) -> Brand:
        return catalogue()[code]

    def __iter__(self) -> Iterator[str]:
        return iter(catalogue())

    def __len__(self) -> int:
        return len(catalogue())


def brand(code: str) -> Brand:
    """Return the brand of that code. Refuses an unknown one."""
    try:
        return catalogue()[code]
    except KeyError:
        raise BrandUnknown(brand=code[:32]) from None


def tidy_number(written: str) -> str:
    """Make a number plain, as it was entered or read: without the spaces and dashes people group it with, upper case."""
    return re.sub(r"[\s\-–—·.]", "", plain(written)).upper()


def masked(tail: str) -> str:
    """How a number is shown: its last four characters."""
    return f"•••• {tail[-4:]}"


def _brand(entry: dict[str, object]) -> Brand:
    """One entry of the catalogue. Raises ValueError where it is to be secured and its type is never confirmed before payment."""
    card_type, secures = CardType(str(entry["type"])), Secures(str(entry.get("secures", Secures.NONE.value)))
    if secures is not Secures.NONE and card_type not in CONFIRMED_BEFORE_PAYMENT:
        raise ValueError(f"{entry['code']}: cards of type {card_type.value} are not secured")
    ends = entry.get("not_bought_from")
    return Brand(
        code=str(entry["code"]),
        names=dict(entry["names"]),  # type: ignore[call-overload]
        short=dict(entry["short"]),  # type: ignore[call-overload]
        card_type=card_type,
        issuer=str(entry["issuer"]),
        currency=Currency(str(entry["currency"])),
        number=str(entry["number"]),
        check=Check(str(entry["check"])),
        pin=None if entry["pin"] is None else str(entry["pin"]),
        group=tuple(entry["group"]),  # type: ignore[arg-type]
        face_minor=tuple(entry["face_minor"]),  # type: ignore[arg-type]
        popularity=str(entry["popularity"]),
        aliases=tuple(entry["aliases"]),  # type: ignore[arg-type]
        code_symbologies=tuple(entry["code_symbologies"]),  # type: ignore[arg-type]
        code_parameters=tuple(entry["code_parameters"]),  # type: ignore[arg-type]
        colours=tuple(entry.get("colours", ())),  # type: ignore[arg-type]
        zone=ZoneInfo(str(entry["zone"])),
        secures=secures,
        not_bought_from=None if ends is None else date.fromisoformat(str(ends)),
        not_bought_reason=dict(entry.get("not_bought_reason", {})),  # type: ignore[call-overload]
    )
