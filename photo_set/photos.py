"""One labelled photo from a condition and a seed. Tuning, validation and test draw from seeds that never meet."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from PIL import Image

from photo_set import damage, faces, printing
from samples.scene import photograph

PHOTO = (1280, 960)
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

    @property
    def name(self) -> str:
        """Return what tells it from others of its condition."""
        return str(self.seed)


Drawn = Callable[[faces.Printed, random.Random], Image.Image]


def _photographed(
    card: Image.Image, dice: random.Random, *, angle: float = 0.0, share: float = 0.0, warp: float = 0.02, **scene: Any
) -> Image.Image:
    share = share or dice.uniform(0.68, 0.86)
    at = damage.corners(dice, PHOTO, card.size, share=share, angle=angle, warp=warp)
    lying = {"table": dice.choice(["wood", "stone", "cloth"]), "corners": at, "seed": dice.randrange(2**31), **scene}
    return photograph(card, lying, PHOTO)


def _ordinary(printed: faces.Printed, dice: random.Random) -> Image.Image:
    scene = {"shadow": dice.uniform(0, 0.3), "blur": dice.uniform(0.4, 0.8)}
    return _photographed(faces.card(printed, dice), dice, angle=dice.uniform(-4, 4), **scene)


def _tilted(printed: faces.Printed, dice: random.Random) -> Image.Image:
    return _photographed(faces.card(printed, dice), dice, angle=dice.choice([-1, 1]) * dice.uniform(8, 28), warp=0.04)


def _turned(printed: faces.Printed, dice: random.Random) -> Image.Image:
    return _photographed(faces.card(printed, dice), dice, angle=dice.choice([90, 180, 270]) + dice.uniform(-6, 6))


def _small(printed: faces.Printed, dice: random.Random) -> Image.Image:
    return _photographed(
        faces.card(printed, dice, size=32), dice, share=dice.uniform(0.30, 0.42), angle=dice.uniform(-8, 8)
    )


def _by(printer: printing.Printer) -> Drawn:
    return lambda printed, dice: _photographed(faces.card(printed, dice, printer), dice, angle=dice.uniform(-6, 6))


def _damaged(by: Callable[[Image.Image, random.Random], Image.Image]) -> Drawn:
    return lambda printed, dice: by(_ordinary(printed, dice), dice)


def _two_faults(printed: faces.Printed, dice: random.Random) -> Image.Image:
    printer = dice.choice([printing.ink, printing.embossed, printing.dot_matrix, printing.inkjet])
    share, blur = dice.uniform(0.5, 0.7), dice.uniform(0.8, 1.8)
    photo = _photographed(faces.card(printed, dice, printer), dice, share=share, angle=dice.uniform(-20, 20), blur=blur)
    return dice.choice([damage.squeezed, damage.shaken, damage.moire])(photo, dice)


CONDITIONS: Mapping[str, Drawn] = {
    "ordinary": _ordinary,
    "tilted": _tilted,
    "turned": _turned,
    "small": _small,
    "embossed": _by(printing.embossed),
    "dot_matrix": _by(printing.dot_matrix),
    "inkjet": _by(printing.inkjet),
    "glare": lambda printed, dice: _photographed(
        faces.card(printed, dice), dice, glare=[dice.uniform(0.3, 0.7), dice.uniform(0.35, 0.65), dice.uniform(0.8, 0.97)]
    ),
    "blurred": lambda printed, dice: _photographed(faces.card(printed, dice), dice, blur=dice.uniform(2.6, 4.2)),
    "shaken": _damaged(damage.shaken),
    "dark": lambda printed, dice: _photographed(faces.card(printed, dice), dice, dusk=dice.uniform(0.07, 0.18), blur=1.1),
    "shadow": lambda printed, dice: _photographed(faces.card(printed, dice), dice, shadow=dice.uniform(0.75, 0.93), blur=1.2),
    "curled": lambda printed, dice: _photographed(
        damage.curled(faces.card(printed, dice), dice), dice, angle=dice.uniform(-8, 8)
    ),
    "finger": _damaged(damage.held),
    "moire": _damaged(damage.moire),
    "squeezed": _damaged(damage.squeezed),
    "decoys": lambda printed, dice: _photographed(faces.card(printed, dice, decoys=True), dice, angle=dice.uniform(-16, 16)),
    "half_scratched": lambda printed, dice: _photographed(faces.card(printed, dice, scratched=False), dice),
    "receipt": lambda printed, dice: _photographed(
        damage.curled(faces.receipt(printed, dice), dice), dice, angle=dice.uniform(-9, 9), share=0.6, blur=1.2
    ),
    "screenshot": lambda printed, dice: damage.squeezed(faces.screenshot(printed, dice).convert("RGB"), dice),
    "two_faults": _two_faults,
}  # fmt: skip
ORDINARY = "ordinary"


def photo(condition: str, seed: int) -> LabelledPhoto:
    """Draw the photo of a condition and seed: the same fonts give the same picture. Raises KeyError for an unknown condition."""
    dice = random.Random(f"{condition}:{seed}")  # noqa: S311  # Repeatable on purpose.
    printed = faces.invented(dice, dice.choice(WITH_PIN if condition == "half_scratched" else BRANDS))
    out = io.BytesIO()
    CONDITIONS[condition](printed, dice).save(out, "JPEG", quality=88)
    return LabelledPhoto(condition, seed, printed, out.getvalue())


def photos(part: Part, each: int, conditions: tuple[str, ...] = tuple(CONDITIONS)) -> Iterator[LabelledPhoto]:
    """Yield `each` photos of every condition named, from the seeds of one part of the set."""
    for number in range(each):
        for condition in conditions:
            yield photo(condition, part + number)
