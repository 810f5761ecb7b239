"""Whole readings of the sample photos ÷ the bare engine's call on the same pictures: PaddleOCR as it comes.

Both see the same decoded, reduced picture; ours includes decoding, barcodes, parsing, and every further look. `of_own_call` in the
details is the same over the call that our reader itself makes, which looks for lines in a smaller picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.result import Result
from bootstrap.card_reader import bare_engine, reader_over
from bootstrap.settings import Settings
from domain.rules.brands import catalogue
from ocr.engine import PaddleEngine
from ocr.photo_reader import PhotoReader
from ocr.preprocess import first_look, opened

PHOTOS = Path(__file__).parents[1] / "samples" / "photos"
GOAL = 1.25
ROUNDS, ROUNDS_SHORT = 5, 1
ONE_IN_SHORT = 5  # A whole reading takes seconds: the short form looks at one photo in so many.


def measure(short: bool) -> list[Result]:
    """A-B-C-A-B-C over all photos; the value is the sum of each photo's median time, ours ÷ the bare engine's."""
    engine, bare_call = PaddleEngine(Settings().ocr_models_dir), bare_engine(Settings())
    reader = reader_over(engine, catalogue(), Settings())
    photos = {path.name: path.read_bytes() for path in sorted(PHOTOS.glob("*.jpg"))[:: ONE_IN_SHORT if short else 1]}
    per_photo = {name: _side_by_side(reader, bare_call, engine, photo, short) for name, photo in photos.items()}
    ours = sum(times[0] for times in per_photo.values())
    bare = sum(times[1] for times in per_photo.values())
    details = {
        "photos": len(photos),
        "ours_ms": round(ours * 1000),
        "engine_ms": round(bare * 1000),
        "of_own_call": round(ours / sum(times[2] for times in per_photo.values()), 3),
        "ratio_per_photo": {name: round(times[0] / times[1], 3) for name, times in per_photo.items()},
    }
    return [Result("ocr_overhead", ours / bare, f"<= {GOAL}", ours / bare <= GOAL, details)]


def _side_by_side(
    reader: PhotoReader, bare: PaddleEngine, own: PaddleEngine, photo: bytes, short: bool
) -> tuple[float, float, float]:
    """Median seconds of a whole reading, of the bare engine and of our own call; one uncounted call of each engine first."""
    picture = first_look(opened(photo)).picture
    calls: tuple[Callable[[], object], ...] = (
        lambda: reader.read(photo, None), lambda: bare.raw(picture), lambda: own.raw(picture)
    )  # fmt: skip
    for call in calls[1:]:
        call()
    rounds = [[_seconds(call) for call in calls] for _ in range(ROUNDS_SHORT if short else ROUNDS)]
    ours, theirs, owns = (median(times) for times in zip(*rounds, strict=True))
    return ours, theirs, owns


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
