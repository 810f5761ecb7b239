"""Load what stays without searching for garbage meanwhile: of modules, classes and tables the search is a fifth of a start."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Collect no garbage within; what exists afterwards is left out of every later search."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
