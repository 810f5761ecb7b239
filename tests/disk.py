"""What programs have written to disk, read while they run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def contents_of(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield each regular file below the folder with its bytes; a file that its program removes meanwhile is left out."""
    found = [Path(at) / name for at, _, names in os.walk(folder) for name in sorted(names)]
    for path in found:
        try:
            if path.is_file():
                yield path, path.read_bytes()
        except FileNotFoundError:
            continue
