"""The catalogue of brands as a policy document: what it looks like, and what no schema can say of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

from domain.cards.card import CardType
from domain.cards.verification import CONFIRMED_BEFORE_PAYMENT, Secures
from domain.money import Currency
from domain.policies.document import BUILT_IN_NUMBER, PolicyDocument
from domain.policies.flaws import Flaw, FlawKind
from domain.policies.schema import (
    CODE,
    MINOR_MAX,
    Schema,
    completed,
    one_of,
    record,
    rows,
    several,
    text,
    whole,
    with_default,
)

CATALOGUE = Path(__file__).with_name("brands.json")
BEGINS = date(2020, 1, 1)
REASON_CHARACTERS_MAX = 200
SHORT_CHARACTERS_MAX = 4  # What fits on the tile of a list.
COLOURS_MAX = 3
POPULARITIES = ("high", "medium", "low")
KEPT = ("type", "currency")  # Submitted cards are read by these: they stay as they are.


class Check(StrEnum):
    """How a brand's last character protects its number."""

    LUHN = "luhn"
    ISO7064_MOD37_36 = "iso7064_mod37_36"
    NONE = "none"


def schema() -> Schema:
    """Return what the document is like: a list of brands, distinguished by their codes."""
    pin: Schema = {"type": ["string", "null"], "minLength": 1, "maxLength": 120}
    group: Schema = {"type": "array", "items": whole(1, 40), "minItems": 1, "maxItems": 12}
    bounds: Schema = {"type": "array", "items": whole(1, MINOR_MAX, "minor"), "minItems": 2, "maxItems": 2}
    entry = record(
        code=text(40, CODE),
        names=record("brand_language", zh_CN=text(40), en=text(40)),
        short=record("brand_language", zh_CN=text(SHORT_CHARACTERS_MAX), en=text(SHORT_CHARACTERS_MAX)),
        type=one_of(CardType, "card_type"),
        issuer=text(40, CODE),
        currency=one_of(Currency, ""),
        zone=text(60),
        secures=with_default(one_of(Secures, "brand_secures"), Secures.NONE.value),
        number=text(120),
        check=one_of(Check, ""),
        pin=pin,
        group=group,
        face_minor=bounds,
        popularity={"type": "string", "enum": list(POPULARITIES), "names": "brand_popularity"},
        aliases=several(text(40)),
        code_symbologies=several(text(20, "^[A-Za-z0-9]+$")),
        code_parameters=several(text(40)),
        # Those that cover most of the brand's cards: they name a brand that no word names. White, grey and black say nothing.
        colours=with_default(several(text(7, "^#[0-9a-f]{6}$"), COLOURS_MAX), []),
        # From this day on no new card of the brand is taken; the reason is for sellers and partners.
        not_bought_from=with_default({"type": ["string", "null"], "minLength": 1, "maxLength": 10}, None),
        not_bought_reason=with_default(
            record(
                "brand_language",
                zh_CN=text(REASON_CHARACTERS_MAX, empty=True),
                en=text(REASON_CHARACTERS_MAX, empty=True),
            ),
            {"zh_CN": "", "en": ""},
        ),
    )
    return record(brands=rows(entry, "code", 200))


@cache
def built_in() -> tuple[PolicyDocument, ...]:
    """Return the catalogue that comes with the product."""
    described = json.loads(CATALOGUE.read_text(encoding="utf-8"))
    document = completed(schema(), {"brands": described["brands"]})
    return (PolicyDocument("brands", BUILT_IN_NUMBER, described["version"], BEGINS, document),)


def flaws(document: Mapping[str, Any], before: Mapping[str, Any]) -> Iterable[Flaw]:
    """Yield what cannot be used, and what submitted cards still need."""
    entries = document["brands"]
    yield from _twice(entries)
    for index, entry in enumerate(entries):
        yield from _of_entry(f"brands[{index}]", entry)
    by_code = {entry["code"]: (index, entry) for index, entry in enumerate(entries)}
    for known in before.get("brands", ()):
        index, entry = by_code.get(known["code"], (-1, {}))
        if index < 0:
            yield Flaw(f"brands.{known['code']}", FlawKind.IN_USE)
        else:
            yield from (Flaw(f"brands[{index}].{name}", FlawKind.IN_USE) for name in KEPT if entry[name] != known[name])


def _twice(entries: list[Mapping[str, Any]]) -> Iterator[Flaw]:
    seen: set[tuple[str, str]] = set()
    for index, entry in enumerate(entries):
        own = [("code", entry["code"]), *((f"short.{language}", one) for language, one in entry["short"].items())]
        yield from (Flaw(f"brands[{index}].{name}", FlawKind.TWICE) for name, one in own if (name, one) in seen)
        seen.update(own)


def _of_entry(place: str, entry: Mapping[str, Any]) -> Iterator[Flaw]:
    for name in ("number", "pin"):
        if entry[name] is not None and not _is_pattern(entry[name]):
            yield Flaw(f"{place}.{name}", FlawKind.WRONG_FORM)
    if entry["zone"] not in available_timezones():
        yield Flaw(f"{place}.zone", FlawKind.NOT_A_ZONE)
    if entry["face_minor"][0] > entry["face_minor"][1]:
        yield Flaw(f"{place}.face_minor", FlawKind.OUT_OF_RANGE)
    secured = entry["secures"] != Secures.NONE.value
    if secured and CardType(entry["type"]) not in CONFIRMED_BEFORE_PAYMENT:
        yield Flaw(f"{place}.secures", FlawKind.CONTRADICTS)
    yield from _of_end(place, entry)


def _of_end(place: str, entry: Mapping[str, Any]) -> Iterator[Flaw]:
    """A brand that is no longer bought has a day and a reason in both languages; any other has neither."""
    day, reasons = entry["not_bought_from"], entry["not_bought_reason"]
    if day is not None and not is_date(day):
        yield Flaw(f"{place}.not_bought_from", FlawKind.NOT_A_DATE)
    for language, reason in reasons.items():
        if day is not None and not reason.strip():
            yield Flaw(f"{place}.not_bought_reason.{language}", FlawKind.MISSING)
    if day is None and any(reason.strip() for reason in reasons.values()):
        yield Flaw(f"{place}.not_bought_from", FlawKind.MISSING)


def is_date(written: str) -> bool:
    """Return whether this is a day as documents write it, `2026-12-31`."""
    try:
        return date.fromisoformat(written).isoformat() == written
    except ValueError:
        return False


def _is_pattern(written: str) -> bool:
    try:
        re.compile(written)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
