"""A program that is forked from one that has loaded its modules runs, ends and is restarted as one started directly."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path

import psutil
import pytest

from bootstrap.local.forking import PROGRAMS
from bootstrap.local.supervisor import Backoff, Program, Supervisor, python
from tests.slowness import patience

_QUICK = Backoff(first_s=0.05, most_s=0.2)
_PROGRAM = """
import atexit, json, os, sys, time
umask = os.umask(0)
os.umask(umask)
seen = {
    "argv": sys.argv[1:], "cwd": os.getcwd(), "session": os.getsid(0) == os.getpid(), "umask": umask, "name": __name__,
    "given": os.environ.get("GIVEN"), "input": sys.stdin.read() if sys.argv[1] == "read" else "", "pid": os.getpid(),
    "loaded": "forked_loads" in sys.modules,
}
with open(sys.argv[2], "w") as file:
    json.dump(seen, file)
atexit.register(print, "ended")
print("said", sys.argv[1])
print("complained", file=sys.stderr)
while sys.argv[1] == "run":
    time.sleep(0.02)
sys.exit(7)
"""


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(patience(20)):
        while not condition():  # noqa: ASYNC110  # Another process's life is not an event of this loop.
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def a_fork_server_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The standard library keeps one for each process, and other tests of this process may use it."""
    fresh = forkserver.ForkServer()
    for name in ("ensure_running", "connect_to_new_process", "set_forkserver_preload"):
        monkeypatch.setattr(forkserver, name, getattr(fresh, name))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), os.pathsep)
    yield
    fresh._stop()  # type: ignore[attr-defined]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Program]:
    """Make a program that writes down what it sees; `read` ends with 7 after its input, `run` goes on."""
    (tmp_path / "forked_program.py").write_text(_PROGRAM)
    (tmp_path / "forked_loads.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))

    def program(what: str) -> Program:
        seen = tmp_path / f"{what}.json"

        async def started() -> bool:
            return seen.is_file() and bool(seen.read_text())

        return Program(
            what, python("-m", "forked_program", what, str(seen)), started, {"GIVEN": "by the supervisor"},
            cwd=tmp_path, stop_seconds_max=5, ready_seconds_max=patience(20), loaded_by="forked_loads",
        )  # fmt: skip

    return program


@pytest.fixture
async def supervisor(tmp_path: Path, a_fork_server_of_its_own: None) -> AsyncIterator[tuple[Supervisor, list[str]]]:
    """A supervisor and what it says."""
    said: list[str] = []
    one = Supervisor(tmp_path, said.append, _QUICK)
    yield one, said
    await one.stop()


def _seen(tmp_path: Path, what: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((tmp_path / f"{what}.json").read_text())
    return found


async def test_a_forked_program_sees_what_one_started_directly_sees(
    tmp_path: Path, programs: Callable[[str], Program], supervisor: tuple[Supervisor, list[str]]
) -> None:
    (child,) = await supervisor[0].start(programs("run"))
    seen = _seen(tmp_path, "run")
    assert seen == {
        "argv": ["run", str(tmp_path / "run.json")], "cwd": str(tmp_path), "session": True, "umask": 0o077,
        "name": "__main__", "given": "by the supervisor", "input": "", "pid": child.pid, "loaded": True,
    }  # fmt: skip
    assert psutil.Process(child.pid).cmdline()[0].startswith("cardloop run ")
    await _until(lambda: (tmp_path / "logs" / "run.log").read_text() == "said run\ncomplained\n")


async def test_it_reports_its_exit_code_has_empty_input_and_cleans_up(
    tmp_path: Path, programs: Callable[[str], Program], supervisor: tuple[Supervisor, list[str]]
) -> None:
    one, said = supervisor
    (child,) = await one.launch(programs("read"))
    await _until(lambda: child.restarts >= 1)
    assert "read ended unexpectedly (code 7)" in said[0]
    assert (tmp_path / "logs" / "read.log").read_text().startswith("said read\ncomplained\nended\n")


async def test_one_that_is_killed_is_restarted(
    programs: Callable[[str], Program], supervisor: tuple[Supervisor, list[str]]
) -> None:
    one, said = supervisor
    (child,) = await one.start(programs("run"))
    first = child.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await _until(lambda: child.restarts >= 1 and child.pid not in (None, first))
    assert "(code -9)" in said[0]


async def test_where_the_loading_process_is_killed_no_program_runs_twice(
    programs: Callable[[str], Program], supervisor: tuple[Supervisor, list[str]]
) -> None:
    one, _ = supervisor
    (child,) = await one.start(programs("run"))
    first = child.pid
    assert first is not None
    os.kill(psutil.Process(first).ppid(), signal.SIGKILL)
    await _until(lambda: child.restarts >= 1 and child.pid not in (None, first))
    await _until(lambda: not psutil.pid_exists(first) or psutil.Process(first).status() == psutil.STATUS_ZOMBIE)


async def test_a_stop_while_the_modules_load_leaves_nothing_behind(
    tmp_path: Path, programs: Callable[[str], Program], supervisor: tuple[Supervisor, list[str]]
) -> None:
    program = programs("run")
    (tmp_path / "forked_loads.py").write_text("import time\ntime.sleep(1)\n")
    one, _ = supervisor
    (child,) = await one.launch(program)
    await asyncio.sleep(0.05)
    await one.stop()
    assert child.pid is None
    assert not [one for one in psutil.process_iter(["cmdline"]) if "cardloop run" in str(one.info["cmdline"])]


def test_no_thread_runs_where_programs_are_forked(python: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = python("-c", f"import {PROGRAMS}, threading; print([one.name for one in threading.enumerate()])")
    assert done.stdout.strip() == "['MainThread']", done.stderr
