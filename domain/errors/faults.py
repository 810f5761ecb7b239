"""Name an unexpected fault without quoting it."""

from __future__ import annotations

import traceback


def kind_and_place(error: BaseException) -> str:
    """Return `ValueError at sealing.py:93`: never the error's own text, which may quote a value."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "an unknown place"
    return f"{type(error).__name__} at {place}"
