"""What our reader adds to the bare engine: whole readings of the sample photos ÷ the engine's call on the same pictures.

Both see the same decoded, reduced picture; ours includes decoding, barcodes, parsing, and every further look.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.result import Result
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
    """A-B-A-B over all photos; the value is the sum of each photo's median time, ours ÷ the engine's."""
    engine = PaddleEngine(Settings().ocr_models_dir)
    reader = PhotoReader(engine, catalogue(), engine.name)
    photos = {path.name: path.read_bytes() for path in sorted(PHOTOS.glob("*.jpg"))[:: ONE_IN_SHORT if short else 1]}
    per_photo = {name: _side_by_side(reader, engine, photo, short) for name, photo in photos.items()}
    ours = sum(times[0] for times in per_photo.values())
    bare = sum(times[1] for times in per_photo.values())
    details = {
        "photos": len(photos),
        "ours_ms": round(ours * 1000),
        "engine_ms": round(bare * 1000),
        "ratio_per_photo": {name: round(times[0] / times[1], 3) for name, times in per_photo.items()},
    }
    return [Result("ocr_overhead", ours / bare, f"<= {GOAL}", ours / bare <= GOAL, details)]


def _side_by_side(reader: PhotoReader, engine: PaddleEngine, photo: bytes, short: bool) -> tuple[float, float]:
    """Median seconds of a whole reading and of the engine alone; one uncounted call of the engine first."""
    picture = first_look(opened(photo)).picture
    engine.raw(picture)
    rounds = range(ROUNDS_SHORT if short else ROUNDS)
    pairs = [(_seconds(lambda: reader.read(photo, None)), _seconds(lambda: engine.raw(picture))) for _ in rounds]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def _seconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
