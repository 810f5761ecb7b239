"""Pictures of one printed line, cut from the photo at full size and prepared in several ways for another look. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy
from PIL import Image, ImageFilter, ImageOps

from ocr.lines import Corners, Line

HEIGHT = 48  # Pixels: what the recogniser takes.
WIDTH_MAX = 1600


@dataclass(frozen=True)
class Cut:
    """How a strip is made: paper kept around the print (in line heights), stretch of its length, and what is done to it."""

    above: float = 0.12
    beside: float = 0.35
    stretch: float = 1.0
    prepare: Callable[[Image.Image], Image.Image] = lambda strip: strip


def _contrast(strip: Image.Image) -> Image.Image:
    return ImageOps.autocontrast(strip.convert("L"), cutoff=2).convert("RGB")


def _sharp(strip: Image.Image) -> Image.Image:
    return _contrast(strip).filter(ImageFilter.UnsharpMask(2, 160, 2))


def _soft(strip: Image.Image) -> Image.Image:
    """Close the gaps of dotted print."""
    return _contrast(strip.filter(ImageFilter.GaussianBlur(1.4)))


def _level(strip: Image.Image) -> Image.Image:
    """Take away slow changes of light, as of a shadow or a lamp."""
    grey = strip.convert("L")
    paper = numpy.asarray(grey.filter(ImageFilter.GaussianBlur(HEIGHT / 2)), dtype=numpy.float32)
    flat = numpy.asarray(grey, dtype=numpy.float32) - paper
    spread = max(8.0, float(numpy.abs(flat).max()))
    return Image.fromarray((128 + flat * (127 / spread)).clip(0, 255).astype(numpy.uint8)).convert("RGB")


PLAIN = Cut()
CUTS: Mapping[str, Cut] = {
    "plain": PLAIN,
    "stretched": Cut(stretch=1.25),
    "contrast": Cut(above=0.2, prepare=_contrast),
    "sharp": Cut(prepare=_sharp),
    "soft": Cut(above=0.15, prepare=_soft),
    "level": Cut(above=0.15, stretch=1.1, prepare=_level),
}


def strips(photo: Image.Image, corners: Corners) -> Iterator[Image.Image]:
    """Yield the line between the four corners (clockwise from the beginning of its print) in every way of CUTS."""
    for cut in CUTS.values():
        yield cut.prepare(strip(photo, corners, cut))


def strip(photo: Image.Image, corners: Corners, cut: Cut) -> Image.Image:
    """Return the line upright, `HEIGHT` pixels high."""
    wider = _wider(corners, cut)
    wide, high = math.dist(wider[0], wider[1]), math.dist(wider[0], wider[3])
    size = (max(HEIGHT // 2, min(WIDTH_MAX, round(wide * HEIGHT / max(1.0, high) * cut.stretch))), HEIGHT)
    # Reduced in two steps where the photo is larger: a single one would skip pixels.
    times = max(1, math.ceil(high / HEIGHT))
    drawn = photo.transform(
        (size[0] * times, size[1] * times), Image.Transform.PERSPECTIVE,
        perspective(corners_of((size[0] * times, size[1] * times)), wider), Image.Resampling.BICUBIC,
    )  # fmt: skip
    return drawn if times == 1 else drawn.resize(size, Image.Resampling.LANCZOS)


def _wider(corners: Corners, cut: Cut) -> list[tuple[float, float]]:
    upper_left, upper_right, lower_right, lower_left = (numpy.array(corner) for corner in corners)
    high = max(1.0, float(numpy.linalg.norm(lower_left - upper_left)))
    along = (upper_right - upper_left) / max(1.0, float(numpy.linalg.norm(upper_right - upper_left))) * high
    down = (lower_left - upper_left) / high * high
    moved = (
        upper_left - along * cut.beside - down * cut.above, upper_right + along * cut.beside - down * cut.above,
        lower_right + along * cut.beside + down * cut.above, lower_left - along * cut.beside + down * cut.above,
    )  # fmt: skip
    return [(float(x), float(y)) for x, y in moved]


def perspective(seen: Iterable[Sequence[float]], wanted: Iterable[Sequence[float]]) -> tuple[float, ...]:
    """Return the eight numbers that Pillow wants: from each pixel between the four corners `seen` to that between `wanted`."""
    rows: list[list[float]] = []
    sought: list[float] = []
    for (x, y), (u, v) in zip(seen, wanted, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        sought += [u, v]
    return tuple(
        float(one) for one in numpy.linalg.solve(numpy.array(rows, dtype=float), numpy.array(sought, dtype=float))
    )


def corners_of(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the corners of a picture, clockwise from the upper left."""
    width, height = size
    return [(0, 0), (width, 0), (width, height), (0, height)]


def as_cut(line: Line, read: Mapping[Corners, Sequence[Line]], way: int) -> Line:
    """Return the line as it was read in one of the ways, at its own place; itself where it was not cut out."""
    if line.corners not in read:
        return line
    again = read[line.corners][way]
    return replace(line, text=again.text, confidence=again.confidence, lattice=again.lattice, frames=again.frames)
