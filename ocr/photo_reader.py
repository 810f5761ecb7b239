"""The reader of card photos: barcodes, then the engine's lines, then the brand's rules; looks again only when it must.

A photo gets at most LOOKS_MAX looks at the whole of it, eight short strips that say which way it lies, and of the lines of a
doubtful number or PIN one strip for each way of CUTS. The policies say what is doubtful (`domain/rules/reading.py`).
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Protocol

from PIL import Image

from domain.cards.reading import SECRET_FIELDS, FieldName, ReadField, Reading, Reason
from domain.money import BASIS_POINTS_PER_ONE
from domain.places import business_day
from domain.rules.brands import Brand
from domain.rules.reading import sure_from_bp
from ocr.barcodes import barcodes_in, reconciled
from ocr.calibration import Curves
from ocr.candidates import Candidate
from ocr.code_content import Barcode
from ocr.colours import brand_of, by_colours
from ocr.confidence import capped, uncalibrated
from ocr.lines import Line
from ocr.orientation import DECISIVE, along, angle_of, long_lines
from ocr.parse import Understood, agreed, cards_in, understood
from ocr.preprocess import SIDE_FIRST_MAX, Look, evened_look, first_look, level_look, opened
from ocr.strips import CUTS, PLAIN, as_cut, strip, strips
from ocr.vertical_print import best_of, vertical_lines

LOOKS_MAX = 3
SOUND = 0.5  # Below this a value breaks its rules or is contradicted, and another look at the whole photo is worth a second.
LEVEL_ENOUGH = math.radians(20)  # The engine reads print that is tilted less as well as level print.
LONGEST_STRIP = (1600, 48)  # Pixels; longer lines are rare.
ENLARGED_ENOUGH = 1.5  # Print is looked at larger only if it becomes so much larger.


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
class _Presumed:
    """Which brand the card may be of where no word names one: `hint` is what the seller chose, `by_colours` what its colours say."""

    hint: str | None
    by_colours: str | None = None


@dataclass(frozen=True)
class Seen:
    """What was looked at: the looks by name, in order, the lines of the best one, and the candidates behind number and PIN."""

    looks: tuple[str, ...]
    lines: tuple[Line, ...]
    secrets: tuple[Candidate, ...] = ()


@dataclass(frozen=True)
class PhotoReader:
    """A `CardReader` over an engine that finds printed lines in an RGB picture; `name` is its name and version.

    `curves` say what its scores are worth; without them a person looks at whatever it reads.
    """

    engine: LineEngine
    brands: Mapping[str, Brand]
    name: str
    curves: Curves | None

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:
        """See `CardReader.read`. Raises OSError when `photo` is no picture."""
        return self.read_and_explain(photo, brand_hint)[0]

    def warm_up(self) -> None:
        """See `WarmsUp`: one look without print, and one long strip."""
        self.engine.lines_in(Image.new("RGB", (SIDE_FIRST_MAX, SIDE_FIRST_MAX), "white"))
        self.engine.recognised([Image.new("RGB", LONGEST_STRIP, "white")])

    def read_and_explain(self, photo: bytes, brand_hint: str | None) -> tuple[tuple[Reading, ...], Seen]:
        """Read a photo as `read` does, and say what was looked at."""
        began = time.monotonic()
        cards, seen = self._cards(opened(photo), _Presumed(brand_hint or None))
        took, digest = round((time.monotonic() - began) * 1000), hashlib.sha256(photo).hexdigest()
        return tuple(Reading(fields, self.name, took, digest, seen.looks) for fields in cards), seen

    def _cards(self, picture: Image.Image, presumed: _Presumed) -> tuple[list[tuple[ReadField, ...]], Seen]:
        """The fields of every card in the picture, and what was looked at."""
        first = first_look(picture)
        codes = [replace(code, box=first.in_photo(code.box)) for code in barcodes_in(first.picture)]
        looked = [self._looked(first, presumed)]
        reduced = first.picture.width < picture.width
        if looked[0].found.printed is None:
            presumed = replace(presumed, by_colours=brand_of(first.picture, looked[0].lines, self.brands))
            looked = self._again(looked, presumed)
        if reduced and not codes and not self._suffices(looked, codes, presumed):
            codes = barcodes_in(picture)  # Small ones are lost in the reduced picture.
        if not self._suffices(looked, codes, presumed):
            for look in self._further(picture, looked[0]):
                looked.append(self._looked(look, presumed))
                if self._is_settled(looked, presumed):
                    break
        if presumed.by_colours is not None and any(one.found.printed for one in looked):
            presumed = replace(presumed, by_colours=None)  # A word says more than colours.
            looked = self._again(looked, presumed)
        shown = self._by_card(looked, presumed)
        read = [self._closest(picture, of_card, presumed) for of_card in shown]
        own_codes = _by_nearest_number(codes, [of_card[0] for of_card in shown])
        fields = [
            self._one_card(cards, of_card, own, presumed)
            for cards, of_card, own in zip(read, shown, own_codes, strict=True)
        ]
        known_looks = {id(one) for of_card in shown for one in of_card}
        closer = any(id(card) not in known_looks for cards in read for card in cards)
        best = shown[0][0].look
        lines = next(one.lines for one in looked if one.look is best)
        names = [one.look.name for one in looked] + ["closer"] * closer
        secrets = [
            (card.found.number if place == 0 else None, card.found.pin)
            for cards in read
            for place, card in enumerate(cards)
        ]
        known = [one for pair in secrets for one in pair if one is not None]
        return fields, Seen(tuple(names), lines, tuple(known))

    def _closest(self, picture: Image.Image, looked: Sequence[_Looked], presumed: _Presumed) -> list[_Looked]:
        """The first look at a card taken closer, and after it that which saw the PIN best, where it is another."""
        cards = [self._closer(picture, looked[0], presumed)]
        with_pin = max(looked, key=lambda one: _trust(one.found.pin))
        if with_pin is not looked[0] and _trust(with_pin.found.pin) > _trust(cards[0].found.pin):
            cards.append(self._closer(picture, with_pin, presumed))
        return cards

    def _one_card(
        self, cards: Sequence[_Looked], looked: Sequence[_Looked], codes: Sequence[Barcode], presumed: _Presumed
    ) -> tuple[ReadField, ...]:
        """The number of the first, the PIN of the last look that was taken closer; other fields from whichever is surest."""
        fields = {read.name: read for read in self._with_codes(cards[0], codes, presumed)}
        fields |= {read.name: read for read in cards[-1].in_photo() if read.name is FieldName.PIN}
        for one in looked:
            for read in one.in_photo():
                if read.name not in SECRET_FIELDS:
                    known = fields.get(read.name)
                    fields[read.name] = read if known is None or known.confidence < read.confidence else known
        expiry = fields.get(FieldName.EXPIRY)
        if (
            expiry is not None
            and not expiry.labelled
            and date.fromisoformat(expiry.value) < business_day(datetime.now(UTC))
        ):
            del fields[FieldName.EXPIRY]  # A day that is over and that no label names is when it was bought or printed.
        if fields and presumed.by_colours is not None:
            fields.setdefault(FieldName.BRAND, by_colours(presumed.by_colours))
        found = tuple(fields[name] for name in FieldName if name in fields)
        if self.curves is not None:
            return found
        brand = self._brand(looked[0].found, presumed)
        return tuple(uncalibrated(one, _sure_from(brand, one.name)) for one in found)

    def _suffices(self, looked: Sequence[_Looked], codes: Sequence[Barcode], presumed: _Presumed) -> bool:
        """Whether no further look is needed. A code can name the number where the print does not."""
        sound = _soundness(self._with_codes(looked[0], codes, presumed)) >= SOUND
        return sound and self._is_settled(looked, presumed)

    def _is_settled(self, looked: Sequence[_Looked], presumed: _Presumed) -> bool:
        """Whether number and PIN are known so far that no further look at the whole photo would help."""
        number = max((one.found.number for one in looked), key=_trust)
        brand = self._brand(looked[0].found, presumed)
        if number is None or number.confidence < SOUND:
            return False
        if not number.labelled and number.confidence < _sure_from(brand, FieldName.NUMBER):
            return False
        return brand is None or brand.pin is None or max(_trust(one.found.pin) for one in looked) >= SOUND

    def _further(self, picture: Image.Image, first: _Looked) -> Iterator[Look]:
        """Yield what to look at when the first look did not suffice: the print level and larger, then evened out."""
        print_at = [first.look.points_in_photo(line.corners) for line in first.lines if line.corners]
        angle = self._direction(picture, first)
        level = level_look(picture, print_at, angle)
        a, b, *_ = level.placed
        enlarged = math.hypot(first.look.placed[0], first.look.placed[3]) / math.hypot(a, b)
        looks = 1
        if print_at and (abs(angle) > LEVEL_ENOUGH or enlarged >= ENLARGED_ENOUGH):
            yield level
            looks += 1
        if looks < LOOKS_MAX:
            yield evened_look(level)

    def _direction(self, picture: Image.Image, first: _Looked) -> float:
        """Return how the print runs, in radians from the right clockwise, read from both ends where its angle leaves that open."""
        print_at = [first.look.points_in_photo(corners) for corners in long_lines(first.lines)]
        angle = angle_of(print_at)
        if abs(angle) < math.pi / 4 and first.found.is_upright:
            return angle
        ways = (angle, angle + math.pi)
        read = self.engine.recognised([strip(picture, along(one, way), PLAIN) for way in ways for one in print_at])
        half = len(print_at)
        surer = math.fsum(line.confidence for line in read[half:]) - math.fsum(line.confidence for line in read[:half])
        turned = ways[1] if surer > DECISIVE * half else angle
        return math.atan2(math.sin(turned), math.cos(turned))

    def _by_card(self, looked: Sequence[_Looked], presumed: _Presumed) -> list[list[_Looked]]:
        """What was seen of each card: first by the look that shows most cards and the surest number, then by the others."""
        by_look = [(self._parts(one, presumed), one) for one in looked]
        by_look.sort(key=lambda seen: (len(seen[0]), _trust(seen[1].found.number)), reverse=True)
        (cards, best), *others = by_look
        if len(cards) == 1:
            return [[best, *(one for _, one in others)]]
        further = [part for parts, _ in others for part in parts]
        return [[card, *(part for part in further if _same_number(card, part))] for card in cards]

    def _parts(self, looked: _Looked, presumed: _Presumed) -> list[_Looked]:
        """The cards that a look shows; the look itself where it is one."""
        parts = cards_in(looked.lines, self.brands, presumed.hint, self.curves)
        return [looked] if len(parts) == 1 else [self._part(looked.look, lines, presumed) for lines in parts]

    def _part(self, look: Look, lines: tuple[Line, ...], presumed: _Presumed) -> _Looked:
        return _Looked(look, lines, self._understood(lines, presumed))

    def _understood(self, lines: Sequence[Line], presumed: _Presumed) -> Understood:
        return understood(lines, self.brands, presumed.hint, presumed.by_colours, curves=self.curves)

    def _again(self, looked: list[_Looked], presumed: _Presumed) -> list[_Looked]:
        """Interpret what was seen by another brand where none was chosen."""
        return looked if presumed.hint else [self._part(one.look, one.lines, presumed) for one in looked]

    def _looked(self, look: Look, presumed: _Presumed) -> _Looked:
        lines = {id(line): line for line in self.engine.lines_in(look.picture)}
        for one in vertical_lines(look.picture, list(lines.values())):
            lines[id(one.line)] = best_of(one, self.engine.recognised([picture for picture, _ in one.strips]))
        return self._part(look, tuple(lines.values()), presumed)

    def _closer(self, picture: Image.Image, looked: _Looked, presumed: _Presumed) -> _Looked:
        """Look at the lines of a doubtful number or PIN again, cut from the full photo in several ways, and weigh all looks.

        Looks are weighed by their lattices: an engine that keeps none is not asked again.
        """
        pieces = [piece for one in self._doubtful(looked, presumed) for piece in one.span.pieces]
        lines = {one.line.corners: one.line for one in pieces if one.line.corners and one.lattice is not None}
        if not lines:
            return looked
        cut = {corners: looked.look.points_in_photo(corners) for corners in lines}
        read = {corners: self.engine.recognised(list(strips(picture, full))) for corners, full in cut.items()}
        again = [
            self._understood([as_cut(line, read, way) for line in looked.lines], presumed) for way in range(len(CUTS))
        ]
        return replace(
            looked, found=agreed(looked.found, again, partial(_sure_from, self._brand(looked.found, presumed)))
        )

    def _doubtful(self, looked: _Looked, presumed: _Presumed) -> list[Candidate]:
        """Its number and PIN, as far as a person would have to look at them."""
        brand = self._brand(looked.found, presumed)
        known = [one for one in (looked.found.number, looked.found.pin) if one is not None]
        return [one for one in known if one.is_doubtful(_sure_from(brand, one.name))]

    def _brand(self, found: Understood, presumed: _Presumed) -> Brand | None:
        return self.brands.get(found.printed or presumed.hint or presumed.by_colours or "")

    def _with_codes(self, looked: _Looked, codes: Sequence[Barcode], presumed: _Presumed) -> tuple[ReadField, ...]:
        """The fields of one look with its barcodes, boxes in pixels of the photo."""
        fields = looked.in_photo()
        by_name = {read.name: read for read in fields}
        brand = self._brand(looked.found, presumed)
        if brand is None:
            return fields
        number = reconciled(codes, by_name.get(FieldName.NUMBER), brand)
        if number is not None and looked.found.printed is None and presumed.hint is None:
            number = capped(number, Reason.BY_COLOURS)
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

    def in_photo(self) -> tuple[ReadField, ...]:
        """Return the fields, boxes in pixels of the photo."""
        return tuple(replace(read, box=self.look.in_photo(read.box)) if read.box else read for read in self.fields)


def _sure_from(brand: Brand | None, name: FieldName) -> float:
    """Return the confidence from which today's policy asks for no review of the field."""
    today = business_day(datetime.now(UTC))
    return sure_from_bp("" if brand is None else brand.code, name.value, today) / BASIS_POINTS_PER_ONE


def _by_nearest_number(codes: Sequence[Barcode], cards: Sequence[_Looked]) -> list[list[Barcode]]:
    """The codes of each card: of several cards, those whose place is nearest to its number. All boxes in pixels of the photo."""
    if len(cards) == 1:
        return [list(codes)]
    numbers = [next((one.box for one in card.in_photo() if one.name is FieldName.NUMBER), None) for card in cards]
    own: list[list[Barcode]] = [[] for _ in cards]
    for code in codes:
        apart = {at: math.dist(box.middle, code.box.middle) for at, box in enumerate(numbers) if box is not None}
        if apart:
            own[min(apart, key=lambda at: apart[at])].append(code)
    return own


def _same_number(one: _Looked, other: _Looked) -> bool:
    numbers = [card.found.number for card in (one, other)]
    return None not in numbers and len({number.judged.value for number in numbers if number is not None}) == 1


def _trust(candidate: Candidate | None) -> float:
    return 0.0 if candidate is None else candidate.confidence


def _soundness(fields: Sequence[ReadField]) -> float:
    """How far the reading can be used: its number's confidence, a little for having found a card at all."""
    number = next((read for read in fields if read.name is FieldName.NUMBER), None)
    return number.confidence if number else 0.01 * len(fields)
