"""The supervisor keeps programs up, says so when one dies, stops them in order, and clears up after a killed one."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from bootstrap.local.leftovers import Leftovers
from bootstrap.local.supervisor import Backoff, Program, Supervisor, python
from bootstrap.words import Problem
from tests.slowness import patience

_QUICK = Backoff(first_s=0.05, most_s=0.2)


async def _always() -> bool:
    return True


async def _never() -> bool:
    return False


def _sleeper(name: str, marks: Path, refuses_to_go: bool = False) -> Program:
    """A program that writes its name when it is asked to end; ``refuses_to_go`` ignores the asking."""
    code = (
        "import signal, sys, time\n"
        f"def end(*_):\n  open({str(marks)!r}, 'a').write('{name} ')\n  {'' if refuses_to_go else 'sys.exit(0)'}\n"
        f"signal.signal(signal.SIGTERM, end)\nopen({str(marks.with_name(name))!r}, 'w').close()\n"
        "while True: time.sleep(0.05)"
    )

    async def started() -> bool:
        return marks.with_name(name).exists()

    return Program(name, python("-c", code), started, cwd=marks.parent, stop_seconds_max=1.0, ready_seconds_max=20)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(patience(20)):
        while not condition():  # noqa: ASYNC110  # Another process's life is not an event of this loop.
            await asyncio.sleep(0.02)


async def test_groups_stop_in_the_reverse_order_of_their_start(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda line: None, _QUICK)
    marks = tmp_path / "marks"
    for name in ("database", "workers", "web"):
        await supervisor.start(_sleeper(name, marks))
    await supervisor.stop()
    assert marks.read_text().split() == ["web", "workers", "database"]


async def test_a_group_that_was_started_before_what_it_needs_stops_before_it(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda line: None, _QUICK)
    marks = tmp_path / "marks"
    reader = await supervisor.start(_sleeper("reader", marks))
    await supervisor.start(_sleeper("temporal", marks))
    supervisor.stop_before_others(reader)
    supervisor.stop_before_others([])
    await supervisor.start(_sleeper("web", marks))
    await supervisor.stop()
    assert marks.read_text().split() == ["web", "reader", "temporal"]


async def test_killed_child_is_restarted_and_reported(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(tmp_path, said.append, _QUICK)
    (child,) = await supervisor.start(_sleeper("api", tmp_path / "marks"))
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await _until(lambda: child.pid != first and child.restarts == 1)
    await supervisor.stop()
    assert any("api" in line and "-9" in line and "api.log" in line for line in said)


async def test_a_child_that_will_not_go_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda line: None, _QUICK)
    (child,) = await supervisor.start(_sleeper("stubborn", tmp_path / "marks", refuses_to_go=True))
    await supervisor.stop()
    assert child.pid is not None
    assert not psutil.pid_exists(child.pid)


async def test_a_program_that_cannot_start_is_one_sentence_with_its_logs_last_line(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda line: None, _QUICK)
    program = Program("api", python("-c", "raise SystemExit('no such table: cards')"), _never, cwd=tmp_path)
    with pytest.raises(Problem, match="no such table: cards"):
        await supervisor.start(program)
    await supervisor.stop()


async def test_a_program_that_is_not_installed_is_a_problem(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda line: None)
    with pytest.raises(Problem, match="make setup"):
        await supervisor.launch(Program("temporal", [str(tmp_path / "absent")], _always))
    await supervisor.stop()


def test_waits_between_restarts_double_up_to_a_limit_and_are_forgotten_after_steady_running() -> None:
    backoff = Backoff(first_s=1, most_s=5, steady_s=60)
    waits = [0.0]
    for _ in range(4):
        waits.append(backoff.next(waits[-1], ran_s=0.1))
    assert waits[1:] == [1, 2, 4, 5]
    assert backoff.next(5, ran_s=61) == 1


def test_what_a_killed_supervisor_left_is_stopped_and_a_stranger_with_its_number_is_not(tmp_path: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    leftovers = Leftovers(tmp_path / "children.json")
    leftovers.remember("api", left.pid, signal.SIGTERM)
    file = tmp_path / "children.json"
    ours = psutil.Process().create_time()
    file.write_text(
        file.read_text()[:-1] + f', "other": {{"pid": {os.getpid()}, "started": {ours - 60}, "signal": 9}}}}'
    )
    leftovers.stop_all(lambda line: None)
    assert not psutil.pid_exists(left.pid)
    left.wait()  # psutil has reaped it; Popen is told so.
    assert file.read_text() == "{}"


async def test_a_held_program_is_not_started_again_before_it_is_released(tmp_path: Path) -> None:
    said: list[str] = []
    held = False

    async def is_held() -> bool:
        return held

    supervisor = Supervisor(tmp_path, said.append, _QUICK)
    (child,) = await supervisor.start(replace(_sleeper("worker", tmp_path / "marks"), held=is_held))
    first = child.pid
    assert first is not None
    held = True
    os.kill(first, signal.SIGTERM)
    await _until(lambda: child.holding and child.pid is None)
    await child.wait_ready()  # Nobody waits for what a person has drained.
    held = False
    await _until(lambda: child.pid not in (None, first) and not child.holding)
    await supervisor.stop()
    assert child.restarts == 0
    assert any("worker" in line and "drained" in line for line in said)


async def test_a_program_that_is_held_from_the_start_is_stopped_like_any_other(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda line: None, _QUICK)
    (child,) = await supervisor.start(replace(_sleeper("worker", tmp_path / "marks"), held=_always))
    assert child.pid is None
    await supervisor.stop()
