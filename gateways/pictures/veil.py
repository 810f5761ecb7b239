"""Pictures that show what a photo is like and no character of a number: small with places covered, and a place in coarse squares."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFilter

from domain.cards.reading import Box
from gateways.pictures.accept import to_jpeg

SIDE_MAX = 480
MARGIN = 0.5  # Of a covered field's height, on each side.
SQUARES_HIGH = 5  # A line of print in so few rows of squares cannot be read.


def veiled(jpeg: bytes, covered: Sequence[Box]) -> tuple[bytes, int, int]:
    """Return the photo small (JPEG) with these places black and everything else soft, and the photo's own width and height."""
    with Image.open(io.BytesIO(jpeg)) as photo:
        width, height = photo.size
        shown = photo.convert("RGB")
    draw = ImageDraw.Draw(shown)
    for box in covered:
        edge = round(box.height * MARGIN)
        draw.rectangle((box.x - edge, box.y - edge, box.right + edge, box.bottom + edge), fill=(0, 0, 0))
    shown.thumbnail((SIDE_MAX, SIDE_MAX))
    # A barcode says the number too: the picture is softened until no fine line of it is left.
    return to_jpeg(shown.filter(ImageFilter.GaussianBlur(2)), quality=70), width, height


def coarse(jpeg: bytes) -> bytes:
    """Return a cut-out place of a photo in squares too coarse to read, as JPEG of the same size: light and blur can be seen."""
    with Image.open(io.BytesIO(jpeg)) as crop:
        size = crop.size
        squares = max(1, round(SQUARES_HIGH * size[0] / max(1, size[1])))
        small = crop.convert("RGB").resize((squares, SQUARES_HIGH), Image.Resampling.BOX)
    return to_jpeg(small.resize(size, Image.Resampling.NEAREST))
