"""Seconds of a second `make up`: from the command to the line that says everything is running, set-up's checks included.

The first start of the same state folder, which makes databases, keys and the demo's data, is not counted; it runs until the demo's
first tickets and cards have been worked on, so that no later start finds work left over. Beside other work the seconds say
little; the processor time of all processes, in the details, says what a start costs.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import psutil

from benchmarks.result import Result
from benchmarks.town import environment
from bootstrap.settings import PROJECT_ROOT

GOAL_S = 15.0
WORKS_S = 20.0
STARTS, STARTS_SHORT = 3, 1
READY_LINE = "Ctrl-C stops everything"
READY_SECONDS_MAX, STOP_SECONDS_MAX = 180.0, 90.0


def measure(short: bool) -> list[Result]:
    """The median over a few starts after the first."""
    with _home() as home:
        given = {**os.environ, **environment(home), "LC_ALL": "C.UTF-8"}
        first = _start(given, home / "up.log", WORKS_S)
        seconds = [_start(given, home / "up.log") for _ in range(STARTS_SHORT if short else STARTS)]
    value = median(one[0] for one in seconds)
    details = {"first_s": round(first[0], 1), "starts_s": [round(one[0], 1) for one in seconds]}
    details["cpu_s"] = [round(one[1], 1) for one in seconds]
    return [Result("start", value, f"<= {GOAL_S:g} s", value <= GOAL_S, details)]


def _start(environment: dict[str, str], log: Path, works_s: float = 0.0) -> tuple[float, float]:
    """Seconds until everything runs, and the processor seconds of all its processes until then; it ends `works_s` later."""
    before, began = _processor_s(), time.monotonic()
    subprocess.run(
        ["sh", "bootstrap/setup/start.sh"], cwd=PROJECT_ROOT, env=environment, check=True, capture_output=True
    )
    for_up = [sys.executable, "-m", "cli", "setup"]
    subprocess.run(for_up, cwd=PROJECT_ROOT, env=environment, check=True, capture_output=True)
    with log.open("wb") as sink:
        up = subprocess.Popen(
            [sys.executable, "-m", "cli", "up"], cwd=PROJECT_ROOT, env=environment, stdout=sink, stderr=sink
        )
    try:
        _await_line(up, log)
        seconds = time.monotonic() - began
        used = _processor_s() - before + _family_s(up.pid)
        time.sleep(works_s)
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(STOP_SECONDS_MAX)
    return seconds, used


def _await_line(up: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while READY_LINE not in (said := log.read_text(errors="replace")):
        if up.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the platform did not start: {said[-800:]}")
        time.sleep(0.05)


def _processor_s() -> float:
    """User and system time of all children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _family_s(pid: int) -> float:
    """User and system time of a process, its children and theirs, those included that have ended."""
    used = 0.0
    for one in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            used += sum(one.cpu_times()[:4])  # Its own and its children's, by user and by system.
    return used


@contextmanager
def _home() -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="cardloop-start-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
