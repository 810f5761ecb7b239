"""Printed lines as the engine finds them, and the rows that a person would read them as."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from domain.cards.reading import Box

GAP_MAX = 3.0  # Widest gap inside a row, in line heights; digit groups and label columns stand closer.
OFFSET_MAX = 0.6  # Furthest apart the middles of two lines of one row are, in heights of the lower one.


@dataclass(frozen=True)
class Line:
    """One printed line: its text, the engine's score of its worst character (0..1), and its place."""

    text: str
    confidence: float
    box: Box


@dataclass(frozen=True)
class Span:
    """Part of a row: its text, the score of the worst line it touches, and its place."""

    text: str
    confidence: float
    box: Box


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
            return Span("", 0.0, self.box)
        worst = min(line.confidence for line, _ in touched)
        box = _cut(touched[0][0], start - touched[0][1], end - touched[0][1])
        for line, begin in touched[1:]:
            box = box.joined(_cut(line, start - begin, end - begin))
        return Span(self.text[start:end], worst, box)

    def _begins(self) -> Iterable[tuple[Line, int]]:
        begin = 0
        for line in self.lines:
            yield line, begin
            begin += len(line.text) + 1


def tidied(line: Line) -> Line:
    """Return the line in the one form that parsing knows: half-width, upper case."""
    return Line(unicodedata.normalize("NFKC", line.text).upper().strip(), line.confidence, line.box)


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
