"""Resident memory of an engine process after many photos ÷ after 20, with photos of ever other sizes: the hardest case for what an engine keeps."""

from __future__ import annotations

import io
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
SIDES = range(240, 640, 16)  # Of the longer side; small ones are quick, and each has a shape of its own.
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


def _photos() -> cycle[bytes]:
    pictures = [Image.open(path).convert("RGB") for path in sorted(PHOTOS.glob("*.jpg"))]
    return cycle([_at(picture, side) for side in SIDES for picture in pictures])


def _at(picture: Image.Image, side: int) -> bytes:
    small, raw = picture.copy(), io.BytesIO()
    small.thumbnail((side, side))
    small.save(raw, "JPEG", quality=90)
    return raw.getvalue()
