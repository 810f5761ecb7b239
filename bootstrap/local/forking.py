"""Fork our own programs from one process that has loaded their modules: loading them was most of what a start cost.

The fork server is the standard library's. It runs nothing but imports, so that no thread of ours exists when it forks.
"""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import BinaryIO

import setproctitle

PROGRAMS = "bootstrap.loaded_programs"  # What loads for our web programs and workers.
_FORKS = multiprocessing.get_context("forkserver")
_UNOBSERVED = 255  # What the standard library says of a process whose fork server ended before it.


def begin_loading(modules: Sequence[str]) -> None:
    """Start the process that loads these modules, and return at once.

    A module that cannot be imported there is imported by each program that needs it.
    """
    _FORKS.set_forkserver_preload(list(modules))
    forkserver.ensure_running()


@dataclass(frozen=True)
class Command:
    """`python -m MODULE ARGUMENTS…` with its whole environment, folder, file-mode mask, and the file that takes its output."""

    module: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    umask: int
    log: Path


class Forked:
    """A program that was forked, in the shape of `asyncio.subprocess.Process`."""

    def __init__(self, process: multiprocessing.process.BaseProcess, pid: int) -> None:
        self.pid = pid
        self._process = process
        self._ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(process.sentinel, self._note_end)

    @property
    def returncode(self) -> int | None:
        """Its exit code, a negative signal number when a signal ended it, None while it runs."""
        return self._process.exitcode if self._ended.is_set() else None

    async def wait(self) -> int:
        """Wait for the end and return `returncode`."""
        await self._ended.wait()
        return self._process.exitcode or 0

    def send_signal(self, which: signal.Signals) -> None:
        """Send a signal; raises ProcessLookupError when it has ended."""
        if self._ended.is_set():
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, which)

    def _note_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        # Where the fork server was killed, its program would run on, beside the next one.
        if self._process.exitcode == _UNOBSERVED:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._ended.set()


async def fork(command: Command) -> Forked:
    """Run a command in a process forked from the one that `begin_loading` started. Raises OSError when that has ended."""
    process = _FORKS.Process(target=_run, args=(command,), name=command.module)
    starting = asyncio.create_task(asyncio.to_thread(process.start))  # It waits for the modules.
    try:
        await asyncio.shield(starting)
    except EOFError as error:
        raise ChildProcessError("the process that loads our modules ended") from error
    except asyncio.CancelledError:
        await starting
        process.kill()
        await asyncio.to_thread(process.join)
        raise
    return Forked(process, process.pid or 0)


def _run(command: Command) -> None:
    """Become what the command would have started."""
    # Before the environment changes: the title is written over the memory of the first one.
    setproctitle.setproctitle(" ".join(["cardloop", *command.arguments]))
    os.setsid()  # Ctrl-C reaches the supervisor alone, which stops the rest in order.
    os.umask(command.umask)
    os.environ.clear()
    os.environ.update(command.environment)
    os.chdir(command.cwd)
    with open(os.devnull, "rb") as nothing, command.log.open("ab") as sink:
        _redirect(nothing, sink)
    sys.argv = [command.module, *command.arguments]
    try:
        runpy.run_module(command.module, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()  # A process of the standard library's ends without them.


def _redirect(nothing: BinaryIO, sink: BinaryIO) -> None:
    os.dup2(nothing.fileno(), 0)
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        os.dup2(sink.fileno(), number)
        stream.reconfigure(line_buffering=True, write_through=True)  # type: ignore[union-attr]
