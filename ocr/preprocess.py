"""How a photo is put before the engine: small enough to be quick, then turned, enlarged and evened out where print was found. Pure."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from domain.cards.reading import Box
from ocr.lines import Corners

SIDE_FIRST_MAX = 1280  # A card that fills half of such a picture has digits 15 pixels high, enough for the engine.
ENLARGED_MAX = 3.0
MARGIN = 0.3  # Paper kept around the print that was found, in its larger side: a line beside it may have been missed.
EVENED_OVER = 24  # Pixels around each over which light is evened.
NOISE = 5.0  # Grey levels: less contrast than this, or twice that of most of the picture, is not stretched to the full.

Affine = tuple[float, float, float, float, float, float]
UNMOVED: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Look:
    """One way to look at a photo, an RGB picture: its pixel (x, y) shows (ax + by + c, dx + ey + f) of the photo."""

    picture: Image.Image
    name: str
    placed: Affine = UNMOVED

    def points_in_photo(self, points: Sequence[Sequence[float]]) -> Corners:
        """Convert points of this picture to points of the photo."""
        a, b, c, d, e, f = self.placed
        return tuple((a * x + b * y + c, d * x + e * y + f) for x, y in points)

    def in_photo(self, box: Box) -> Box:
        """Convert a box of this picture to the upright box around it in the photo."""
        around = self.points_in_photo([
            (box.x, box.y), (box.right, box.y), (box.right, box.bottom), (box.x, box.bottom)
        ])  # fmt: skip
        xs, ys = [x for x, _ in around], [y for _, y in around]
        left, upper = round(min(xs)), round(min(ys))
        return Box(left, upper, max(1, round(max(xs)) - left), max(1, round(max(ys)) - upper))


def opened(photo: bytes) -> Image.Image:
    """Open the JPEG bytes as an upright RGB picture. Raises OSError when they are none."""
    with Image.open(io.BytesIO(photo)) as picture:
        return picture.convert("RGB")


def reduced(picture: Image.Image) -> Image.Image:
    """Return the whole photo, at most 1280 pixels a side."""
    scale = min(1.0, SIDE_FIRST_MAX / max(picture.size))
    return picture if scale == 1.0 else picture.resize(_scaled(picture, scale), Image.Resampling.BOX, reducing_gap=2)


def first_look(picture: Image.Image) -> Look:
    """Return the whole photo, at most 1280 pixels a side, as it is: contrast that is stretched turns noise into print."""
    small = reduced(picture)
    placed = (picture.width / small.width, 0.0, 0.0, 0.0, picture.height / small.height, 0.0)
    return Look(small, f"{small.width / picture.width:.2f}×", placed)


def level_look(picture: Image.Image, print_at: Sequence[Corners], angle: float) -> Look:
    """Return the part of the photo around these lines, turned so that print in the direction `angle` (radians) lies level.

    It is enlarged up to three times, at most 1280 pixels a side; the whole photo where no line is known.
    """
    centre, across, down = _region(picture, print_at, angle)
    scale = min(ENLARGED_MAX, SIDE_FIRST_MAX / max(across, down))
    size = (max(32, round(across * scale)), max(32, round(down * scale)))
    cos, sin = math.cos(angle) / scale, math.sin(angle) / scale
    placed = (
        cos, -sin, centre[0] - cos * size[0] / 2 + sin * size[1] / 2, sin, cos, centre[1] - sin * size[0] / 2 - cos * size[1] / 2,
    )  # fmt: skip
    # Sampling skips pixels where the photo is larger than the look.
    source = picture if scale >= 0.7 else picture.filter(ImageFilter.GaussianBlur(0.4 / scale))
    outside = picture.resize((1, 1), Image.Resampling.BOX).getpixel(
        (0, 0)
    )  # What lies beside the photo: its mean colour.
    drawn = source.transform(size, Image.Transform.AFFINE, placed, Image.Resampling.BICUBIC, fillcolor=outside)
    return Look(drawn, f"{scale:.2f}×, turned {math.degrees(angle):.0f}°", placed)


def evened_look(look: Look) -> Look:
    """Return the same look with light and contrast evened out: glare, shadow, dusk, and print in the card's own colour."""
    return Look(evened(look.picture), f"{look.name}, evened", look.placed)


def evened(picture: Image.Image) -> Image.Image:
    """Bring every neighbourhood of the picture to one brightness and one contrast, in grey."""
    grey = numpy.asarray(picture.convert("L").filter(ImageFilter.GaussianBlur(0.8)), dtype=numpy.float32)
    flat = grey - _mean_around(grey)
    spread = numpy.sqrt(_mean_around(flat * flat))
    noise = max(NOISE, 2 * float(numpy.median(spread)))
    even = 128 + flat * (70 / (spread + noise))
    return Image.fromarray(even.clip(0, 255).astype(numpy.uint8)).convert("RGB")


def _region(
    picture: Image.Image, print_at: Sequence[Corners], angle: float
) -> tuple[tuple[float, float], float, float]:
    """Middle, width and height of the level rectangle around the lines, in pixels of the photo."""
    whole: Sequence[tuple[float, float]] = (
        (0.0, 0.0), (float(picture.width), 0.0), (float(picture.width), float(picture.height)), (0.0, float(picture.height))
    )  # fmt: skip
    photo = _bounds(whole, angle)
    found = _bounds([point for corners in print_at for point in corners], angle) if print_at else photo
    margin = MARGIN * max(found[2] - found[0], found[3] - found[1]) if print_at else 0.0
    left, upper = max(photo[0], found[0] - margin), max(photo[1], found[1] - margin)
    right, lower = min(photo[2], found[2] + margin), min(photo[3], found[3] + margin)
    x, y, cos, sin = (left + right) / 2, (upper + lower) / 2, math.cos(angle), math.sin(angle)
    return (x * cos - y * sin, x * sin + y * cos), right - left, lower - upper


def _bounds(points: Sequence[tuple[float, float]], angle: float) -> tuple[float, float, float, float]:
    cos, sin = math.cos(angle), math.sin(angle)
    turned = [(x * cos + y * sin, y * cos - x * sin) for x, y in points]
    xs, ys = [x for x, _ in turned], [y for _, y in turned]
    return min(xs), min(ys), max(xs), max(ys)


def _mean_around(grey: NDArray[numpy.float32]) -> NDArray[Any]:
    """The mean over the square around each pixel, by sums along both axes."""
    for axis in (0, 1):
        before, after = EVENED_OVER + 1, EVENED_OVER
        padding = [(before, after) if one == axis else (0, 0) for one in (0, 1)]
        sums = numpy.cumsum(numpy.pad(grey, padding, mode="edge"), axis=axis, dtype=numpy.float64)
        wide = 2 * EVENED_OVER + 1
        upper = numpy.take(sums, range(wide, sums.shape[axis]), axis=axis)
        lower = numpy.take(sums, range(sums.shape[axis] - wide), axis=axis)
        grey = ((upper - lower) / wide).astype(numpy.float32)
    return grey


def _scaled(picture: Image.Image, scale: float) -> tuple[int, int]:
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
