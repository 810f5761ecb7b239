"""One labelled photo from a condition and a seed. Tuning, validation and test draw from seeds that never meet."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum

from photo_set import faces
from photo_set.conditions import CONDITIONS, NEEDS_PIN, SEVERAL

BRANDS = ("jd", "tmall", "walmart", "carrefour", "starbucks", "wanda", "hualian", "amazon-us")

WITH_PIN = tuple(code for code in BRANDS if code not in ("jd", "amazon-us"))


class Part(IntEnum):
    """Which part of the set a photo belongs to: its first seed. Figures come from TEST alone."""

    TUNING = 1_000_000
    VALIDATION = 2_000_000
    TEST = 3_000_000


@dataclass(frozen=True)
class LabelledPhoto:
    """A photo (JPEG bytes) and what is printed on the card in it."""

    condition: str
    seed: int
    printed: faces.Printed
    jpeg: bytes = field(repr=False)
    others: tuple[faces.Printed, ...] = ()  # Further cards in the same photo.
    place: int = 1  # Which of them `printed` is.

    @property
    def name(self) -> str:
        """Return what tells it from others of its condition."""
        return str(self.seed) if self.place == 1 else f"{self.seed}/{self.place}"

    @property
    def cards(self) -> tuple[LabelledPhoto, ...]:
        """Return the photo once for each card in it."""
        further = (replace(self, printed=one, place=place) for place, one in enumerate(self.others, start=2))
        return (self, *further)


ORDINARY = "ordinary"


def cards_of(condition: str, dice: random.Random) -> list[faces.Printed]:
    """Make up the cards of a photo, the first draw of its dice."""
    brand = dice.choice(WITH_PIN if condition in NEEDS_PIN else BRANDS)
    return [faces.invented(dice, brand) for _ in range(2 if condition == SEVERAL else 1)]


def photo(condition: str, seed: int) -> LabelledPhoto:
    """Draw the photo of a condition and seed: the same fonts give the same picture. Raises KeyError for an unknown condition."""
    dice = random.Random(f"{condition}:{seed}")  # noqa: S311  # Repeatable on purpose.
    printed = cards_of(condition, dice)
    out = io.BytesIO()
    CONDITIONS[condition](printed, dice).save(out, "JPEG", quality=88)
    return LabelledPhoto(condition, seed, printed[0], out.getvalue(), tuple(printed[1:]))


def photos(part: Part, each: int, conditions: tuple[str, ...] = tuple(CONDITIONS)) -> Iterator[LabelledPhoto]:
    """Yield `each` photos of every condition named, from the seeds of one part of the set."""
    for number in range(each):
        for condition in conditions:
            yield photo(condition, part + number)
