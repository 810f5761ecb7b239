"""Print that stands while the rest of the card lies: downwards, upwards, or one character below the other. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy
from PIL import Image, ImageOps

from ocr.lines import Corners, Line
from ocr.orientation import along, angle_of, lengthwise, long_lines
from ocr.strips import HEIGHT, PLAIN, strip

VERTICAL_MAX = 2  # Lines of one look that are read again.
RATIO_MIN = 1.8  # A line stands if it is so much higher than wide.
CHARACTERS_MIN, CHARACTERS_MAX = 4, 20
INK = 0.18  # A row of a stack holds print from this part of the darkest rows' ink on: a 1 has little.


@dataclass(frozen=True)
class VerticalLine:
    """A standing line and the strips by which it can be read, each with the corners of the line that it shows."""

    line: Line
    strips: tuple[tuple[Image.Image, Corners], ...]


def vertical_lines(picture: Image.Image, lines: Sequence[Line]) -> list[VerticalLine]:
    """Return the longest lines that stand across the others."""
    angle = angle_of(long_lines(lines))
    found = sorted(
        (line for line in lines if line.corners and _stands(line.corners, angle)),
        key=lambda line: -_length(line.corners),
    )
    return [VerticalLine(line, _strips(picture, line.corners, angle)) for line in found[:VERTICAL_MAX]]


def best_of(one: VerticalLine, read: Sequence[Line]) -> Line:
    """Return the line as the surest of its strips reads it, or as it was."""
    tried = [
        replace(one.line, text=found.text, confidence=found.confidence, corners=corners, lattice=found.lattice, frames=found.frames)
        for found, (_, corners) in zip(read, one.strips, strict=True)
        if sum(map(str.isdigit, found.text)) >= CHARACTERS_MIN
    ]  # fmt: skip
    return max((one.line, *tried), key=lambda line: line.confidence)


def _strips(picture: Image.Image, corners: Corners, angle: float) -> tuple[tuple[Image.Image, Corners], ...]:
    down, up = along(corners, angle + math.pi / 2), along(corners, angle - math.pi / 2)
    ways = [(strip(picture, down, PLAIN), down), (strip(picture, up, PLAIN), up)]
    row = unstacked(strip(picture, up, PLAIN).transpose(Image.Transpose.ROTATE_90))
    return (*ways, (row, down)) if row is not None else tuple(ways)


def unstacked(stack: Image.Image) -> Image.Image | None:
    """Return characters that stand one below the other as a row; None where the rows of the picture show no such stack."""
    grey = numpy.asarray(ImageOps.autocontrast(stack.convert("L"), cutoff=1), dtype=numpy.float32)
    ink = numpy.abs(grey - numpy.median(grey))[:, HEIGHT // 5 : -HEIGHT // 5].mean(axis=1)
    inked = ink > INK * numpy.quantile(ink, 0.9)
    edges = numpy.flatnonzero(numpy.diff(inked.astype(numpy.int8), prepend=0, append=0))
    runs = [(int(top), int(end)) for top, end in zip(edges[::2], edges[1::2], strict=True) if end - top >= HEIGHT // 6]
    if not CHARACTERS_MIN <= len(runs) <= CHARACTERS_MAX:
        return None
    high = round(float(numpy.median([end - top for top, end in runs])) * 1.5)
    wide = round(high * 0.8)
    row = Image.new("RGB", (wide * (len(runs) + 2), high), stack.resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)))
    for place, (top, end) in enumerate(runs, start=1):
        left, upper = (stack.width - wide) // 2, (top + end - high) // 2
        row.paste(stack.crop((left, upper, left + wide, upper + high)), (place * wide, 0))
    return row.resize((round(row.width * HEIGHT / high), HEIGHT), Image.Resampling.BICUBIC)


def _stands(corners: Corners, angle: float) -> bool:
    first, second, *_ = lengthwise(corners)
    own = math.atan2(second[1] - first[1], second[0] - first[0])
    across = math.dist(corners[0], corners[1]), math.dist(corners[0], corners[3])
    return abs(math.cos(own - angle)) < 0.4 and max(across) >= RATIO_MIN * min(across)


def _length(corners: Corners) -> float:
    return max(math.dist(corners[0], corners[1]), math.dist(corners[0], corners[3]))
