"""From printed lines to a card's fields: labels first, the brand's rules second, position last. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from domain.cards.reading import FieldName, ReadField, money_text
from domain.rules.brand_document import Check
from domain.rules.brands import Brand
from ocr.characters import SAME_SHAPE, Repair, digits_only, repair
from ocr.labels import Label, Segment, segments
from ocr.lines import Line, Row, Span, rows
from ocr.values import expiry_in, money_in

# Part of wrongly read numbers that a check still lets through: one in ten for a digit, one in 36 for a character.
_UNCAUGHT = {Check.LUHN: 0.1, Check.ISO7064_MOD37_36: 1 / 36, Check.NONE: 1.0}
# A field is trusted no more than this when the named thing happened; all lie below the 0.9 that needs no person,
# except print whose meaning is not in doubt.
CAP_RULES_BROKEN = 0.3  # The value cannot be one of this brand's.
CAP_REPAIRED = 0.95  # A check digit confirms the changed characters.
CAP_REPAIRED_UNCHECKED = 0.7  # Nothing confirms them.
CAP_SAME_SHAPE = 0.85  # O or 0, I or 1, and no check digit to tell.
CAP_UNLABELLED_UNCHECKED = 0.75  # Right length, but nothing says what it is: a hotline has ten digits too.
CAP_UNLABELLED = 0.85  # A date without a label, or one amount of several.
CAP_BLURRED = 0.85  # A check digit catches one wrong character, not several.
SCORE_BLURRED = 0.6  # Score of the worst character below which more than one is likely to be wrong.


@dataclass(frozen=True)
class Candidate:
    """A value that might be the wanted one, and whether a label announced it."""

    field: ReadField
    labelled: bool
    holds: bool

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Better candidates have a higher rank."""
        return self.holds, self.labelled, self.field.confidence


def fields_in(lines: Iterable[Line], brands: Mapping[str, Brand], brand_hint: str | None) -> tuple[ReadField, ...]:
    """Find the fields that the lines hold; none when there is neither brand, number nor PIN among them.

    The rules applied are those of the printed brand, else of `brand_hint`; with neither, only value and date are read.
    """
    gathered = rows(lines)
    cut = segments(gathered)
    brand_read = brand_in(gathered, brands, brand_hint)
    brand = brands.get(brand_read.value if brand_read else brand_hint or "")
    secrets = () if brand is None else _secrets(cut, brand)
    if brand_read is None and not secrets:
        return ()
    found = (brand_read, *secrets, _face_value(cut, gathered, brand), _expiry(cut, gathered))
    return tuple(read for read in found if read is not None)


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


def _secrets(cut: Sequence[Segment], brand: Brand) -> tuple[ReadField, ...]:
    """Number and PIN, as far as they were found."""
    number = _best(_number_candidates(cut, brand))
    pin = None if brand.pin is None else _best(_pin_candidates(cut, brand, number))
    return tuple(read for read in (number, pin) if read is not None)


def _best(candidates: Iterable[Candidate]) -> ReadField | None:
    best = max(candidates, key=lambda candidate: candidate.rank, default=None)
    return None if best is None else replace(best.field, labelled=best.labelled)


def _number_candidates(cut: Sequence[Segment], brand: Brand) -> Iterable[Candidate]:
    announcing = {Label.NUMBER, Label.CODE, Label.PIN} if brand.pin is None else {Label.NUMBER}
    length = sum(brand.group)
    for segment in cut:
        labelled = segment.label in announcing
        if labelled or segment.label is None:
            windows = [text for text in _windows(segment.span.text) if len(text) == length]
            for text in windows or _wrong_length(segment, labelled, length):
                yield _number(text, segment.span, labelled, brand)


def _number(text: str, span: Span, labelled: bool, brand: Brand) -> Candidate:
    has_letters, has_check = "A-Z" in brand.number, brand.check is not Check.NONE
    repaired = repair(text, has_letters, has_check, brand.is_valid)
    read = _field(FieldName.NUMBER, repaired, span, _UNCAUGHT[brand.check])
    read = _capped(read, repaired, has_check, labelled)
    if has_letters and not has_check and SAME_SHAPE & set(repaired.value):
        read = read.at_most(CAP_SAME_SHAPE)
    return Candidate(read, labelled, repaired.holds)


def _pin_candidates(cut: Sequence[Segment], brand: Brand, number: ReadField | None) -> Iterable[Candidate]:
    holds = _pin_rule(brand)
    for segment in cut:
        labelled = segment.label in {Label.PIN, Label.CODE}
        taken = number is not None and segment.span.box == number.box
        if taken or not (labelled or segment.label is None):
            continue
        windows = [text for text in _windows(segment.span.text) if any(map(holds, digits_only(text)))]
        if not labelled:
            windows = [text for text in windows if text == "".join(_tokens(segment.span.text))]
        for text in windows or _wrong_length(segment, labelled, 8):
            repaired = repair(text, False, False, holds)
            read = _field(FieldName.PIN, repaired, segment.span, 1.0)
            yield Candidate(_capped(read, repaired, False, labelled), labelled, repaired.holds)


def _pin_rule(brand: Brand) -> Callable[[str], bool]:
    pattern = re.compile(brand.pin or "")
    return lambda pin: pattern.fullmatch(pin) is not None


def _wrong_length(segment: Segment, labelled: bool, length: int) -> list[str]:
    """What stands behind a label although no brand's value is so long: a person gets it to compare with the photo."""
    written = "".join(_tokens(segment.span.text))
    looks_right = 3 <= len(written) <= length + 4 and sum(map(str.isdigit, written)) * 2 >= len(written)
    return [written] if labelled and looks_right else []


def _field(name: FieldName, repaired: Repair, span: Span, uncaught: float) -> ReadField:
    """As sure as the worst character, plus what the check digit adds unless the whole line is a blur."""
    read = ReadField(
        name, repaired.value, 1 - (1 - span.confidence) * uncaught, span.box, alternatives=repaired.alternatives
    )
    return read.at_most(CAP_BLURRED) if span.confidence < SCORE_BLURRED else read


def _capped(read: ReadField, repaired: Repair, has_check: bool, labelled: bool) -> ReadField:
    if not repaired.holds:
        return read.at_most(CAP_RULES_BROKEN)
    if repaired.changes:
        read = read.at_most(CAP_REPAIRED if has_check else CAP_REPAIRED_UNCHECKED)
    return read if labelled or has_check else read.at_most(CAP_UNLABELLED_UNCHECKED)


def _tokens(text: str) -> list[str]:
    return re.findall(r"[0-9A-Z]+", text)


def _windows(text: str) -> list[str]:
    """Every run of neighbouring groups, joined: `81 0042 7` gives 81, 810042, 8100427, 0042, 00427, 7."""
    tokens = _tokens(text)
    ends = range(1, len(tokens) + 1)
    return ["".join(tokens[start:end]) for start in range(len(tokens)) for end in ends if start < end]


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
            return _plain(FieldName.EXPIRY, day.isoformat(), segment.span)
    dated = [(day, row) for row in gathered if (day := expiry_in(row.text)) is not None]
    if not dated:
        return None
    day, row = max(dated, key=lambda entry: entry[0])
    read = _plain(FieldName.EXPIRY, day.isoformat(), row.span(0, len(row.text)))
    return read.at_most(CAP_UNLABELLED)


def _plain(name: FieldName, value: str, span: Span) -> ReadField:
    return ReadField(name, value, span.confidence, span.box)
