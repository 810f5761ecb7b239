"""What an engine saw is asked once and comes back the same; its calls are counted with the seconds they took."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy
import pytest
from PIL import Image

from domain.cards.reading import Box
from ocr.lines import Line
from photo_set.engines import BareLines
from photo_set.kept import FIRST_MADE_BY, KeptEngine, KeptTexts, made_by, place_of
from tests.ocr.lattices import lattice_of, shown

PICTURE, OTHER = Image.new("RGB", (60, 40), "white"), Image.new("RGB", (60, 40), "black")
CORNERS = ((1.0, 2.0), (31.0, 2.0), (31.0, 12.0), (1.0, 12.0))
PRINTED = Line("卡号 8100", 0.93, Box(1, 2, 30, 10), CORNERS, lattice_of(*shown("8100")), (0, 1, 2, 4, 6, 7, 8))
BLANK = Line("", 0.0, Box(0, 0, 60, 40))


class Counting:
    """An engine that says how often it was asked."""

    name = "counting 1"

    def __init__(self, delay: float = 0.0) -> None:
        self.asked, self.delay = 0, delay

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        self.asked += 1
        time.sleep(self.delay)
        return [PRINTED] if picture.width else []

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        self.asked += len(strips)
        return [BLANK for _ in strips]


def bare(engine: Counting) -> BareLines:
    return BareLines(KeptEngine(engine, None))


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
    KeptTexts(bare(engine), tmp_path).texts_in(PICTURE)
    assert KeptTexts(bare(other), tmp_path).texts_in(PICTURE) == ["卡号 8100"]
    assert other.asked == 1


@pytest.mark.parametrize("by", ["decoder 2, paddlex 3.7.2, onnxruntime 1.32.0", "decoder 1, paddlex 4, onnxruntime 1"])
def test_what_another_decoder_or_library_made_is_asked_again(tmp_path: Path, by: str) -> None:
    engine = Counting()
    for _ in range(2):
        KeptEngine(engine, tmp_path, FIRST_MADE_BY).lines_in(PICTURE)
        KeptEngine(engine, tmp_path, by).lines_in(PICTURE)
        KeptTexts(bare(engine), tmp_path, FIRST_MADE_BY).texts_in(OTHER)
        KeptTexts(bare(engine), tmp_path, by).texts_in(OTHER)
    assert engine.asked == 4


def test_readings_that_were_kept_before_their_key_named_versions_stay_valid(tmp_path: Path) -> None:
    digest = hashlib.sha256(f"lines\ncounting 1\n{PICTURE.size}\n".encode() + PICTURE.tobytes()).hexdigest()
    assert place_of(tmp_path, "lines", "counting 1", FIRST_MADE_BY, PICTURE) == tmp_path / digest[:2] / digest
    assert made_by() == FIRST_MADE_BY, (
        "With other versions kept readings are asked again, which takes hours: is that meant?"
    )


def test_kept_calls_count_with_the_seconds_of_the_first_and_are_known_to_be_spared(tmp_path: Path) -> None:
    first, again = KeptEngine(Counting(delay=0.05), tmp_path), KeptEngine(Counting(), tmp_path)
    first.lines_in(PICTURE)
    again.lines_in(PICTURE)
    assert again.spent.seconds == first.spent.seconds
    assert again.spent.whole >= 0.05 > again.spent.waited
    assert again.spent.kept == pytest.approx(again.spent.whole - again.spent.waited)
    assert first.spent.waited >= first.spent.whole


def test_texts_keep_their_seconds_and_the_oldest_have_none(tmp_path: Path) -> None:
    KeptTexts(bare(Counting(delay=0.05)), tmp_path).texts_in(PICTURE)
    known, oldest = KeptTexts(bare(Counting()), tmp_path), KeptTexts(bare(Counting()), tmp_path)
    assert known.texts_in(PICTURE) == ["卡号 8100"]
    assert known.spent.each is not None
    assert known.spent.each >= 0.05
    (path,) = tmp_path.rglob("*.json")
    path.write_text(json.dumps(["卡号 8100"]), encoding="utf-8")
    assert oldest.texts_in(PICTURE) == ["卡号 8100"]
    assert oldest.spent.each is None


def test_without_a_folder_calls_are_only_timed() -> None:
    engine = Counting()
    timed = KeptEngine(engine, None)
    timed.lines_in(PICTURE)
    timed.lines_in(PICTURE)
    assert engine.asked == 2
    assert timed.spent.calls == {"lines": 2}
