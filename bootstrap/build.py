"""Which code this process runs, in a word: workers report it, so that a fault can be laid to a deployment."""

from __future__ import annotations

import functools
import hashlib
from importlib.metadata import PackageNotFoundError, version

from bootstrap.settings import PROJECT_ROOT

_FOLDERS = ("workflows", "activities")  # A change elsewhere cannot break a recorded history.


@functools.cache
def build_id() -> str:
    """Return e.g. `0.1.0-3fa81c2e`: the release, and the hash of the workflows' and activities' code."""
    digest = hashlib.sha256()
    for folder in _FOLDERS:
        for file in sorted((PROJECT_ROOT / folder).rglob("*.py")):
            digest.update(file.read_bytes())
    return f"{_release()}-{digest.hexdigest()[:8]}"


def _release() -> str:
    try:
        return version("cardloop")
    except PackageNotFoundError:  # It runs from the source tree, which is not installed.
        return "source"
