"""Photos a second of our pool ÷ one process with the bare engine, on the same photos, one after the other.

The bare engine is PaddleOCR as it comes, with the same weights and as many threads as it is quickest with; it is given decoded,
reduced pictures and looks once, while ours also decodes, reads barcodes and understands. Photos at which our reader looks more than
once would compare two looks with one: they are left out of the figure, and counted in the details. The long form also reads all of
them, as `all_photos` in the details.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.result import Result
from bootstrap.card_reader import bare_engine, card_reader, pool_of
from bootstrap.settings import Settings
from domain.cards.reading import Reading
from ocr.pool import ReaderPool
from ocr.preprocess import first_look, opened

PHOTOS = Path(__file__).parents[1] / "samples" / "photos"
GOAL = 1.5
ROUNDS, ROUNDS_SHORT = 5, 2
PHOTOS_SHORT = 6
LAYOUTS = ((1, 1), (1, 2), (2, 1), (2, 2))  # Processes × threads of each.


class BareReader:
    """The bare engine behind the pool's protocol, so that it runs in a process like ours."""

    def __init__(self, settings: Settings, threads: int) -> None:
        """Load the engine."""
        self._engine = bare_engine(settings, threads)

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:  # noqa: ARG002  # As the pool asks.
        """Find the lines and say nothing of them."""
        self._engine.raw(first_look(opened(photo)).picture)
        return ()


def measure(short: bool) -> list[Result]:
    """Take turns between all layouts, so that a busy machine is busy for each; photos a second over all rounds."""
    settings = Settings()
    photos = [path.read_bytes() for path in sorted(PHOTOS.glob("*.jpg"))]
    processes, threads = pool_of(settings)
    layouts = ((processes, threads),) if short else tuple(dict.fromkeys(((processes, threads), *LAYOUTS)))
    pools = {f"ours {p}×{t}": (ReaderPool(partial(card_reader, settings, t), p), p) for p, t in layouts}
    pools |= {f"bare 1×{t}": (ReaderPool(partial(BareReader, settings, t), 1), 1) for t in (1, 2)}
    ours = f"ours {processes}×{threads}"
    once = list(islice(_looked_at_once(pools[ours][0], photos), PHOTOS_SHORT if short else None))
    per_second = _per_second(pools, once, ROUNDS_SHORT if short else ROUNDS)
    whole = {} if short else _per_second(pools, photos, 1)
    for pool, _ in pools.values():
        pool.end()
    ratio = _ratio(per_second, ours)
    optimum = max((name for name in per_second if name.startswith("ours")), key=lambda name: per_second[name])
    details: dict[str, Any] = {
        "photos": len(once), "of": len(photos), "photos_per_second": per_second, "pool": f"{processes}×{threads}",
        "quickest": optimum, "all_photos": whole and {"ratio": round(_ratio(whole, ours), 2), "photos_per_second": whole},
    }  # fmt: skip
    return [Result("ocr_speed", ratio, f">= {GOAL}", ratio >= GOAL, details)]


def _looked_at_once(pool: ReaderPool, photos: Sequence[bytes]) -> Iterator[bytes]:
    """The photos that our reader understands at its first look."""
    return (photo for photo in photos if all(len(one.looks) == 1 for one in pool.read(photo, None)))


def _per_second(pools: dict[str, tuple[ReaderPool, int]], photos: Sequence[bytes], rounds: int) -> dict[str, float]:
    for pool, at_once in pools.values():  # Each engine is warm then.
        _seconds(pool, at_once, [photos[0]] * at_once)
    seconds = dict.fromkeys(pools, 0.0)
    for name in [*pools] * rounds:
        seconds[name] += _seconds(*pools[name], photos)
    return {name: round(len(photos) * rounds / took, 3) for name, took in seconds.items()}


def _ratio(per_second: dict[str, float], ours: str) -> float:
    return per_second[ours] / max(speed for name, speed in per_second.items() if name.startswith("bare"))


def _seconds(pool: ReaderPool, at_once: int, photos: Sequence[bytes]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        list(threads.map(_read(pool), photos))
    return time.perf_counter() - began


def _read(pool: ReaderPool) -> Callable[[bytes], object]:
    return lambda photo: pool.read(photo, None)
