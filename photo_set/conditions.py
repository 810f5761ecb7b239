"""What can be hard about a photo of a card, and how hard: each condition is a face and the faults of its photo.

A fault takes `much`, from 0 (it shows) to 1 (a person needs a second look). A hard photo has small print and two faults: the one that
names its condition, and one of the other kind (how the card is, how it was photographed). What `much` does to each fault stands in the
fault; docs/reading.md has it as a table.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from PIL import Image

from photo_set import damage, faces, pages, printing
from samples.scene import photograph

PHOTO = (1280, 960)
NAMED, BESIDE = (0.5, 1.0), (0.3, 0.8)  # How much there is of the fault that names the condition, and of the other.
TURNED_SHARE = 0.6
SMALL_PRINT = (0.45, 0.62)  # Share of the photo's width that a card takes in a hard photo.


@dataclass
class Shot:
    """How a card is drawn, laid, lit and photographed. Faults change it."""

    face: dict[str, Any] = field(default_factory=dict)  # What `faces.card` is asked for.
    bent: float = 0.0  # Depth of its bend, in pixels of the card.
    angle: float = 0.0
    share: float = 0.0  # Of the photo's width; 0 for any ordinary one.
    warp: float = 0.02
    scene: dict[str, Any] = field(default_factory=dict)  # What `samples.scene.photograph` is asked for.
    after: list[Callable[[Image.Image], Image.Image]] = field(default_factory=list)


Fault = Callable[[Shot, random.Random, float], None]
Drawn = Callable[[Sequence[faces.Printed], random.Random], Image.Image]


def _tilted(shot: Shot, dice: random.Random, much: float) -> None:
    shot.angle, shot.warp = dice.choice([-1, 1]) * (8 + 34 * much), 0.03 + 0.02 * much


def _turned(shot: Shot, dice: random.Random, much: float) -> None:
    del much
    shot.angle = dice.uniform(45, 315)


def _upside_down(shot: Shot, dice: random.Random, much: float) -> None:
    shot.angle = 180 + dice.uniform(-10, 10) * much


def _small(shot: Shot, dice: random.Random, much: float) -> None:
    del dice
    shot.share, shot.face["size"] = 0.36 - 0.13 * much, 32


def _embossed(shot: Shot, dice: random.Random, much: float) -> None:
    shot.face["printer"] = partial(printing.embossed, tipped=dice.random() < 0.7 - 0.6 * much)
    shot.scene["blur"] = 0.6 + 0.6 * much


def _dot_matrix(shot: Shot, dice: random.Random, much: float) -> None:
    del dice
    shot.face["printer"] = partial(printing.dot_matrix, missing=0.02 + 0.1 * much)


def _inkjet(shot: Shot, dice: random.Random, much: float) -> None:
    del dice
    shot.face["printer"] = partial(printing.inkjet, dead=1 + round(3 * much))


def _glare(shot: Shot, dice: random.Random, much: float) -> None:
    shot.scene["glare"] = [dice.uniform(0.3, 0.7), dice.uniform(0.4, 0.56), 0.9 + 0.08 * much]


def _blurred(shot: Shot, dice: random.Random, much: float) -> None:
    del dice
    shot.scene["blur"] = 1.8 + 1.8 * much


def _shaken(shot: Shot, dice: random.Random, much: float) -> None:
    shot.after.append(partial(damage.shaken, dice=dice, length=7 + 2 * round(4 * much)))


def _dark(shot: Shot, dice: random.Random, much: float) -> None:
    del dice
    shot.scene |= {"dusk": 0.13 - 0.085 * much, "blur": 1.1}


def _shadow(shot: Shot, dice: random.Random, much: float) -> None:
    del dice
    shot.scene |= {"shadow": 0.8 + 0.17 * much, "blur": 1.0 + 0.6 * much}


def _curled(shot: Shot, dice: random.Random, much: float) -> None:
    shot.bent, shot.angle = dice.choice([-1, 1]) * (30 + 80 * much), dice.uniform(-10, 10)


def _held(shot: Shot, dice: random.Random, much: float) -> None:
    shot.after.append(partial(damage.held, dice=dice))
    shot.scene["blur"], shot.angle = 0.8 + 1.0 * much, dice.uniform(-12, 12)


def _moire(shot: Shot, dice: random.Random, much: float) -> None:
    shot.after.append(partial(damage.moire, dice=dice, strength=0.18 + 0.22 * much))


def _squeezed(shot: Shot, dice: random.Random, much: float) -> None:
    shot.after.append(partial(damage.squeezed, dice=dice, scale=0.6 - 0.22 * much, quality=26 - round(14 * much)))


def _decoys(shot: Shot, dice: random.Random, much: float) -> None:
    shot.face["decoys"], shot.angle = 2 + round(2 * much), dice.uniform(-18, 18)


def _half_scratched(shot: Shot, dice: random.Random, much: float) -> None:
    del dice
    shot.face["silver"] = 0.3 + 0.6 * much


def _vertical_pin(shot: Shot, dice: random.Random, much: float) -> None:
    shot.face["upright_pin"] = dice.choice(["down", "up", "stacked"])
    shot.angle = dice.uniform(-6, 6) * much


FAULTS: Mapping[str, Fault] = {
    "tilted": _tilted, "turned": _turned, "upside_down": _upside_down, "small": _small, "embossed": _embossed,
    "dot_matrix": _dot_matrix, "inkjet": _inkjet, "glare": _glare, "blurred": _blurred, "shaken": _shaken, "dark": _dark,
    "shadow": _shadow, "curled": _curled, "finger": _held, "moire": _moire, "squeezed": _squeezed, "decoys": _decoys,
    "half_scratched": _half_scratched, "vertical_pin": _vertical_pin,
}  # fmt: skip
CARD_FAULTS = ("tilted", "upside_down", "curled", "embossed", "dot_matrix", "inkjet", "turned")
PHOTO_FAULTS = ("glare", "blurred", "shaken", "dark", "shadow", "moire", "squeezed")
NEEDS_PIN = frozenset({"half_scratched", "vertical_pin"})


def shot_of(printed: faces.Printed, faults: Mapping[str, float], dice: random.Random) -> Image.Image:
    """Photograph a card with these faults, each as much as named."""
    shot = Shot(scene={"shadow": dice.uniform(0, 0.3), "blur": dice.uniform(0.4, 0.8)}, angle=dice.uniform(-4, 4))
    shot.share = dice.uniform(*SMALL_PRINT) if faults else 0.0
    for name, much in faults.items():
        FAULTS[name](shot, dice, much)
    card = faces.card(printed, dice, **shot.face)
    return _photographed(damage.curled(card, shot.bent) if shot.bent else card, shot, dice)


def lying_at(printed: faces.Printed, degrees: float, dice: random.Random, *, own_colours: bool = False) -> Image.Image:
    """Photograph a card without faults at this angle, as large as it fits at any; with `own_colours` as `faces.card` draws it then."""
    shot = Shot(
        scene={"shadow": dice.uniform(0, 0.3), "blur": dice.uniform(0.4, 0.8)}, angle=degrees, share=TURNED_SHARE
    )
    return _photographed(faces.card(printed, dice, own_colours=own_colours), shot, dice)


def _photographed(card: Image.Image, shot: Shot, dice: random.Random) -> Image.Image:
    share = shot.share or dice.uniform(0.68, 0.86)
    at = damage.corners(dice, PHOTO, card.size, share=share, angle=shot.angle, warp=shot.warp)
    table = dice.choice(["wood", "stone", "cloth"])
    photo = photograph(card, {"table": table, "corners": at, "seed": dice.randrange(2**31), **shot.scene}, PHOTO)
    for change in shot.after:
        photo = change(photo)
    return photo


def _ordinary(printed: Sequence[faces.Printed], dice: random.Random) -> Image.Image:
    return shot_of(printed[0], {}, dice)


def _hard(name: str) -> Drawn:
    def drawn(printed: Sequence[faces.Printed], dice: random.Random) -> Image.Image:
        beside = dice.choice(CARD_FAULTS if name in PHOTO_FAULTS else PHOTO_FAULTS)
        return shot_of(printed[0], {beside: dice.uniform(*BESIDE), name: dice.uniform(*NAMED)}, dice)

    return drawn


def _receipt(printed: Sequence[faces.Printed], dice: random.Random) -> Image.Image:
    shot = Shot(
        bent=dice.choice([-1, 1]) * dice.uniform(20, 60),
        angle=dice.uniform(-12, 12),
        share=0.42,
        scene={"blur": dice.uniform(1.4, 2.2), "shadow": dice.uniform(0.3, 0.8)},
    )
    return _photographed(damage.curled(pages.receipt(printed[0], dice), shot.bent), shot, dice)


def _page(page: Callable[[faces.Printed, random.Random], Image.Image]) -> Drawn:
    return lambda printed, dice: damage.squeezed(
        page(printed[0], dice).convert("RGB"), dice, scale=dice.uniform(0.3, 0.42), quality=dice.randrange(12, 22)
    )


def _several(printed: Sequence[faces.Printed], dice: random.Random) -> Image.Image:
    """Two cards, one above the other, in one photo."""
    both = Image.new("RGBA", (faces.SIZE[0] + 80, 2 * faces.SIZE[1] + 40), (0, 0, 0, 0))
    for place, one in enumerate(printed):
        both.paste(faces.card(one, dice), (dice.randrange(0, 80), place * (faces.SIZE[1] + 40)))
    shot = Shot(angle=dice.uniform(-6, 6), scene={"blur": dice.uniform(1.6, 2.8), "shadow": dice.uniform(0.3, 0.9)})
    return _photographed(both, shot, dice)


SEVERAL = "several"
CONDITIONS: Mapping[str, Drawn] = {
    "ordinary": _ordinary,
    **{name: _hard(name) for name in FAULTS},
    "receipt": _receipt,
    "screenshot": _page(pages.screenshot),
    "mail": _page(pages.mail),
    SEVERAL: _several,
}
