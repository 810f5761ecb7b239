"""Which brand a card's colours are those of, where no word names one: the only one that clearly fits, else none. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from domain.cards.reading import Box, FieldName, ReadField, Reason
from domain.rules.brands import Brand
from ocr.level import level_of
from ocr.lines import Corners, Line

CONFIDENCE = 0.3  # Other cards have the same colours: a brand known by nothing else is for a person to compare.
SIDE = 96  # Pixels: a card that fills a third of the photo still has hundreds.
MARGIN = 0.1  # Card kept around its print, in the larger side of what is printed.
FITS = 0.45  # Part of the card that must have the brand's colours: a logo, a stripe or a picture has less.
CLEARLY = 0.5  # A brand of which another one's colours cover so much of what its own cover is not named.
HUE_MAX = math.radians(20)  # How far the hue of a colour in a photo may be from that on the card: lamps.
LIGHTNESS_MAX = 30.0  # And its lightness in CIELAB: shadows.
COLOURED = 20.0  # Chroma in CIELAB: less is white, grey or black, which every card may be.
PALER = 0.45  # A colour in a photo has at least so much of its chroma.
PAPER_PALE = 0.28  # The channels of paper differ by no more, as parts of the largest.
PAPER_BRIGHT = 0.6  # Paper is so bright beside what is brightest.
PAPER_LEAST = 0.005  # Part of the photo that must be paper before its light is taken from it.
PAPER_GREY = 240.0  # What each channel of paper becomes.
LIGHTER_MAX = 4.0  # How much lighter a dark photo may become.
_TO_XYZ = numpy.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)  # Of sRGB, under D65.
_WHITE = _TO_XYZ.sum(axis=1)

Pixels = NDArray[numpy.float64]


def by_colours(code: str) -> ReadField:
    """Return the brand as a field of the reading: known by its colours alone, at no place."""
    return ReadField(FieldName.BRAND, code, CONFIDENCE, None, reasons=(Reason.BY_COLOURS,))


def brand_of(picture: Image.Image, lines: Sequence[Line], brands: Mapping[str, Brand]) -> str | None:
    """Return the code of the only brand whose colours clearly cover the card, None where none or several fit.

    The card is where its lines are; without any it is looked for in the middle of the RGB picture.
    """
    wanted = {code: coloured for code, brand in brands.items() if (coloured := _coloured(brand.colours))}
    if not wanted:
        return None
    seen = _lab(_card(picture, lines))
    shares = {code: _share(seen, colours) for code, colours in wanted.items()}
    best = max(shares, key=lambda code: shares[code])
    others = max((share for code, share in shares.items() if code != best), default=0.0)
    return best if shares[best] >= FITS and others < CLEARLY * shares[best] else None


def _coloured(written: Sequence[str]) -> list[tuple[float, float, float]]:
    """Lightness, chroma and hue of the colours that say something."""
    rgb = [[int(one[place : place + 2], 16) for place in (1, 3, 5)] for one in written]
    known = [_polar(one) for one in _lab(numpy.array(rgb, dtype=float).reshape(-1, 3))]
    return [one for one in known if one[1] >= COLOURED]


def _polar(lab: Pixels) -> tuple[float, float, float]:
    lightness, a, b = (float(one) for one in lab)
    return lightness, math.hypot(a, b), math.atan2(b, a)


def _share(seen: Pixels, colours: Sequence[tuple[float, float, float]]) -> float:
    """How much of the card has one of the colours (0..1)."""
    lightness, a, b = seen.T
    chroma, hue = numpy.hypot(a, b), numpy.arctan2(b, a)
    fitting = numpy.zeros(len(seen), dtype=bool)
    for light, strong, of_hue in colours:
        apart = numpy.abs((hue - of_hue + math.pi) % (2 * math.pi) - math.pi)
        near = (apart <= HUE_MAX) & (numpy.abs(lightness - light) <= LIGHTNESS_MAX)
        fitting |= near & (chroma >= max(COLOURED, PALER * strong))
    return float(fitting.sum()) / max(1, len(seen))


def _card(picture: Image.Image, lines: Sequence[Line]) -> Pixels:
    """The colours of the card's pixels, one a row, as they are in white light."""
    scale = SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.BOX, reducing_gap=2)
    mask = Image.new("1", size)
    around = _around(lines) or _middle(picture.size)
    ImageDraw.Draw(mask).polygon([(x * scale, y * scale) for x, y in around], fill=1)
    rgb = numpy.asarray(small, dtype=float)
    lit: Pixels = rgb[numpy.asarray(mask)] * _light(rgb.reshape(-1, 3))
    return lit.clip(0, 255)


def _around(lines: Sequence[Line]) -> Corners:
    """The corners of the card as far as it is printed on; none without lines."""
    if not lines:
        return ()
    level = level_of(lines)
    boxes = [level.laid(line).box for line in lines]
    whole = boxes[0]
    for box in boxes[1:]:
        whole = whole.joined(box)
    margin = round(MARGIN * max(whole.width, whole.height))
    return level.corners_in_picture(
        Box(whole.x - margin, whole.y - margin, whole.width + 2 * margin, whole.height + 2 * margin)
    )


def _middle(size: tuple[int, int]) -> Corners:
    width, height = size
    left, upper, right, lower = width / 4, height / 4, width * 3 / 4, height * 3 / 4
    return ((left, upper), (right, upper), (right, lower), (left, lower))


def _light(rgb: Pixels) -> Pixels:
    """What each channel is to be multiplied with so that the brightest paper in the photo becomes white; 1 without any."""
    brightest, darkest = rgb.max(axis=1), rgb.min(axis=1)
    pale = rgb[
        (brightest - darkest <= PAPER_PALE * brightest)
        & (brightest >= PAPER_BRIGHT * max(1.0, numpy.percentile(brightest, 99)))
    ]
    if len(pale) < max(1, PAPER_LEAST * len(rgb)):
        return numpy.ones(3)
    bright = pale.sum(axis=1)
    paper: Pixels = numpy.median(pale[bright >= numpy.percentile(bright, 80)], axis=0)
    return numpy.clip(PAPER_GREY / paper.clip(1.0), 1 / LIGHTER_MAX, LIGHTER_MAX)


def _lab(rgb: Pixels) -> Pixels:
    """CIELAB of sRGB values from 0 to 255."""
    share = rgb / 255
    linear = numpy.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    of_white = linear @ _TO_XYZ.T / _WHITE
    root = numpy.where(of_white > 216 / 24389, numpy.cbrt(of_white), (24389 / 27 * of_white + 16) / 116)
    x, y, z = root.T
    return numpy.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
