"""The same card photographed at every angle: what is read must not depend on how it lies."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

from photo_set.conditions import lying_at
from photo_set.photos import LabelledPhoto, Part, cards_of

STEP = 15  # Degrees.


def turned(seed: int, degrees: int) -> LabelledPhoto:
    """Draw the card of a seed lying at an angle, clockwise; table, light, print and noise are the same at every angle."""
    dice = random.Random(f"turning:{seed}")  # noqa: S311  # Repeatable on purpose.
    printed = cards_of("turning", dice)
    out = io.BytesIO()
    lying_at(printed[0], degrees, dice).save(out, "JPEG", quality=88)
    return LabelledPhoto(f"{degrees}°", seed, printed[0], out.getvalue())


def turned_photos(cards: int) -> Iterator[LabelledPhoto]:
    """Yield so many cards, each at every angle in steps of 15°."""
    for seed in range(Part.TEST, Part.TEST + cards):
        for degrees in range(0, 360, STEP):
            yield turned(seed, degrees)
