"""What each benchmark needs is there before hours are spent on measuring: its place in the list, its programs, its ports."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

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
