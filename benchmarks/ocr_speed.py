"""Photos a second of our pool ÷ one process with the bare engine, on the same photos, one after the other.

The bare engine has the same weights and as many threads as it is quickest with; it is given decoded, reduced pictures, while ours
also decodes, reads barcodes, understands, and looks again where it must.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from benchmarks.result import Result
from bootstrap.card_reader import card_reader, load_engine, pool_of
from bootstrap.settings import Settings
from domain.cards.reading import Reading
from ocr.pool import ReaderPool
from ocr.preprocess import first_look, opened

PHOTOS = Path(__file__).parents[1] / "samples" / "photos"
GOAL = 1.5
ROUNDS, ROUNDS_SHORT = 5, 1
PHOTOS_SHORT = 6
LAYOUTS = ((1, 1), (1, 2), (2, 1), (2, 2))  # Processes × threads of each.


class BareReader:
    """The engine alone behind the pool's protocol, so that it runs in a process like ours."""

    def __init__(self, settings: Settings, threads: int) -> None:
        """Load the engine."""
        self._engine = load_engine(settings, threads)

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:  # noqa: ARG002  # As the pool asks.
        """Find the lines and say nothing of them."""
        self._engine.lines_in(first_look(opened(photo)).picture)
        return ()


def measure(short: bool) -> list[Result]:
    """Take turns between all layouts, so that a busy machine is busy for each; photos a second over all rounds."""
    settings = Settings()
    photos = [path.read_bytes() for path in sorted(PHOTOS.glob("*.jpg"))][: PHOTOS_SHORT if short else None]
    processes, threads = pool_of(settings)
    layouts = ((processes, threads),) if short else tuple(dict.fromkeys(((processes, threads), *LAYOUTS)))
    pools = {f"ours {p}×{t}": (ReaderPool(partial(card_reader, settings, t), p), p) for p, t in layouts}
    pools |= {f"bare 1×{t}": (ReaderPool(partial(BareReader, settings, t), 1), 1) for t in (1, 2)}
    seconds = dict.fromkeys(pools, 0.0)
    for name in [*pools] * (ROUNDS_SHORT if short else ROUNDS):
        seconds[name] += _seconds(*pools[name], photos)
    for pool, _ in pools.values():
        pool.end()
    read = len(photos) * (ROUNDS_SHORT if short else ROUNDS)
    per_second = {name: round(read / took, 3) for name, took in seconds.items()}
    bare = max(per_second["bare 1×1"], per_second["bare 1×2"])
    ratio = per_second[f"ours {processes}×{threads}"] / bare
    details = {"photos": read, "photos_per_second": per_second, "pool": f"{processes}×{threads}"}
    return [Result("ocr_speed", ratio, f">= {GOAL}", ratio >= GOAL, details)]


def _seconds(pool: ReaderPool, at_once: int, photos: Sequence[bytes]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(_read(pool), photos))
    return time.perf_counter() - began


def _read(pool: ReaderPool) -> Callable[[bytes], object]:
    return lambda photo: pool.read(photo, None)
