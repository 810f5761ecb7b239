"""What an engine saw is asked once and comes back the same; its calls are counted with the seconds they took."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy
from PIL import Image

from domain.cards.reading import Box
from ocr.lines import Line
from photo_set.engines import BareLines
from photo_set.kept import KeptEngine, KeptTexts
from tests.ocr.lattices import lattice_of, shown

PICTURE, OTHER = Image.new("RGB", (60, 40), "white"), Image.new("RGB", (60, 40), "black")
CORNERS = ((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0))
PRINTED = Line("卡号 8100", 0.93, Box(1, 2, 30, 10), CORNERS, lattice_of(*shown("8100")), (0, 1, 2, 4, 6, 7, 8))
BLANK = Line("", 0.0, Box(0, 0, 60, 40))


class Counting:
    """An engine that says how often it was asked."""

    name = "counting 1"

    def __init__(self) -> None:
        self.asked = 0

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        self.asked += 1
        return [PRINTED] if picture.width else []

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        self.asked += len(strips)
        return [BLANK for _ in strips]


def test_picture_is_shown_to_the_engine_once(tmp_path: Path) -> None:
    engine = Counting()
    first = KeptEngine(engine, tmp_path).lines_in(PICTURE)
    (again,) = KeptEngine(engine, tmp_path).lines_in(PICTURE)
    assert engine.asked == 1
    assert first == [again] == [PRINTED]
    assert again.frames == PRINTED.frames
    assert again.lattice is not None
    assert PRINTED.lattice is not None
    assert numpy.array_equal(again.lattice.frames, PRINTED.lattice.frames)


def test_only_strips_not_seen_before_are_recognised(tmp_path: Path) -> None:
    engine = Counting()
    kept = KeptEngine(engine, tmp_path)
    kept.recognised([PICTURE])
    assert kept.recognised([OTHER, PICTURE, OTHER]) == [BLANK] * 3
    assert engine.asked == 2
    assert kept.spent.calls == {"strips": 4}


def test_another_engine_sees_for_itself(tmp_path: Path) -> None:
    engine, other = Counting(), Counting()
    other.name = "counting 2"
    KeptTexts(BareLines(engine), tmp_path).texts_in(PICTURE)
    assert KeptTexts(BareLines(other), tmp_path).texts_in(PICTURE) == ["卡号 8100"]
    assert other.asked == 1


def test_without_a_folder_calls_are_only_timed() -> None:
    engine = Counting()
    timed = KeptEngine(engine, None)
    timed.lines_in(PICTURE)
    timed.lines_in(PICTURE)
    assert engine.asked == 2
    assert timed.spent.calls == {"lines": 2}
