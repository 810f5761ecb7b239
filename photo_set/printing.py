"""How a value gets onto a card: ink, embossing, a dot-matrix or inkjet printer, a thermal receipt. Each draws one text."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

_DEJAVU = Path("/usr/share/fonts/truetype/dejavu")
_NOTO = Path("/usr/share/fonts/opentype/noto")
LATIN = (
    "DejaVuSans-Bold",
    "DejaVuSans",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono",
    "DejaVuSansCondensed-Bold",
    "DejaVuSerif-Bold",
)
_SIMPLIFIED = 2  # Index of the simplified Chinese face inside the Noto collections.

Printer = Callable[[Image.Image, tuple[int, int], str, str, int, random.Random], None]


@cache
def latin(name: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a DejaVu face at a size in pixels. Raises OSError where the Debian package fonts-dejavu is missing."""
    return ImageFont.truetype(str(_DEJAVU / f"{name}.ttf"), size)


@cache
def chinese(size: int, bold: bool = True) -> ImageFont.FreeTypeFont:
    """Return Noto Sans CJK at a size in pixels. Raises OSError where the Debian package fonts-noto-cjk is missing."""
    return ImageFont.truetype(str(_NOTO / f"NotoSansCJK-{'Bold' if bold else 'Regular'}.ttc"), size, index=_SIMPLIFIED)


def width_of(text: str, size: int, face: str) -> int:
    """Return how wide a text is drawn, in pixels."""
    return round(latin(face, size).getlength(text))


def ink(card: Image.Image, at: tuple[int, int], text: str, colour: str, size: int, dice: random.Random) -> None:
    """Print in plain ink, in one of several faces."""
    ImageDraw.Draw(card).text(at, text, colour, latin(dice.choice(LATIN), size))


def embossed(
    card: Image.Image,
    at: tuple[int, int],
    text: str,
    colour: str,
    size: int,
    dice: random.Random,
    tipped: bool = True,
) -> None:
    """Raise the characters out of the plastic: the card's own colour, with light on one side and shade on the other."""
    del colour
    mask = _mask(card, at, text, "DejaVuSans-Bold", size)
    lift = max(2, size // 16)
    for offset, tone, strength in ((-lift, 255, 0.7), (lift, 0, 0.6)):
        edge = ImageChops.subtract(ImageChops.offset(mask, offset, offset), mask).filter(ImageFilter.GaussianBlur(1))
        card.paste(
            Image.new("RGB", card.size, (tone, tone, tone)), mask=edge.point(lambda value, by=strength: value * by)
        )
    if tipped:  # Tipped with silver or gold, worn off in places.
        worn = _noise(card.size, 90, dice).point(lambda value: 255 if value > 96 else 90)
        tip = dice.choice(["#c9c9c4", "#d8b45a"])
        card.paste(
            Image.new("RGB", card.size, tip), mask=ImageChops.multiply(mask, worn).point(lambda value: value * 0.6)
        )


def dot_matrix(
    card: Image.Image,
    at: tuple[int, int],
    text: str,
    colour: str,
    size: int,
    dice: random.Random,
    missing: float = 0.015,
) -> None:
    """Print in separate dots, as needle printers do; `missing` is the share of dots that are not there."""
    mask = numpy.asarray(_mask(card, at, text, "DejaVuSansMono-Bold", size))
    pitch = max(3, size // 11)
    pen = ImageDraw.Draw(card)
    radius = pitch * dice.uniform(0.36, 0.48)
    for y in range(at[1], min(card.height - pitch, at[1] + size + size // 3), pitch):
        for x in range(at[0], min(card.width - pitch, at[0] + width_of(text, size, "DejaVuSansMono-Bold")), pitch):
            if mask[y : y + pitch, x : x + pitch].mean() > 118 and dice.random() > missing:
                middle = (x + pitch / 2, y + pitch / 2)
                pen.ellipse(
                    (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius), fill=colour
                )


def inkjet(
    card: Image.Image, at: tuple[int, int], text: str, colour: str, size: int, dice: random.Random, dead: int = 1
) -> None:
    """Print with a coder on a production line: ragged edges, `dead` nozzles, spatter."""
    mask = _mask(card, at, text, dice.choice(("DejaVuSansMono-Bold", "DejaVuSansCondensed-Bold")), size)
    ragged = _noise(card.size, 60, dice).filter(ImageFilter.GaussianBlur(1))
    mask = ImageChops.add(mask.filter(ImageFilter.GaussianBlur(1.2)), ragged, 1.0, -128).point(
        lambda value: 255 if value > 120 else 0
    )
    lines = ImageDraw.Draw(mask)
    for _ in range(dead):
        y = at[1] + round(size * dice.uniform(0.3, 0.95))
        lines.line((at[0], y, card.width, y), fill=0, width=max(1, size // 24))
    shape = Image.new("L", card.size, 0)
    box = (
        at[0] - 8,
        at[1] - 4,
        min(card.width, at[0] + width_of(text, size, "DejaVuSansMono-Bold") + 12),
        at[1] + round(size * 1.35),
    )
    shape.paste(mask.crop(box), box[:2])
    card.paste(Image.new("RGB", card.size, colour), mask=shape)


def _noise(size: tuple[int, int], depth: float, dice: random.Random) -> Image.Image:
    """Grey noise around 128. Pillow's own noise cannot be seeded."""
    drawn = numpy.random.default_rng(dice.randrange(2**32)).normal(128, depth, (size[1], size[0]))
    return Image.fromarray(drawn.clip(0, 255).astype(numpy.uint8))


def _mask(card: Image.Image, at: tuple[int, int], text: str, face: str, size: int) -> Image.Image:
    mask = Image.new("L", card.size, 0)
    ImageDraw.Draw(mask).text(at, text, 255, latin(face, size))
    return mask
