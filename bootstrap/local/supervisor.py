"""Keeps the platform's programs running: starts them, restarts one that dies, and stops them in the reverse order.

Our own on purpose: the libraries start programs, but do not wait for their health or find what a killed start left behind.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from bootstrap.local.forking import Command, Forked, begin_loading, fork
from bootstrap.local.health import Check
from bootstrap.local.leftovers import Leftovers
from bootstrap.local.postgres import Identity
from bootstrap.words import Problem, say

Tell = Callable[[str], None]
_LOG_BYTES_MAX = 20_000_000
_UMASK = 0o077  # Temporal's file and the simulators' are for their owner alone.
_HELD_LOOK_S = 2.0
_FIRST_LOOK_S, _LATER_LOOKS_S = 0.1, 0.5


@dataclass(frozen=True)
class Program:
    """One program to keep running.

    ``stop_signal`` asks it to end what it is doing and go; after ``stop_seconds_max`` it is killed. While ``held`` says so
    it is not started, and one that ended is not started again: a person has asked for that. With ``loaded_by``, a module
    that imports what it needs, its `python -m …` is forked from a process that has loaded that module.
    """

    name: str
    command: Sequence[str]
    healthy: Check
    environment: Mapping[str, str] = field(default_factory=dict)
    identity: Identity = field(default_factory=Identity)
    cwd: Path = Path("/")
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds_max: float = 20.0
    ready_seconds_max: float = 90.0
    held: Check | None = None
    loaded_by: str | None = None


@dataclass(frozen=True)
class Backoff:
    """Waits between restarts: doubled from ``first_s`` to ``most_s``, forgotten after ``steady_s`` of running."""

    first_s: float = 0.5
    most_s: float = 30.0
    steady_s: float = 60.0

    def next(self, previous_s: float, ran_s: float) -> float:
        """Seconds to wait before the next start."""
        return self.first_s if ran_s >= self.steady_s or not previous_s else min(previous_s * 2, self.most_s)


class Child:
    """One program with its log, its present process, and the task that restarts it."""

    def __init__(self, program: Program, log: Path, tell: Tell, leftovers: Leftovers, backoff: Backoff) -> None:
        self.program, self.log = program, log
        self.restarts = 0
        self.holding = False  # It does not run, because it is held.
        self._tell, self._leftovers, self._backoff = tell, leftovers, backoff
        self._process: asyncio.subprocess.Process | Forked | None = None
        self._stopping = False
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the present process."""
        return self._process.pid if self._process else None

    async def launch(self) -> None:
        """Start the program and the task that keeps it running; raises Problem when it cannot be started at all.

        A program that is forked starts when its modules are loaded; until then this does not wait.
        """
        if self.program.loaded_by is None and not await self._is_held():
            await self._spawn()
        self._keeper = asyncio.create_task(self._keep())

    async def wait_ready(self) -> None:
        """Return once the program is healthy or held; raises Problem with its log's last line when it is not in time."""
        deadline, pause_s = time.monotonic() + self.program.ready_seconds_max, _FIRST_LOOK_S
        while not self.holding and not (self._process and await self.program.healthy()):
            if time.monotonic() > deadline or self.restarts > 2:
                raise self._not_ready()
            await asyncio.sleep(pause_s)
            # Each look takes time of a processor from the program that it waits for.
            pause_s = min(pause_s * 1.5, _LATER_LOOKS_S)

    async def stop(self) -> None:
        """Ask the program to end, wait, and kill it when it does not."""
        self._stopping = True
        if self._keeper is None:
            return
        if not self._signal(self.program.stop_signal):
            self._keeper.cancel()
        with suppress(asyncio.CancelledError):
            done, _ = await asyncio.wait({self._keeper}, timeout=self.program.stop_seconds_max)
            if not done:
                self._signal(signal.SIGKILL)
                await self._keeper
        self._leftovers.forget(self.program.name)

    async def _spawn(self) -> None:
        program = self.program
        try:
            self._process = await (self._executed() if program.loaded_by is None else self._forked())
        except OSError as error:
            raise Problem(
                f"无法启动 {program.name}：{error}。请运行 make setup 后重试。",
                f"{program.name} could not be started: {error}. Run `make setup`, then try again.",
            ) from error
        self._leftovers.remember(program.name, self._process.pid, program.stop_signal)

    async def _executed(self) -> asyncio.subprocess.Process:
        program = self.program
        with _opened(self.log) as sink:
            return await asyncio.create_subprocess_exec(
                *program.command,
                cwd=program.cwd,
                env={**os.environ, **program.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the rest in order.
                umask=_UMASK,
                **program.identity,
            )

    async def _forked(self) -> Forked:
        program = self.program
        _, _, module, *arguments = program.command  # Python, -m, the module.
        _opened(self.log).close()
        environment = {**os.environ, **program.environment}
        return await fork(Command(module, arguments, environment, program.cwd, _UMASK, self.log))

    async def _keep(self) -> None:
        wait_s = 0.0
        while True:
            started = time.monotonic()
            try:
                code = await self._ran()
            except Problem as problem:
                said = str(problem)
            else:
                if self._stopping:
                    return
                self._process = None
                if await self._is_held():
                    wait_s = 0.0
                    continue
                said = _ended(self.program.name, code, self.log)
            wait_s = self._backoff.next(wait_s, time.monotonic() - started)
            self._tell(f"{said} {_again(wait_s)}")
            await asyncio.sleep(wait_s)
            self.restarts += 1

    async def _ran(self) -> int:
        """Start the program unless it runs, and return its exit code when it has ended. Raises Problem."""
        if self._process is None:
            if await self._is_held():
                await self._until_released()
            await self._spawn()
        return await self._process.wait()  # type: ignore[union-attr]

    async def _is_held(self) -> bool:
        return self.program.held is not None and await self.program.held()

    async def _until_released(self) -> None:
        """Wait while the program is held; what the person who lifts it expects is a start within seconds."""
        self.holding = True
        self._tell(_held(self.program.name))
        while await self._is_held():  # noqa: ASYNC110  # Another process writes what is waited for.
            await asyncio.sleep(_HELD_LOOK_S)
        self.holding = False

    def _signal(self, which: signal.Signals) -> bool:
        """Send the signal; tell whether there was a process to receive it."""
        if self._process is None or self._process.returncode is not None:
            return False
        with suppress(ProcessLookupError):
            self._process.send_signal(which)
        return True

    def _not_ready(self) -> Problem:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.is_file() else []
        last = lines[-1][:300] if lines else "-"
        return Problem(
            f"{self.program.name} 未能就绪：{last}。完整日志见 {self.log}。",
            f"{self.program.name} did not become ready: {last}. Its whole log is {self.log}.",
        )


class Supervisor:
    """All children, in the groups in which they were started."""

    def __init__(self, state_dir: Path, tell: Tell, backoff: Backoff | None = None) -> None:
        self._logs = state_dir / "logs"
        self._tell, self._backoff = tell, backoff or Backoff()
        self._leftovers = Leftovers(state_dir / "children.json")
        self._groups: list[list[Child]] = []

    async def clear_leftovers(self) -> None:
        """Stop what an earlier supervisor left behind when it was killed."""
        await asyncio.to_thread(self._leftovers.stop_all, self._tell)

    async def launch(self, *programs: Program) -> list[Child]:
        """Start programs as one group, which is stopped together, and return at once."""
        self._logs.mkdir(parents=True, exist_ok=True)
        if modules := sorted({one.loaded_by for one in programs if one.loaded_by is not None}):
            begin_loading(modules)  # Where that has begun before, nothing happens.
        group = [self._child(program) for program in programs]
        if not group:
            return group
        self._groups.append(group)
        for child in group:
            await child.launch()
        return group

    def stop_before_others(self, group: list[Child]) -> None:
        """Stop this group before all that run now: it was started before something that it needs to its end."""
        if group:
            self._groups.remove(group)
            self._groups.append(group)

    async def start(self, *programs: Program) -> list[Child]:
        """Start programs as one group and return when each is healthy; raises Problem for the first that is not."""
        group = await self.launch(*programs)
        await self.wait_ready(group)
        return group

    async def wait_ready(self, group: Sequence[Child]) -> None:
        """Return when each child of the group is healthy; raises Problem for the first that is not."""
        waiting = [asyncio.create_task(child.wait_ready()) for child in group]
        try:
            await asyncio.gather(*waiting)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def stop(self) -> None:
        """Stop the groups, the last started first."""
        while self._groups:
            group = self._groups.pop()
            self._tell(say("正在停止：", "Stopping ") + ", ".join(child.program.name for child in group))
            await asyncio.gather(*(child.stop() for child in group))

    def _child(self, program: Program) -> Child:
        return Child(program, self._logs / f"{program.name}.log", self._tell, self._leftovers, self._backoff)


def python(*arguments: str) -> list[str]:
    """Return the command for this same Python."""
    return [sys.executable, *arguments]


def _opened(log: Path) -> BinaryIO:
    if log.is_file() and log.stat().st_size > _LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))
    return log.open("ab")


def _held(name: str) -> str:
    return say(
        f"{name} 已排空，解除排空前不会再启动", f"{name} is drained; it is not started before the drain is lifted"
    )


def _ended(name: str, code: int, log: Path) -> str:
    return say(
        f"{name} 意外退出（代码 {code}），日志：{log}。", f"{name} ended unexpectedly (code {code}); its log is {log}."
    )


def _again(wait_s: float) -> str:
    return say(f"{wait_s:g} 秒后重启。", f"It restarts in {wait_s:g} s.")
