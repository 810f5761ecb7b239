"""What each benchmark needs is there before hours are spent on measuring: its place in the list, its programs, its ports."""

from __future__ import annotations

import importlib
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks.__main__ import NAMES
from benchmarks.town import environment
from bootstrap.platform import outside, ports, webs, workers
from bootstrap.settings import PROJECT_ROOT, Settings
from simulators.__main__ import PROGRAMS as SIMULATORS

FOLDER = PROJECT_ROOT / "benchmarks"
WITH_A_PLATFORM = sorted(path.stem for path in FOLDER.glob("*.py") if "town(PROGRAMS)" in path.read_text())


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings of a benchmark's platform."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_every_benchmark_is_in_the_list() -> None:
    measuring = {
        path.stem for path in FOLDER.glob("*.py") if re.search(r"^def measure\(", path.read_text(), re.MULTILINE)
    }
    assert sorted(measuring) == sorted(NAMES)


def test_no_port_of_a_benchmark_is_that_of_another_platform(settings: Settings, theirs: Settings) -> None:
    taken = [port for _, port in ports(theirs).values()]
    assert len(set(taken)) == len(taken) > len(SIMULATORS)
    assert set(taken) & {port for _, port in ports(settings).values()} == set()


def test_every_simulator_listens_where_a_benchmark_looks_for_it(theirs: Settings) -> None:
    """One process hosts them, on consecutive ports in its own order."""
    looked_for = {name: int(url.rstrip("/").rpartition(":")[2]) for name, url in outside(theirs).items()}
    first = looked_for[SIMULATORS[0].name]
    assert looked_for == {program.name: first + place for place, program in enumerate(SIMULATORS)}


@pytest.mark.parametrize("name", WITH_A_PLATFORM)
def test_a_benchmark_asks_for_programs_that_there_are(theirs: Settings, name: str) -> None:
    known = {program.name for program in (*workers(theirs), *webs(theirs))}
    assert known >= importlib.import_module(f"benchmarks.{name}").PROGRAMS


def test_one_that_fails_leaves_the_others_to_be_measured_and_none_begins_late(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[str] = []

    def measure(name: str, short: bool) -> None:
        measured.append(name)
        if name == "flow":
            raise RuntimeError(f"planted, short: {short}")

    monkeypatch.setattr(benchmarks, "_measure", measure)
    assert benchmarks.main(["flow", "rules"]) == 1
    assert measured == ["flow", "rules"]
    monkeypatch.setenv("CARDLOOP_BENCH_SECONDS", "-1")
    assert benchmarks.main(["rules", "claim"]) == 0
    assert len(measured) == 2
    assert "not measured, for the time was up: rules, claim" in capsys.readouterr().out


STARTS_ANOTHER = """
import asyncio, subprocess, sys
from bootstrap.local.ending import clean_up_on_sigterm
async def measure():
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        print(other.pid, flush=True)
        await asyncio.sleep(60)
    finally:
        other.terminate()
        print(f"ended {other.wait()}", flush=True)
clean_up_on_sigterm()
asyncio.run(measure())
"""


def test_what_a_benchmark_started_is_ended_when_the_benchmark_is_stopped() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS_ANOTHER], stdout=subprocess.PIPE, text=True, cwd=PROJECT_ROOT
    ) as stopped:
        assert stopped.stdout is not None
        started = int(stopped.stdout.readline())
        stopped.send_signal(signal.SIGTERM)
        assert (stopped.stdout.readline().strip(), stopped.wait(30)) == (f"ended {-signal.SIGTERM}", 143)
    assert not psutil.pid_exists(started)
