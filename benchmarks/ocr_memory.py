"""Resident memory of an engine process after many photos ÷ after 20.

The photos are pieces of the samples, each of a shape of its own: an engine that keeps something for each shape it has seen grows
with them, and they are quick to read.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from functools import partial
from itertools import cycle, islice
from pathlib import Path

import psutil
from PIL import Image

from benchmarks.result import Result
from bootstrap.card_reader import card_reader
from bootstrap.settings import Settings
from ocr.engine import THREADS
from ocr.pool import ReaderPool

PHOTOS = Path(__file__).parents[1] / "samples" / "photos"
GOAL = 1.1
FIRST, LAST, LAST_SHORT = 20, 2000, 200
WIDTHS, HEIGHTS = (200, 360), (90, 150)
KEPT_EVERY = 100


def measure(short: bool) -> list[Result]:
    """Read the photos in one process and ask the system for its memory."""
    pool = ReaderPool(partial(card_reader, Settings(), THREADS), 1)
    (pid,) = pool.pids()
    last = LAST_SHORT if short else LAST
    resident: dict[int, int] = {}
    for number, photo in enumerate(islice(_photos(), last), 1):
        pool.read(photo, None)
        if number == FIRST or number % KEPT_EVERY == 0:
            resident[number] = round(psutil.Process(pid).memory_info().rss / 2**20)
    pool.end()
    ratio = resident[last] / resident[FIRST]
    return [Result("ocr_memory", ratio, f"<= {GOAL}", ratio <= GOAL, {"photos": last, "resident_mb": resident})]


def _photos() -> Iterator[bytes]:
    chance, pictures = random.Random(1), [Image.open(path).convert("RGB") for path in sorted(PHOTOS.glob("*.jpg"))]
    for picture in cycle(pictures):
        width, height = chance.randrange(*WIDTHS), chance.randrange(*HEIGHTS)
        left, upper = chance.randrange(picture.width - width), chance.randrange(picture.height - height)
        raw = io.BytesIO()
        picture.crop((left, upper, left + width, upper + height)).save(raw, "JPEG", quality=90)
        yield raw.getvalue()
