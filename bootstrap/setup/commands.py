"""Programs that set-up runs: their last line is the progress that a person sees, their tail the reason of a failure."""

import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

Progress = Callable[[str], None]


class CommandFailed(Exception):
    """A program ended with an error or took too long; ``tail`` holds its last lines."""

    def __init__(self, command: Sequence[str], tail: str) -> None:
        super().__init__(f"{command[0]}: {tail or 'failed'}")
        self.tail = tail


def run(
    command: Sequence[str],
    progress: Progress,
    *,
    timeout_s: float,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run a program to its end and pass each line that it prints to ``progress``.

    Raises CommandFailed when it cannot be started, fails, or is not done after ``timeout_s`` seconds.
    """
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise CommandFailed(command, str(error)) from error
    _follow(process, command, progress, timeout_s)


def _follow(process: subprocess.Popen[str], command: Sequence[str], progress: Progress, timeout_s: float) -> None:
    tail: deque[str] = deque(maxlen=8)
    watchdog = threading.Timer(timeout_s, process.kill)
    watchdog.start()
    with process:
        for line in process.stdout or ():
            tail.append(line.strip())
            progress(line.strip()[:100])
    late = not watchdog.is_alive()
    watchdog.cancel()
    if process.returncode or late:
        reason = f"not done after {timeout_s:.0f} s" if late else " / ".join(part for part in tail if part)
        raise CommandFailed(command, reason)
