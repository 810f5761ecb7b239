"""Barcodes and QR codes on a card: each agrees with the print, is supported by its own form, or is a candidate only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import zxingcpp
from PIL import Image

from domain.cards.reading import Box, FieldName, ReadField, Source
from domain.rules.brand_document import Check
from domain.rules.brands import Brand
from domain.rules.number_check import is_nearly
from ocr.code_content import Barcode, Coded, numbers_in

CONFIDENCE_AGAINST_PRINT = 0.5  # Print and code name different valid numbers: a sticker, or another person's card.
CONFIDENCE_CANDIDATE = 0.3  # Nothing but its form speaks for the number: hotlines and articles have this form too.
CONFIDENCE_SAME_SHAPE = 0.95  # The code names the other reading of the same print, an O for a 0.


def barcodes_in(picture: Image.Image) -> list[Barcode]:
    """Return all codes in the picture with what their symbology says of them, none when there are none."""
    return [
        Barcode(
            code.text,
            _box(code.position),
            code.format.name,
            code.symbology.name,
            code.symbology_identifier,
            code.content_type.name,
        )
        for code in zxingcpp.read_barcodes(picture.convert("L"))
    ]


def reconciled(codes: Iterable[Barcode], printed: ReadField | None, brand: Brand) -> ReadField | None:
    """Return the card's number from its codes and its print, None when neither names one.

    A code that names the printed number makes it certain. A print that keeps the brand's rules is never replaced by
    another number: the code's is its alternative. A print that breaks them is a misread and contradicts nothing; one that
    is nearly the number of a code agrees with it. A number that stands alone in a code, with no print beside it, is a
    candidate. Several codes with different numbers support none.
    """
    coded = [one for code in codes for one in numbers_in(code, brand)]
    if printed is not None and brand.is_valid(printed.value):
        return _beside(printed, coded, brand)
    likely = {one.number for one in coded if one.supported or one.usual}
    best = max(coded, key=lambda one: (one.supported, one.usual), default=None)
    if best is None:
        return printed
    agreed = best.usual and printed is not None and is_nearly(best.number, printed.value)
    sure = (best.supported or agreed) and len(likely) == 1
    others = (*(one.number for one in coded), *((printed.value,) if printed else ()))
    return _read(best, 1.0 if sure else CONFIDENCE_CANDIDATE, () if sure else others)


def _beside(printed: ReadField, coded: list[Coded], brand: Brand) -> ReadField:
    """The number of a print that keeps the brand's rules, judged against what the codes name."""
    for one in coded:
        if one.number == printed.value:
            # A hotline without a label is printed beside its own QR code; only a label or a check digit excludes that.
            certain = printed.labelled or brand.check is not Check.NONE
            return _read(one, 1.0, ()) if certain else printed
    for one in coded:
        if one.number in printed.alternatives and printed.labelled:
            return _read(one, CONFIDENCE_SAME_SHAPE, (printed.value,))
    named = tuple(dict.fromkeys((*(one.number for one in coded), *printed.alternatives)))
    doubted = any(one.supported or one.usual or is_nearly(one.number, printed.value) for one in coded)
    named_number = replace(printed, alternatives=named)
    return named_number.at_most(CONFIDENCE_AGAINST_PRINT) if doubted else named_number


def _read(coded: Coded, confidence: float, others: tuple[str, ...]) -> ReadField:
    alternatives = tuple(dict.fromkeys(one for one in others if one != coded.number))
    return ReadField(FieldName.NUMBER, coded.number, confidence, coded.box, Source.BARCODE, alternatives)


def _box(position: zxingcpp.Position) -> Box:
    corners = (position.top_left, position.top_right, position.bottom_left, position.bottom_right)
    left, upper = min(corner.x for corner in corners), min(corner.y for corner in corners)
    right, lower = max(corner.x for corner in corners), max(corner.y for corner in corners)
    return Box(left, upper, max(1, right - left), max(1, lower - upper))
