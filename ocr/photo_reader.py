"""The reader of card photos: barcodes, then the engine's lines, then the brand's rules; looks again only when it must."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from domain.cards.reading import FieldName, ReadField, Reading
from domain.rules.brands import Brand
from ocr.barcodes import barcodes_in, reconciled
from ocr.code_content import Barcode
from ocr.lines import Line
from ocr.parse import fields_in
from ocr.preprocess import Look, first_look, further_looks, opened

CONFIDENCE_SOUND = (
    0.5  # Below this the number breaks its rules or is contradicted, and a second look is worth a second.
)

LineEngine = Callable[[Image.Image], Sequence[Line]]


@dataclass(frozen=True)
class PhotoReader:
    """A `CardReader` over an engine that finds printed lines in an RGB picture; `name` is its name and version."""

    lines_in: LineEngine
    brands: Mapping[str, Brand]
    name: str

    def read(self, photo: bytes, brand_hint: str | None) -> Reading:
        """See `CardReader.read`. Raises OSError when `photo` is no picture."""
        began = time.monotonic()
        fields = self._fields(opened(photo), brand_hint)
        return Reading(
            fields=fields,
            reader=self.name,
            duration_ms=round((time.monotonic() - began) * 1000),
            photo_sha256=hashlib.sha256(photo).hexdigest(),
        )

    def _fields(self, picture: Image.Image, brand_hint: str | None) -> tuple[ReadField, ...]:
        first = first_look(picture)
        codes = [replace(code, box=first.in_photo(code.box)) for code in barcodes_in(first.picture)]
        lines = self.lines_in(first.picture)
        best = self._understood(first, lines, codes, brand_hint)
        for look in further_looks(picture, first, _are_upright(lines)) if lines else ():
            if _soundness(best) >= CONFIDENCE_SOUND:
                break
            again = self._understood(look, self.lines_in(look.picture), codes, brand_hint)
            best = max(best, again, key=_soundness)
        return best

    def _understood(
        self, look: Look, lines: Sequence[Line], codes: Sequence[Barcode], brand_hint: str | None
    ) -> tuple[ReadField, ...]:
        """The fields of one look, boxes in pixels of the photo."""
        fields = tuple(
            replace(read, box=look.in_photo(read.box)) if read.box else read
            for read in fields_in(lines, self.brands, brand_hint)
        )
        by_name = {read.name: read for read in fields}
        printed_brand = by_name.get(FieldName.BRAND)
        brand = self.brands.get(printed_brand.value if printed_brand else brand_hint or "")
        if brand is None:
            return fields
        number = reconciled(codes, by_name.get(FieldName.NUMBER), brand)
        rest = tuple(read for read in fields if read.name is not FieldName.NUMBER)
        return rest if number is None else (*rest, number)


def _soundness(fields: Sequence[ReadField]) -> float:
    """How far the reading can be used: its number's confidence, a little for having found a card at all."""
    number = next((read for read in fields if read.name is FieldName.NUMBER), None)
    return number.confidence if number else 0.01 * len(fields)


def _are_upright(lines: Sequence[Line]) -> bool:
    lying = sum(line.box.width >= line.box.height for line in lines)
    return lying * 2 >= len(lines)
