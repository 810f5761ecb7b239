"""The reader of card photos: barcodes, then the engine's lines, then the brand's rules; looks again only when it must."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from PIL import Image

from domain.cards.reading import SURE, FieldName, ReadField, Reading
from domain.rules.brands import Brand
from ocr.barcodes import barcodes_in, reconciled
from ocr.code_content import Barcode
from ocr.lines import Corners, Line
from ocr.parse import Understood, agreed, cards_in, understood
from ocr.preprocess import Look, first_look, further_looks, opened
from ocr.strips import CUTS, strips

SOUND = 0.5  # Below this the number breaks its rules or is contradicted, and another look at the whole photo is worth a second.


class LineEngine(Protocol):
    """What finds and recognises print. Calls from several threads wait for each other."""

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        """Find the printed lines of an RGB picture, boxes in its pixels, in no particular order."""
        ...

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        """Recognise pictures of one line each."""
        ...


class NamedEngine(LineEngine, Protocol):
    """An engine that says what it is."""

    @property
    def name(self) -> str:
        """Return its name, its version, and a hash of its weights."""
        ...


@dataclass(frozen=True)
class Seen:
    """What was looked at: the looks by name, in order, and the lines of the best one."""

    looks: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class PhotoReader:
    """A `CardReader` over an engine that finds printed lines in an RGB picture; `name` is its name and version."""

    engine: LineEngine
    brands: Mapping[str, Brand]
    name: str

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:
        """See `CardReader.read`. Raises OSError when `photo` is no picture."""
        return self.read_and_explain(photo, brand_hint)[0]

    def read_and_explain(self, photo: bytes, brand_hint: str | None) -> tuple[tuple[Reading, ...], Seen]:
        """Read a photo as `read` does, and say what was looked at."""
        began = time.monotonic()
        cards, seen = self._cards(opened(photo), brand_hint)
        took, digest = round((time.monotonic() - began) * 1000), hashlib.sha256(photo).hexdigest()
        return tuple(Reading(fields, self.name, took, digest, seen.looks) for fields in cards), seen

    def _cards(self, picture: Image.Image, brand_hint: str | None) -> tuple[list[tuple[ReadField, ...]], Seen]:
        """The fields of every card in the picture, and what was looked at."""
        first = first_look(picture)
        codes = [replace(code, box=first.in_photo(code.box)) for code in barcodes_in(first.picture)]
        best, looks = self._looked(first, brand_hint), [first.name]
        if _soundness(self._with_codes(best, codes, brand_hint)) < SOUND:
            for look in further_looks(picture, first, _are_upright(best.lines)) if best.lines else ():
                looks.append(look.name)
                best = max(best, self._looked(look, brand_hint), key=lambda one: _soundness(one.fields))
                if _soundness(best.fields) >= SOUND:
                    break
        parts = cards_in(best.lines, self.brands, brand_hint)
        cards = [best] if len(parts) == 1 else [self._part(best.look, lines, brand_hint) for lines in parts]
        closer = [self._closer(picture, card, brand_hint) if card.is_doubtful else card for card in cards]
        looks += ["closer"] * any(card.is_doubtful for card in cards)
        alone = len(closer) == 1
        return [self._with_codes(card, codes if alone else (), brand_hint) for card in closer], Seen(
            tuple(looks), best.lines
        )

    def _part(self, look: Look, lines: tuple[Line, ...], brand_hint: str | None) -> _Looked:
        return _Looked(look, lines, understood(lines, self.brands, brand_hint))

    def _looked(self, look: Look, brand_hint: str | None) -> _Looked:
        return self._part(look, tuple(self.engine.lines_in(look.picture)), brand_hint)

    def _closer(self, picture: Image.Image, looked: _Looked, brand_hint: str | None) -> _Looked:
        """Look at the lines of a doubtful number or PIN again, cut from the full photo in several ways, and weigh all looks."""
        doubtful = [one for one in (looked.found.number, looked.found.pin) if one is not None and one.confidence < SURE]
        lines = {piece.line.corners: piece.line for one in doubtful for piece in one.span.pieces if piece.line.corners}
        whole = picture.rotate(looked.look.turned, expand=True) if looked.look.turned else picture
        scale = looked.look.scale
        cut = {corners: tuple((x / scale, y / scale) for x, y in corners) for corners in lines}
        read = {corners: self.engine.recognised(list(strips(whole, full))) for corners, full in cut.items()}
        again = [
            understood([_replaced(line, read, way) for line in looked.lines], self.brands, brand_hint)
            for way in range(len(CUTS))
        ]
        return replace(looked, found=agreed(looked.found, again))

    def _with_codes(self, looked: _Looked, codes: Sequence[Barcode], brand_hint: str | None) -> tuple[ReadField, ...]:
        """The fields of one look with its barcodes, boxes in pixels of the photo."""
        fields = tuple(
            replace(read, box=looked.look.in_photo(read.box)) if read.box else read for read in looked.fields
        )
        by_name = {read.name: read for read in fields}
        printed_brand = by_name.get(FieldName.BRAND)
        brand = self.brands.get(printed_brand.value if printed_brand else brand_hint or "")
        if brand is None:
            return fields
        number = reconciled(codes, by_name.get(FieldName.NUMBER), brand)
        rest = tuple(read for read in fields if read.name is not FieldName.NUMBER)
        return rest if number is None else (*rest, number)


@dataclass(frozen=True)
class _Looked:
    """One look with its lines and what they mean."""

    look: Look
    lines: tuple[Line, ...]
    found: Understood

    @property
    def fields(self) -> tuple[ReadField, ...]:
        return self.found.fields

    @property
    def is_doubtful(self) -> bool:
        """Whether a person would have to look at its number or PIN."""
        return any(one is not None and one.confidence < SURE for one in (self.found.number, self.found.pin))


def _replaced(line: Line, read: Mapping[Corners, Sequence[Line]], way: int) -> Line:
    """The line as it was read in one of the ways, at its own place."""
    if line.corners not in read:
        return line
    again = read[line.corners][way]
    return replace(line, text=again.text, confidence=again.confidence, lattice=again.lattice, frames=again.frames)


def _soundness(fields: Sequence[ReadField]) -> float:
    """How far the reading can be used: its number's confidence, a little for having found a card at all."""
    number = next((read for read in fields if read.name is FieldName.NUMBER), None)
    return number.confidence if number else 0.01 * len(fields)


def _are_upright(lines: Sequence[Line]) -> bool:
    lying = sum(line.box.width >= line.box.height for line in lines)
    return lying * 2 >= len(lines)
