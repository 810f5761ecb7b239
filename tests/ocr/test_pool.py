"""Readers in processes of their own: they read in parallel, and a failure of one affects no other."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from activities.reading import wanted
from bootstrap.card_reader import pool_of
from bootstrap.settings import PROJECT_ROOT, Settings
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from ocr.pool import ReaderDied, ReaderPool
from ocr.reader import UNWANTED, ReadingStopped
from tests.ocr.pool_readers import built, not_built

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def pool() -> Iterator[ReaderPool]:
    made = ReaderPool(built, 2)
    yield made
    made.end()


def pid(pool: ReaderPool, photo: bytes = b"") -> str:
    return pool.read(photo, None)[0].reader.split()[0]


def until_whole(pool: ReaderPool) -> None:
    ends = time.monotonic() + 30
    while len(pool.pids()) < 2:
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_as_many_photos_are_read_at_once_as_there_are_processes(pool: ReaderPool) -> None:
    assert len(set(pool.pids())) == 2
    with ThreadPoolExecutor(2) as threads:
        assert len(set(threads.map(lambda _: pid(pool, b"slow"), range(2)))) == 2
    assert pool.read(b"", "jd")[0].reader.split()[1] == "jd"


def test_a_photo_that_ends_its_process_is_an_error_and_another_process_takes_its_place(pool: ReaderPool) -> None:
    before = set(pool.pids())
    with pytest.raises(ReaderDied):
        pool.read(b"die", None)
    assert len(pool.pids()) == 2
    assert {pid(pool), pid(pool)} - {str(one) for one in before}


def test_an_error_of_the_reader_is_raised_and_costs_no_process(pool: ReaderPool) -> None:
    before = set(pool.pids())
    with pytest.raises(OSError, match="cut off"):
        pool.read(b"broken", None)
    assert set(pool.pids()) == before


async def test_a_cancelled_activity_stops_its_reading_at_once_and_the_next_photo_is_read(pool: ReaderPool) -> None:
    before = set(pool.pids())
    reading = asyncio.ensure_future(wanted(pool.read, b"hang", None))
    await asyncio.sleep(0.3)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await asyncio.to_thread(until_whole, pool)
    assert len(set(pool.pids()) & before) == 1
    assert await asyncio.to_thread(pid, pool)


def test_a_reading_that_is_unwanted_comes_to_nothing(pool: ReaderPool) -> None:
    unwanted = threading.Event()
    unwanted.set()
    kept = UNWANTED.set(unwanted)
    try:
        with pytest.raises(ReadingStopped):
            pool.read(b"hang", None)
    finally:
        UNWANTED.reset(kept)


def test_processes_decide_by_the_policies_that_were_published_last(pool: ReaderPool) -> None:
    assert pool.read(b"", None)[0].reader.endswith("[]")
    try:
        BOOK.fill("pooled", [PolicyDocument("pooled", 1, "pooled-1", date(2026, 1, 1), {})])
        assert [pool.read(b"", None)[0].reader.split(" ", 2)[2] for _ in range(2)] == ["['pooled']"] * 2
    finally:
        BOOK.fill("pooled", [])


def test_an_engine_that_cannot_be_loaded_is_named_at_the_start() -> None:
    with pytest.raises(RuntimeError, match="FileNotFoundError: no weights"):
        ReaderPool(not_built, 1)


def test_what_every_process_loads_is_imported_once(tmp_path: Path) -> None:
    makes = """
from ocr.pool import ReaderPool
from tests.ocr.pool_readers import built_with_what_is_loaded
pool = ReaderPool(built_with_what_is_loaded, 2, ["tests.ocr.loaded_once"])
print(*pool.pids(), sep="\\n")
pool.end()
"""
    file = tmp_path / "loaded"
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "LOADED": str(file)}
    ran = subprocess.run([sys.executable, "-c", makes], env=environment, capture_output=True, text=True, check=True)
    [loaded_by] = file.read_text().split()
    assert loaded_by not in ran.stdout.split()
    assert len(set(ran.stdout.split())) == 2


@pytest.mark.parametrize(
    ("cores", "asked", "processes", "threads"),
    [(1, None, 1, 1), (2, None, 2, 1), (4, None, 4, 1), (16, None, 8, 2), (2, 1, 1, 2)],
)
def test_each_processor_has_a_reader_until_memory_counts_more(
    monkeypatch: pytest.MonkeyPatch, cores: int, asked: int | None, processes: int, threads: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    assert pool_of(Settings(readings_at_once=asked)) == (processes, threads)


def test_what_the_engine_says_in_a_process_of_the_pool_is_a_line_of_json() -> None:
    says = """
import logging
from bootstrap.card_reader import pooled_reader
from bootstrap.settings import Settings
pooled_reader(Settings(log_format="json"), 1)
logging.getLogger("paddlex").info("Creating model")
logging.getLogger("paddlex").warning("slow")
"""
    ran = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True)
    [line] = [json.loads(one) for one in ran.stdout.splitlines()]
    assert (line["event"], line["logger"], line["level"]) == ("slow", "paddlex", "warning")
    assert line["process"] == "worker-reading"
    assert "Creating" not in ran.stderr
