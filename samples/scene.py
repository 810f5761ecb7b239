"""Turns a drawn card into a photograph: laid on a table in perspective, lit, worn, slightly out of focus, with sensor noise."""

from __future__ import annotations

from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from ocr.strips import corners_of, perspective

Floats = NDArray[numpy.float64]


def photograph(card: Image.Image | None, scene: dict[str, Any], size: tuple[int, int]) -> Image.Image:
    """The RGB photo of `card` (RGBA), or of a cup when there is none. Everything random comes from `scene["seed"]`."""
    dice = numpy.random.default_rng(scene["seed"])
    picture = _table(scene["table"], size, dice)
    if card is None:
        _cup(picture)
    else:
        _lay(picture, _worn(card, dice), scene["corners"])
    _pen(picture, dice)
    lit = _lit(numpy.asarray(picture, dtype=numpy.float64), scene, dice)
    photo = Image.fromarray(lit.clip(0, 255).astype(numpy.uint8))
    photo = photo.filter(ImageFilter.GaussianBlur(scene.get("blur", 0.5)))
    return _noisy(photo, dice).rotate(scene.get("turned", 0))


def _table(kind: str, size: tuple[int, int], dice: numpy.random.Generator) -> Image.Image:
    """Wood, stone or cloth, made of noise at several scales."""
    width, height = size
    base = {"wood": (150, 108, 70), "stone": (196, 194, 190), "cloth": (92, 104, 122)}[kind]
    stretch = {"wood": (220, 6), "stone": (34, 22), "cloth": (4, 4)}[kind]
    depth = {"wood": 26, "stone": 7, "cloth": 20}[kind]
    grain = _clouds(size, stretch, dice) * depth + _clouds(size, (420, 260), dice) * 14
    grain = grain + _clouds(size, (130, 90), dice) * depth * 0.5
    if kind == "wood":
        boards = (numpy.arange(height) % 330 < 5)[:, None] * numpy.full((1, width), 46.0)
        grain = grain - boards
    colours = numpy.array(base, dtype=numpy.float64)[None, None, :] + grain[:, :, None]
    return Image.fromarray(colours.clip(0, 255).astype(numpy.uint8))


def _clouds(size: tuple[int, int], stretch: tuple[int, int], dice: numpy.random.Generator) -> Floats:
    """Smooth noise around 0 with patches about `stretch` pixels wide and high."""
    coarse = (max(2, size[1] // stretch[1]), max(2, size[0] // stretch[0]))
    dots = Image.fromarray(dice.normal(0, 1, coarse).astype(numpy.float32))
    smooth = dots.resize(size, Image.Resampling.BICUBIC)
    return numpy.array(smooth, dtype=numpy.float64)


def _worn(card: Image.Image, dice: numpy.random.Generator) -> Image.Image:
    """Hairline scratches and dust."""
    marks = Image.new("RGBA", card.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(marks)
    for _ in range(26):
        x, y = dice.uniform(0, card.width), dice.uniform(0, card.height)
        dx, dy = dice.normal(0, 90), dice.normal(0, 26)
        pen.line((x, y, x + dx, y + dy), fill=(255, 255, 255, int(dice.uniform(20, 70))), width=1)
    for _ in range(60):
        x, y, r = dice.uniform(0, card.width), dice.uniform(0, card.height), dice.uniform(0.5, 1.6)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(40, 36, 30, 110))
    worn = Image.alpha_composite(card, marks)
    worn.putalpha(card.getchannel("A"))
    return worn


def _lay(picture: Image.Image, card: Image.Image, corners: list[list[float]]) -> None:
    """The card onto the table in perspective, with the soft shadow of its edge."""
    laid = card.transform(
        picture.size, Image.Transform.PERSPECTIVE, perspective(corners, corners_of(card.size)), Image.Resampling.BICUBIC
    )
    shape = laid.getchannel("A")
    shade = Image.new("L", picture.size, 0)
    shade.paste(shape.point(lambda value: value * 0.55), (9, 14))
    picture.paste(Image.new("RGB", picture.size, (18, 14, 10)), mask=shade.filter(ImageFilter.GaussianBlur(9)))
    picture.paste(laid.convert("RGB"), mask=shape.filter(ImageFilter.GaussianBlur(0.8)))


def _pen(picture: Image.Image, dice: numpy.random.Generator) -> None:
    """Half a ball-pen at the edge of the picture, as tables have."""
    ink, y = ImageDraw.Draw(picture), int(dice.integers(20, 60))
    colour = tuple(int(part) for part in dice.integers(30, 150, 3))
    ink.line((-20, y, 330, y + 26), fill=colour, width=24)
    ink.line((330, y + 26, 372, y + 29), fill=(196, 196, 200), width=12)


def _cup(picture: Image.Image) -> None:
    """A cup of coffee seen from above, with saucer, handle and light on the rim."""
    ink = ImageDraw.Draw(picture)
    for radius, colour in ((330, "#d9d6cf"), (318, "#efece6"), (220, "#dedad2")):
        ink.ellipse((640 - radius, 500 - radius, 640 + radius, 500 + radius), fill=colour)
    ink.rounded_rectangle((820, 462, 985, 538), 34, fill="#f7f5f0", outline="#cfcabf", width=6)
    for radius, colour in ((205, "#fbfaf6"), (184, "#4a2b19"), (168, "#6b3f23")):
        ink.ellipse((640 - radius, 500 - radius, 640 + radius, 500 + radius), fill=colour)
    ink.arc((500, 360, 780, 640), 200, 290, fill="#a8713f", width=14)


def _lit(pixels: Floats, scene: dict[str, Any], dice: numpy.random.Generator) -> Floats:
    """Uneven light, a shadow from one side, a lamp's reflection, dusk: whatever the scene asks for."""
    height, width, _ = pixels.shape
    y, x = numpy.mgrid[0:height, 0:width] / numpy.array([height, width])[:, None, None]
    light = 1.06 - 0.3 * ((x - 0.5) ** 2 + (y - 0.5) ** 2) + 0.03 * _clouds((width, height), (600, 500), dice)
    edge = 1 / (1 + numpy.exp((x + 0.6 * y - 0.62) * 26))
    light = light * (1 - scene.get("shadow", 0.0) * edge)
    lit = pixels * light[:, :, None]
    if "glare" in scene:
        across, down, strength = scene["glare"]
        spot = numpy.exp(-(((x - across) / 0.16) ** 2 + ((y - down) / 0.11) ** 2))
        lit = lit + (255 - lit) * (strength * spot)[:, :, None]
    if "dusk" in scene:
        lit = 34 + lit * float(scene["dusk"]) * numpy.array([1.04, 0.98, 0.86])
    return numpy.asarray(lit, dtype=numpy.float64)


def _noisy(photo: Image.Image, dice: numpy.random.Generator) -> Image.Image:
    grain = dice.normal(0, 3.2, (photo.height, photo.width, 1)) + dice.normal(0, 1.6, (photo.height, photo.width, 3))
    pixels = numpy.asarray(photo, dtype=numpy.float64) + grain
    return Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8))
