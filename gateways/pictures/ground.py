"""How every pixel mode becomes RGB so that print stays readable: levels of 16-bit grey, and what shows through."""

from __future__ import annotations

from typing import TypeVar

import numpy
from numpy.typing import NDArray
from PIL import Image

Level = TypeVar("Level", numpy.uint8, numpy.uint16)
GROUNDS = (255, 0, 128)  # Grey levels of the paper put below transparent parts; the first of equally good ones.
NEAR = 64  # Print within so many grey levels of its ground is hard to read.
SOLID = 128  # Opacity from which a pixel belongs to the picture.
SAMPLED_MAX = 1_000_000  # Pixels from which the levels of a 16-bit picture are judged.
SPREAD_MIN = 16  # Of 65,536 levels; less is a plain sheet, and stretching would show noise only.
SPECKS_PERCENT = 0.5  # So many darkest and lightest pixels may be specks and do not count.


def in_levels(picture: Image.Image) -> Image.Image:
    """Return a picture of 8 bits a channel, with its transparency; 16-bit grey is stretched over the levels it uses."""
    see_through = picture.info.get("transparency")
    if picture.mode.startswith("I"):
        return _stretched(picture, see_through if isinstance(see_through, int) else None)
    if picture.mode in ("P", "PA", "1") or see_through is not None:
        return picture.convert("RGBA" if see_through is not None or picture.mode == "PA" else "RGB")
    return picture


def on_ground(picture: Image.Image) -> Image.Image:
    """Return RGB as a new picture without the old one's metadata, transparent parts on the ground that keeps print readable."""
    if picture.mode in ("RGBA", "LA"):
        layered = picture.convert("RGBA")
        paper = Image.new("RGB", layered.size, (_ground(layered),) * 3)
        paper.paste(layered, mask=layered.getchannel("A"))
        return paper
    bare = Image.new("RGB", picture.size)
    bare.paste(picture.convert("RGB"))
    return bare


def _ground(layered: Image.Image) -> int:
    """The grey level that the fewest solid pixels come near to."""
    solid = layered.getchannel("A").point(lambda opacity: 255 if opacity >= SOLID else 0)
    counts = layered.convert("RGB").convert("L").histogram(solid)
    return min(GROUNDS, key=lambda ground: sum(counts[max(0, ground - NEAR) : ground + NEAR + 1]))


def of_both_bytes(higher: Image.Image, lower: Image.Image) -> Image.Image:
    """Return a colour picture of 16 bits a channel in 8 bits, all colours stretched alike over the levels of solid pixels."""
    see_through = higher.info.get("transparency")
    colours = [_values(higher, lower, channel) for channel in "RGB"]
    opacity: NDArray[numpy.uint8] | None = None
    if isinstance(see_through, tuple):
        clear = numpy.logical_and.reduce([one == level for one, level in zip(colours, see_through, strict=True)])
        opacity = numpy.where(clear, 0, 255).astype(numpy.uint8)
    elif higher.mode == "RGBA":
        opacity = numpy.asarray(higher.getchannel("A"))
    solid = ... if opacity is None else _sampled(opacity) >= SOLID
    levels = _levels(numpy.concatenate([_sampled(one)[solid].ravel() for one in colours]))
    bands = [Image.fromarray(levels[one]) for one in colours]
    bands += [] if opacity is None else [Image.fromarray(opacity)]
    picture = Image.merge("RGB" if opacity is None else "RGBA", bands)
    picture.info = {name: value for name, value in higher.info.items() if name != "transparency"}
    return picture


def of_grey_bytes(pixels: Image.Image) -> Image.Image:
    """Return grey with its opacity, 8 bits each, of a picture whose channels are the two bytes of both, the higher first.

    Grey is stretched over the levels of its solid pixels.
    """
    parts: NDArray[numpy.uint8] = numpy.asarray(pixels)
    grey, opacity = _of_bytes(parts[..., 0], parts[..., 1]), parts[..., 2]
    seen = _sampled(grey)[_sampled(opacity) >= SOLID]
    picture = Image.merge("LA", (Image.fromarray(_levels(seen)[grey]), Image.fromarray(opacity)))
    picture.info = dict(pixels.info)
    return picture


def _values(higher: Image.Image, lower: Image.Image, channel: str) -> NDArray[numpy.uint16]:
    return _of_bytes(numpy.asarray(higher.getchannel(channel)), numpy.asarray(lower.getchannel(channel)))


def _of_bytes(higher: NDArray[numpy.uint8], lower: NDArray[numpy.uint8]) -> NDArray[numpy.uint16]:
    values: NDArray[numpy.uint16] = higher.astype(numpy.uint16)
    values <<= 8
    values |= lower
    return values


def _sampled(values: NDArray[Level]) -> NDArray[Level]:
    step = max(1, int((values.size / SAMPLED_MAX) ** 0.5))
    return values[::step, ::step]


def _levels(seen: NDArray[numpy.uint16]) -> NDArray[numpy.uint8]:
    """The grey level of each of the 65,536 values, spread over those that are seen."""
    low, high = numpy.percentile(seen, (SPECKS_PERCENT, 100 - SPECKS_PERCENT)) if seen.size else (0, 0)
    if high - low < SPREAD_MIN:
        low, high = 0, 65_535
    levels: NDArray[numpy.uint8] = (
        ((numpy.arange(65_536) - low) * 255 / (high - low)).clip(0, 255).round().astype(numpy.uint8)
    )
    return levels


def _stretched(picture: Image.Image, see_through: int | None) -> Image.Image:
    values = numpy.asarray(picture).astype(numpy.int32).clip(0, 65_535).astype(numpy.uint16)
    seen = _sampled(values)
    grey = Image.fromarray(_levels(seen if see_through is None else seen[seen != see_through])[values])
    if see_through is not None:
        grey.putalpha(Image.fromarray(numpy.where(values == see_through, 0, 255).astype(numpy.uint8)))
    return grey
