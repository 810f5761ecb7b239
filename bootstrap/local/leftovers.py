"""Stop the children of a killed supervisor at the next start; they keep running without it until then."""

import json
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

from bootstrap.words import say

_STOP_SECONDS_MAX = 15.0


class Leftovers:
    """A JSON file of the running children: name → process id, time of its start (s), signal that stops it."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def remember(self, name: str, pid: int, stop_signal: signal.Signals) -> None:
        """Note a child that was just started; the start time tells it from a later process of the same id."""
        with suppress(psutil.NoSuchProcess):
            started = psutil.Process(pid).create_time()
            self._write({**self._read(), name: {"pid": pid, "started": started, "signal": int(stop_signal)}})

    def forget(self, name: str) -> None:
        """Strike out a child that was stopped."""
        self._write({key: value for key, value in self._read().items() if key != name})

    def stop_all(self, tell: Callable[[str], None]) -> None:
        """Stop every child of the file that still runs, the last started first, then empty the file."""
        for name, entry in sorted(self._read().items(), key=lambda item: -item[1]["started"]):
            if process := _same_process(entry):
                tell(say(f"正在停止上次遗留的 {name}", f"Stopping {name}, left over from a start that was killed"))
                _stop(process, int(entry["signal"]))
        self._write({})

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            found: dict[str, dict[str, float]] = json.loads(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return {}  # No file yet, or one cut short by a power failure, after which no child runs either.
        return found

    def _write(self, entries: dict[str, dict[str, float]]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(entries))


def _same_process(entry: dict[str, float]) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(entry["pid"]))
        if abs(process.create_time() - entry["started"]) < 1.0 and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _stop(process: psutil.Process, stop_signal: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(stop_signal)
        _, alive = psutil.wait_procs([process], timeout=_STOP_SECONDS_MAX)
        for survivor in alive:
            survivor.kill()
