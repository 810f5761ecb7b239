"""Barcodes and QR codes on a card: a machine wrote them for a machine, so a number found there beats print."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import zxingcpp
from PIL import Image

from domain.reading import Box, FieldName, ReadField, Source
from domain.rules.brands import Brand, tidy_number

# Article numbers of the shop's shelf; a UPC has twelve digits, as some card numbers have.
_PRODUCT_CODES = frozenset({"EAN13", "EAN8", "UPCA", "UPCE", "ISBN"})
CONFIDENCE_AGAINST_PRINT = 0.5  # Print and barcode name different valid numbers: a sticker, or somebody else's card.


@dataclass(frozen=True)
class Barcode:
    """One code as decoded, with its place in pixels of the picture it was found in."""

    text: str
    box: Box


def barcodes_in(picture: Image.Image) -> list[Barcode]:
    """All codes in the picture except articles' own, none when there are none."""
    return [
        Barcode(code.text, _box(code.position))
        for code in zxingcpp.read_barcodes(picture.convert("L"))
        if code.format.name not in _PRODUCT_CODES
    ]


def number_in(codes: Iterable[Barcode], brand: Brand) -> ReadField | None:
    """The first number among the codes that keeps the brand's rules, with confidence 1; None when there is none."""
    for code in codes:
        for written in (code.text, *re.findall(r"[0-9A-Za-z-]{6,}", code.text)):
            number = tidy_number(written)
            if brand.is_valid(number):
                return ReadField(FieldName.NUMBER, number, 1.0, code.box, Source.BARCODE)
    return None


def reconciled(coded: ReadField | None, printed: ReadField | None, brand: Brand) -> ReadField | None:
    """The code's number if there is one; not trusted, and with the print as alternative, when print names another.

    A print that breaks the brand's rules is a misread and contradicts nothing.
    """
    if coded is None or printed is None:
        return coded or printed
    contradicts = printed.value != coded.value and brand.is_valid(printed.value)
    if not contradicts:
        return coded
    return replace(coded, confidence=CONFIDENCE_AGAINST_PRINT, alternatives=(printed.value,))


def _box(position: zxingcpp.Position) -> Box:
    corners = (position.top_left, position.top_right, position.bottom_left, position.bottom_right)
    left, upper = min(corner.x for corner in corners), min(corner.y for corner in corners)
    right, lower = max(corner.x for corner in corners), max(corner.y for corner in corners)
    return Box(left, upper, max(1, right - left), max(1, lower - upper))
