"""From printed lines to a card's fields: labels first, the brand's rules second, position last. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.cards.reading import SURE_OF_BRAND, FieldName, ReadField, money_text
from domain.rules.brands import Brand
from ocr import misread
from ocr.calibration import Curves
from ocr.candidates import SURE_OF_CARD, Candidate, labelled_pins_in, number_in, numbers_apart_in, pin_in, weighed
from ocr.labels import Label, Segment, segments
from ocr.level import level_of
from ocr.lines import Line, Row, Span, rows
from ocr.values import expiry_in, money_in

CAP_RULES_BROKEN = 0.3  # A face value that the brand does not issue.
TURNED: dict[str, str | int | None] = {
    "0": "0",
    "1": "1",
    "6": "9",
    "8": "8",
    "9": "6",
}  # Digits that are digits upside down.
LONG_NAME = 4  # Characters of a brand's name from which on it is known with one of them misread.
CAP_UNLABELLED = 0.85  # A date without a label, or one amount of several.


@dataclass(frozen=True)
class Understood:
    """What the lines of one look mean; `number` and `pin` are the candidates behind the fields of these names."""

    fields: tuple[ReadField, ...] = ()
    number: Candidate | None = None
    pin: Candidate | None = None

    @property
    def printed(self) -> str | None:
        """Return the code of the brand that a word names."""
        return next((read.value for read in self.fields if read.name is FieldName.BRAND), None)

    @property
    def is_upright(self) -> bool:
        """Whether words were surely read, so that the print does not stand on its head: digits, and a JD, can be read either way."""
        if any(read.name is FieldName.BRAND and read.confidence >= SURE_OF_BRAND for read in self.fields):
            return True
        return any(
            one is not None and one.labelled and one.confidence >= SURE_OF_CARD for one in (self.number, self.pin)
        )


def fields_in(
    lines: Iterable[Line], brands: Mapping[str, Brand], brand_hint: str | None, curves: Curves | None = None
) -> tuple[ReadField, ...]:
    """Find the fields that the lines hold; none when there is neither brand, number nor PIN among them."""
    return understood(tuple(lines), brands, brand_hint, curves=curves).fields


def understood(
    lines: Sequence[Line],
    brands: Mapping[str, Brand],
    brand_hint: str | None,
    by_colours: str | None = None,
    *,
    curves: Curves | None = None,
) -> Understood:
    """Find what the lines mean, boxes in pixels of their picture; nothing without brand, number or PIN.

    The rules applied are those of the printed brand, else of `brand_hint`, else of the brand that the card's colours are
    those of, which no number or PIN is trusted by; with none of them, only value and date are read. `curves` are those of the engine.
    """
    level = level_of(lines)
    gathered = rows(level.laid(line) for line in lines)
    cut = segments(gathered)
    brand_read = brand_in(gathered, brands, brand_hint)
    brand = brands.get(brand_read.value if brand_read else brand_hint or by_colours or "")
    number = None if brand is None else number_in(cut, brand, curves)
    pin = None if brand is None else pin_in(cut, brand, number, curves)
    if brand_read is None and not brand_hint:
        number, pin = (None if one is None else replace(one, by_colours=True) for one in (number, pin))
    if number is not None and brand_read is None and not number.labelled and _reads_turned(number):
        number = replace(number, rivals=number.rivals + 1)
    secrets = [one.field() for one in (number, pin) if one is not None]
    if brand_read is None and not secrets:
        return Understood()
    found = (brand_read, *secrets, _face_value(cut, gathered, brand), _expiry(cut, gathered))
    fields = tuple(
        replace(read, box=level.in_picture(read.box)) if read.box else read for read in found if read is not None
    )
    return Understood(fields, number, pin)


def _reads_turned(number: Candidate) -> bool:
    """Whether the digits are also a number of the brand when the card stands on its head, and nothing else says which way it lies."""
    value = number.judged.value
    return set(value) <= set(TURNED) and number.grammar.holds(value[::-1].translate(str.maketrans(TURNED)))


def cards_in(
    lines: Sequence[Line], brands: Mapping[str, Brand], brand_hint: str | None, curves: Curves | None = None
) -> tuple[tuple[Line, ...], ...]:
    """Return the lines of each card of a photo that shows several, those of one otherwise.

    Several means: numbers of their own by their brand's rules, each labelled, or as many as the brand is printed, an amount, or
    a labelled PIN: small print loses its labels first. Every line goes with the nearest of them.
    """
    level = level_of(lines)
    laid = [level.laid(line) for line in lines]
    gathered = rows(laid)
    cut = segments(gathered)
    printed = {brand.code: brand for row in gathered for brand in brands.values() if _alias_in(row, brand) is not None}
    if brand_hint is not None and brand_hint in brands:
        printed.setdefault(brand_hint, brands[brand_hint])
    certain = {code: numbers_apart_in(cut, brand, SURE_OF_CARD, curves) for code, brand in printed.items()}
    numbers = {one.judged.value: one for found in certain.values() for one in found if one.labelled}
    for code, brand in printed.items():
        counts, found = _counts_by_other_print(gathered, cut, brand), certain[code]
        agreed_on = max((one for one in counts if counts.count(one) > 1), default=0)
        if len(found) < agreed_on:  # Two kinds of print say that there are more: the rest is blurred.
            found = numbers_apart_in(cut, brand, 0.0, curves)
        if len(found) > 1 and len(found) in counts:
            numbers |= {one.judged.value: one for one in found}
    middles = [one.span.box.middle for one in numbers.values()]
    if len(middles) < 2:
        return (tuple(lines),)
    near: list[list[Line]] = [[] for _ in middles]
    for line, placed in zip(lines, laid, strict=True):
        nearest = min(range(len(middles)), key=lambda at: math.dist(middles[at], placed.box.middle))
        near[nearest].append(line)
    return tuple(tuple(one) for one in near if one)


def _counts_by_other_print(gathered: Sequence[Row], cut: Sequence[Segment], brand: Brand) -> tuple[int, int, int]:
    """How many cards of a brand a photo shows by the brand's name, by labelled PINs and by amounts."""
    named = sum(_is_named_in(row, brand) for row in gathered)
    priced = sum(one.label is not Label.OTHER and money_in(one.span.text) is not None for one in cut)
    return named, len(labelled_pins_in(cut, brand)), priced


def agreed(first: Understood, again: Sequence[Understood], sure_from: Callable[[FieldName], float]) -> Understood:
    """Weigh the number and PIN of a look against those of further looks at the same lines; the other fields stay.

    `sure_from` says from which confidence on a field stays, too.
    """
    number = weighed(first.number, [one.number for one in again], sure_from(FieldName.NUMBER))
    pin = weighed(first.pin, [one.pin for one in again], sure_from(FieldName.PIN))
    if (number, pin) == (first.number, first.pin):
        return first
    boxes = {read.name: read.box for read in first.fields}
    secrets = [replace(one.field(), box=boxes.get(one.name)) for one in (number, pin) if one is not None]
    others = [read for read in first.fields if read.name not in (FieldName.NUMBER, FieldName.PIN)]
    return Understood((*others[:1], *secrets, *others[1:]), number, pin)


def brand_in(gathered: Sequence[Row], brands: Mapping[str, Brand], brand_hint: str | None) -> ReadField | None:
    """Find the printed brand; of several the hinted one, else the one in the largest print."""
    seen = [
        (brand.code == brand_hint, row.box.height, ReadField(FieldName.BRAND, brand.code, span.confidence, span.box))
        for row in gathered
        for brand in brands.values()
        if (span := _alias_in(row, brand)) is not None
    ]
    best = max(seen, key=lambda entry: entry[:2], default=None)
    return None if best is None else best[2]


def _alias_in(row: Row, brand: Brand) -> Span | None:
    for alias in sorted(brand.aliases, key=len, reverse=True):
        written = re.escape(alias.upper())
        bounded = rf"(?<![A-Z0-9]){written}(?![A-Z0-9])" if alias.isascii() else written
        match = re.search(bounded, row.text)
        if match is not None:
            return row.span(match.start(), match.end())
    return None


def _is_named_in(row: Row, brand: Brand) -> bool:
    """Whether the row shows the brand's name, of which one character may be misread."""
    if _alias_in(row, brand) is not None:
        return True
    long = [alias.upper() for alias in brand.aliases if len(alias) >= LONG_NAME]
    return any(misread.is_shown(alias, row.text) for alias in long)


def _face_value(cut: Sequence[Segment], gathered: Sequence[Row], brand: Brand | None) -> ReadField | None:
    currency = None if brand is None else brand.currency
    for segment in cut:
        money = money_in(segment.span.text, currency) if segment.label is Label.FACE_VALUE else None
        if money is not None:
            return _bounded(_plain(FieldName.FACE_VALUE, money_text(money), segment.span), money.amount_minor, brand)
    printed = [(row.box.height, money, row) for row in gathered if (money := money_in(row.text)) is not None]
    if not printed:
        return None
    _, money, row = max(printed, key=lambda entry: entry[0])
    read = _plain(FieldName.FACE_VALUE, money_text(money), row.span(0, len(row.text)))
    one_amount = len({money for _, money, _ in printed}) == 1
    return _bounded(read if one_amount else read.at_most(CAP_UNLABELLED), money.amount_minor, brand)


def _bounded(read: ReadField, amount_minor: int, brand: Brand | None) -> ReadField:
    """A value that the brand does not issue is kept, but not trusted."""
    if brand is None or brand.face_minor[0] <= amount_minor <= brand.face_minor[1]:
        return read
    return read.at_most(CAP_RULES_BROKEN)


def _expiry(cut: Sequence[Segment], gathered: Sequence[Row]) -> ReadField | None:
    for segment in cut:
        day = expiry_in(segment.span.text) if segment.label is Label.EXPIRY else None
        if day is not None:
            return replace(_plain(FieldName.EXPIRY, day.isoformat(), segment.span), labelled=True)
    dated = [(day, row) for row in gathered if (day := expiry_in(row.text, labelled=False)) is not None]
    if not dated:
        return None
    day, row = max(dated, key=lambda entry: entry[0])
    read = _plain(FieldName.EXPIRY, day.isoformat(), row.span(0, len(row.text)))
    return read.at_most(CAP_UNLABELLED)


def _plain(name: FieldName, value: str, span: Span) -> ReadField:
    return ReadField(name, value, span.confidence, span.box)
