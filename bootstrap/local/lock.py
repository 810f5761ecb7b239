"""One start per state folder: two supervisors would write the same database and Temporal file."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from bootstrap.words import Problem


class StateLock:
    """A lock that the kernel frees when its holder dies, however it dies. The holder's process id is kept beside it."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "up.lock"
        self._lock = FileLock(self.path, timeout=0, mode=0o600)

    def __enter__(self) -> StateLock:
        """Take the lock. Raises Problem, which names the process that has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            raise _taken(self.path) from None
        _holder(self.path).write_text(str(os.getpid()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()


def is_taken(state_dir: Path) -> bool:
    """Tell whether a start on this state folder is under way or running."""
    try:
        with StateLock(state_dir):
            return False
    except Problem:
        return True


def _holder(path: Path) -> Path:
    return path.with_suffix(".pid")


def _taken(path: Path) -> Problem:
    holder = _holder(path).read_text().strip() if _holder(path).exists() else "?"
    return Problem(
        f"Cardloop 已在 {path.parent} 上运行（进程 {holder}）：请直接使用，或先用 Ctrl-C 停止它。",
        f"Cardloop is already running on {path.parent} (process {holder}): use that one, or stop it with Ctrl-C first.",
    )
