"""One start per state folder: two supervisors would write the same database and Temporal file."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from bootstrap.words import Problem


class StateLock:
    """A lock file that the kernel frees when its holder dies, however it dies; it holds the holder's process id."""

    def __init__(self, state_dir: Path) -> None:
        self.path = state_dir / "up.lock"
        self._descriptor: int | None = None

    def __enter__(self) -> "StateLock":
        """Take the lock; raises Problem naming the process that has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise _taken(self.path) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def is_taken(state_dir: Path) -> bool:
    """Tell whether a start on this state folder is under way or running."""
    try:
        with StateLock(state_dir):
            return False
    except Problem:
        return True


def _taken(path: Path) -> Problem:
    holder = path.read_text().strip() or "?"
    return Problem(
        f"Cardloop 已在 {path.parent} 上运行（进程 {holder}）：请直接使用，或先用 Ctrl-C 停止它。",
        f"Cardloop is already running on {path.parent} (process {holder}): use that one, or stop it with Ctrl-C first.",
    )
