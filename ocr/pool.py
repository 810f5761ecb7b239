"""Several readers at once, each in a process of its own: a photo that ends its process, or is no longer wanted, ends nothing else."""

from __future__ import annotations

import math
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from domain.cards.reading import Reading
from domain.policies.book import BOOK
from ocr.reader import UNWANTED, CardReader, ReadingStopped, WarmsUp

LOOK_S = 0.1  # Between two looks at whether the reading is still wanted.
START_S_MAX = 120.0
# A server that has run nothing but imports is forked for each process. This one has threads, so it cannot be.
_FORKS = multiprocessing.get_context("forkserver")
Build = Callable[[], CardReader]


class NoEngine(RuntimeError):
    """A process could not load its engine."""


class ReaderDied(RuntimeError):
    """The process ended over a photo; another takes its place."""


@dataclass(frozen=True)
class _Asked:
    """One photo; `policies` are the published documents where they changed since the process was asked last."""

    photo: bytes
    brand_hint: str | None
    policies: Any


class ReaderPool:
    """A `CardReader` of `size` processes. A call waits until one of them is free; the pool restarts what dies."""

    def __init__(self, build: Build, size: int, loads: Sequence[str] = ()) -> None:
        """Start the processes and wait until one has loaded its engine; the others load while it reads.

        `build` is made into bytes: a plain function or a partial.

        `loads` names modules that are imported once, by the process from which those of every pool are forked: what
        the first pool of this process names counts. Raises NoEngine when the engine cannot be loaded.
        """
        _FORKS.set_forkserver_preload(list(loads))
        self._build = build
        self._free: SimpleQueue[_Process] = SimpleQueue()
        first = _Process(build)
        first.wait_until_warm()
        self._free.put(first)
        for _ in range(size - 1):
            self._free.put(_Process(build))

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:
        """See `CardReader.read`. Raises ReadingStopped, ReaderDied, NoEngine, and what the reader itself raises."""
        process = self._free.get()
        try:
            return process.read(photo, brand_hint, UNWANTED.get())
        except (ReadingStopped, ReaderDied, NoEngine):
            process.end()
            # It loads in the background; the next photo does not wait longer than that.
            process = _Process(self._build)
            raise
        finally:
            self._free.put(process)

    def pids(self) -> tuple[int, ...]:
        """Return the process ids of those that read nothing now."""
        free = [self._free.get_nowait() for _ in range(self._free.qsize())]
        for one in free:
            self._free.put(one)
        return tuple(one.pid for one in free)

    def end(self) -> None:
        """End the processes that read nothing now."""
        while not self._free.empty():
            self._free.get_nowait().end()


class _Process:
    def __init__(self, build: Build) -> None:
        own, theirs = _FORKS.Pipe()
        self._pipe: Connection = own
        self._policies: Any = None
        self._is_warm = False
        self._process = _FORKS.Process(target=_serve, args=(theirs, build), daemon=True, name="card-reader")
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def wait_until_warm(self, unwanted: threading.Event | None = None) -> None:
        """Wait for the engine. Raises NoEngine with what it said instead, and ReadingStopped."""
        if self._is_warm:
            return
        try:
            said = self._said(unwanted, START_S_MAX)
        except (EOFError, OSError):
            said = "the process of the engine ended, or took too long to load"
        if said is not None:
            self.end()
            raise NoEngine(f"no engine: {said}")
        self._is_warm = True

    def read(self, photo: bytes, brand_hint: str | None, unwanted: threading.Event | None) -> tuple[Reading, ...]:
        try:
            self.wait_until_warm(unwanted)
            self._pipe.send(_Asked(photo, brand_hint, self._changed_policies()))
            answer = self._said(unwanted)
        except (EOFError, OSError):
            raise ReaderDied("the process of the reader ended over a photo") from None
        if isinstance(answer, Exception):
            raise answer
        found: tuple[Reading, ...] = answer
        return found

    def end(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()

    def _said(self, unwanted: threading.Event | None, seconds_max: float = math.inf) -> Any:
        """The next message of the process. Raises EOFError when it ended or `seconds_max` are over, and ReadingStopped."""
        ends = time.monotonic() + seconds_max
        while not self._pipe.poll(LOOK_S):
            if unwanted is not None and unwanted.is_set():
                raise ReadingStopped
            if time.monotonic() > ends:
                raise EOFError
        return self._pipe.recv()

    def _changed_policies(self) -> Any:
        known = BOOK.published()
        if known is self._policies:
            return None
        self._policies = known
        return known


def _serve(pipe: Connection, build: Build) -> None:
    """The process: it loads its reader, then reads one photo after the other until its pipe ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The pipe ends with the parent.
    try:
        reader = build()
    except Exception as wrong:  # noqa: BLE001  # Said to the parent, which ends with it.
        pipe.send(f"{type(wrong).__name__}: {wrong}")
        return
    pipe.send(None)
    if isinstance(reader, WarmsUp):
        reader.warm_up()  # In the background.
    while True:
        try:
            asked: _Asked = pipe.recv()
        except (EOFError, OSError):
            return
        for kind, documents in (asked.policies or {}).items():
            BOOK.fill(kind, documents)
        pipe.send(_answer(reader, asked))


def _answer(reader: CardReader, asked: _Asked) -> tuple[Reading, ...] | Exception:
    try:
        return reader.read(asked.photo, asked.brand_hint)
    except Exception as wrong:  # noqa: BLE001  # Raised again by the parent, where the step reports it.
        return wrong
