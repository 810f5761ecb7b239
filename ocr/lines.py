"""Printed lines as the engine finds them, and the rows that a person would read them as."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from domain.cards.reading import Box
from ocr.lattice import Lattice, joined

GAP_MAX = 3.0  # Widest gap inside a row, in line heights; digit groups and label columns stand closer.
OFFSET_MAX = 0.6  # Furthest apart the middles of two lines of one row are, in heights of the lower one.


Corners = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Line:
    """One printed line: its text, the engine's score of its worst character (0..1), and its place.

    `corners` are its four corners in the picture, clockwise from the beginning of the print; `lattice` is what the
    recogniser saw, `frames` the frame in which each character of `text` begins. An engine that keeps none leaves them out.
    """

    text: str
    confidence: float
    box: Box
    corners: Corners = ()
    lattice: Lattice | None = field(default=None, repr=False, compare=False)
    frames: tuple[int, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Piece:
    """The characters `start` to `end` of a line."""

    line: Line
    start: int
    end: int

    @property
    def lattice(self) -> Lattice | None:
        """The frames of these characters, with those up to their neighbours; None where the engine kept none."""
        line = self.line
        if line.lattice is None or len(line.frames) != len(line.text):
            return None
        return line.lattice.part(self._border(self.start), self._border(self.end))

    def _border(self, place: int) -> int:
        """The frame in the middle between the character before `place` and the one at it."""
        frames = self.line.frames
        if place <= 0:
            return 0
        whole = 0 if self.line.lattice is None else len(self.line.lattice)
        return whole if place >= len(frames) else (frames[place - 1] + frames[place]) // 2 + 1


@dataclass(frozen=True)
class Span:
    """Part of a row, from the character `start` of its text: the score of the worst line it touches, its place, its pieces."""

    text: str
    confidence: float
    box: Box
    row: Row = field(repr=False, compare=False)
    start: int = 0
    pieces: tuple[Piece, ...] = field(default=(), repr=False, compare=False)

    def part(self, start: int, end: int) -> Span:
        """Return its characters `start` to `end`."""
        return self.row.span(self.start + start, self.start + end)

    def meets(self, other: Span) -> bool:
        """Return whether both have a character of one row."""
        ends = self.start + len(self.text), other.start + len(other.text)
        return self.row is other.row and self.start < ends[1] and other.start < ends[0]

    def lattice(self) -> Lattice | None:
        """Return the frames of its characters; None where the engine kept none."""
        parts = [piece.lattice for piece in self.pieces]
        known = [part for part in parts if part is not None]
        return joined(known) if known and len(known) == len(parts) else None


@dataclass(frozen=True)
class Row:
    """Lines that stand side by side, left to right."""

    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """All lines with one space between them."""
        return " ".join(line.text for line in self.lines)

    @property
    def box(self) -> Box:
        """The box around all lines."""
        box = self.lines[0].box
        for line in self.lines[1:]:
            box = box.joined(line.box)
        return box

    def span(self, start: int, end: int) -> Span:
        """Return the characters `start` to `end` of `text`; an empty span keeps the place where it stands."""
        touched = [(line, begin) for line, begin in self._begins() if begin < end and start < begin + len(line.text)]
        if not touched:
            return Span("", 0.0, self.box, self, start)
        worst = min(line.confidence for line, _ in touched)
        box = _cut(touched[0][0], start - touched[0][1], end - touched[0][1])
        for line, begin in touched[1:]:
            box = box.joined(_cut(line, start - begin, end - begin))
        pieces = tuple(Piece(line, max(0, start - begin), min(len(line.text), end - begin)) for line, begin in touched)
        return Span(self.text[start:end], worst, box, self, max(0, start), pieces)

    def _begins(self) -> Iterable[tuple[Line, int]]:
        begin = 0
        for line in self.lines:
            yield line, begin
            begin += len(line.text) + 1


def tidied(line: Line) -> Line:
    """Return the line in the one form that parsing knows: half-width, upper case."""
    forms = [unicodedata.normalize("NFKC", written).upper() for written in line.text]
    places = [place for place, form in enumerate(forms) for _ in form]  # One character can become several.
    text = "".join(forms)
    begin, end = len(text) - len(text.lstrip()), len(text.rstrip())
    frames = tuple(line.frames[place] for place in places[begin:end]) if line.frames else ()
    return replace(line, text=text[begin:end], frames=frames)


def rows(lines: Iterable[Line]) -> list[Row]:
    """Gather the lines into rows, top to bottom; empty lines are left out."""
    gathered: list[list[Line]] = []
    for line in sorted((line for line in map(tidied, lines) if line.text), key=lambda line: line.box.x):
        row = next((row for row in gathered if _follows(row[-1].box, line.box)), None)
        if row is None:
            gathered.append([line])
        else:
            row.append(line)
    return sorted((Row(tuple(row)) for row in gathered), key=lambda row: row.box.y)


def _follows(left: Box, right: Box) -> bool:
    """Whether `right` goes on where `left` ends."""
    height = min(left.height, right.height)
    apart = abs((left.y + left.bottom) - (right.y + right.bottom)) / 2
    return apart <= OFFSET_MAX * height and -height <= right.x - left.right <= GAP_MAX * height


def _cut(line: Line, start: int, end: int) -> Box:
    """The part of the line's box that its characters `start` to `end` take; a Chinese character is two wide."""
    widths = [2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line.text]
    whole = sum(widths) or 1
    left = sum(widths[: max(0, start)]) / whole
    right = sum(widths[: max(0, end)]) / whole
    box = line.box
    return Box(round(box.x + left * box.width), box.y, max(1, round((right - left) * box.width)), box.height)
