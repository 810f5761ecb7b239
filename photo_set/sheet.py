"""All conditions side by side in one picture, for docs/reading.md."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from photo_set.photos import LabelledPhoto

ACROSS = 6
WIDTH, HEIGHT, TITLE = 250, 190, 22  # Pixels of one photo and of the line above it.
PAPER, INK = "white", "#1f2937"


def sheet(photos: Sequence[LabelledPhoto]) -> Image.Image:
    """Draw the photos in rows of six, each under the name of its condition."""
    rows = math.ceil(len(photos) / ACROSS)
    whole = Image.new("RGB", (ACROSS * WIDTH, rows * (HEIGHT + TITLE)), PAPER)
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(14)
    for place, photo in enumerate(photos):
        left, top = place % ACROSS * WIDTH, place // ACROSS * (HEIGHT + TITLE)
        pen.text((left + 6, top + 3), photo.condition, INK, font)
        with Image.open(io.BytesIO(photo.jpeg)) as picture:
            picture.thumbnail((WIDTH - 8, HEIGHT - 6))
            whole.paste(picture, (left + (WIDTH - picture.width) // 2, top + TITLE))
    return whole
