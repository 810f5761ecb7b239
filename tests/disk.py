"""Where tests keep what they throw away, and what programs have written to disk, read while they run."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108  # Folders below it have names of their own.
ROOM = 4 * 1024**3


@contextmanager
def throwaway_folder(purpose: str) -> Iterator[Path]:
    """Make a folder that is gone afterwards: in memory where there is room, since a test's database need not reach a disk.

    It is none of pytest's: another run that starts shuts those to PostgreSQL's own user, and the server dies.
    """
    with tempfile.TemporaryDirectory(
        prefix=f"cardloop-{purpose}-{os.getpid()}-", dir=_in_memory(), ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _in_memory() -> Path | None:
    """Return the folder whose files are kept in memory, once what killed runs left there is removed; None where it is small."""
    if not os.access(MEMORY, os.W_OK):
        return None
    for left in MEMORY.glob("cardloop-*-*-*"):
        owner = left.name.split("-")[2]
        if owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(left, ignore_errors=True)
    return MEMORY if shutil.disk_usage(MEMORY).free >= ROOM else None


def contents_of(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield each regular file below the folder with its bytes; a file that its program removes meanwhile is left out."""
    found = [Path(at) / name for at, _, names in os.walk(folder) for name in sorted(names)]
    for path in found:
        try:
            if path.is_file():
                yield path, path.read_bytes()
        except FileNotFoundError:
            continue
