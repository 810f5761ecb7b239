"""How a photo is put before the engine: small enough to be quick, and in further looks larger, clearer, or turned. Pure."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageOps

from domain.cards.reading import Box

SIDE_FIRST_MAX = 1280  # A card that fills half of such a picture has digits 15 pixels high, enough for the engine.
SPREAD_FLAT = 90  # Grey levels between the 2nd and 98th percentile below which a photo is flat (dusk, haze).


@dataclass(frozen=True)
class Look:
    """One way to look at a photo: an RGB picture `scale` times the photo, turned `turned` degrees counter-clockwise."""

    picture: Image.Image
    scale: float = 1.0
    turned: int = 0

    @property
    def name(self) -> str:
        """Return how it differs from the photo, for explanations."""
        return f"{self.scale:.2f}×" + (f", turned {self.turned}°" if self.turned else "")

    def in_photo(self, box: Box) -> Box:
        """Convert a box of this picture to a box of the upright photo in its own pixels."""
        width, height = self.picture.size
        x, y, across, down = {
            0: (box.x, box.y, box.width, box.height),
            90: (height - box.bottom, box.x, box.height, box.width),
            180: (width - box.right, height - box.bottom, box.width, box.height),
            270: (box.y, width - box.right, box.height, box.width),
        }[self.turned]
        return Box(x, y, across, down).scaled(1 / self.scale)


def opened(photo: bytes) -> Image.Image:
    """Open the JPEG bytes as an upright RGB picture. Raises OSError when they are none."""
    with Image.open(io.BytesIO(photo)) as picture:
        return picture.convert("RGB")


def first_look(picture: Image.Image) -> Look:
    """Return the whole photo, at most 1280 pixels a side, its contrast stretched only when it is flat."""
    scale = min(1.0, SIDE_FIRST_MAX / max(picture.size))
    small = picture if scale == 1.0 else picture.resize(_scaled(picture, scale), Image.Resampling.BOX, reducing_gap=2)
    return Look(clearer(small) if is_flat(small) else small, scale)


def further_looks(picture: Image.Image, first: Look, lines_upright: bool) -> Iterator[Look]:
    """Yield what to try when the first look gave no sound number: the full size, then turned by half or by quarters.

    `lines_upright` says whether the lines found lie as they should; standing ones mean a quarter turn.
    """
    if first.scale < 1.0:
        yield Look(clearer(picture))
    for degrees in (180,) if lines_upright else (90, 270):
        yield Look(first.picture.rotate(degrees, expand=True), first.scale, degrees)


def is_flat(picture: Image.Image) -> bool:
    """Return whether nearly all of the picture lies within few grey levels."""
    counts = picture.convert("L").resize((128, 128)).histogram()
    return _level(counts, 0.98) - _level(counts, 0.02) < SPREAD_FLAT


def clearer(picture: Image.Image) -> Image.Image:
    """Spread the picture's grey levels over the whole range."""
    return ImageOps.autocontrast(picture, cutoff=1, preserve_tone=True)


def _level(counts: list[int], share: float) -> int:
    """The grey level below which `share` of all pixels lie."""
    wanted, so_far = share * sum(counts), 0
    for level, count in enumerate(counts):
        so_far += count
        if so_far >= wanted:
            return level
    return len(counts) - 1


def _scaled(picture: Image.Image, scale: float) -> tuple[int, int]:
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
