"""What an engine is called where a reading names it: its name, its version, and a hash of its weights."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

DIGITS = 12  # Enough to tell weights apart that people meant to be the same.


def named(engine: str, weights: Iterable[Path]) -> str:
    """Return the engine's name with the hash of its weights. Raises OSError for a file that cannot be read."""
    return f"{engine}, weights {weights_hash(weights)}"


def without_version(name: str) -> str:
    """Return an engine's kind and weights: two of the same read alike whatever version of its program runs them."""
    return re.sub(r" v?[0-9][^ ,]*", "", name, count=1)


def weights_hash(weights: Iterable[Path]) -> str:
    """Return the first hex digits of the SHA-256 over the files' own digests, whatever the files are called or in which order."""
    return hashlib.sha256("".join(sorted(_digest(one) for one in weights)).encode()).hexdigest()[:DIGITS]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
