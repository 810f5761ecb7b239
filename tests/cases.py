"""Cases of one test of which `make test` runs the first few, and `make thorough` the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def the_first(count: int, cases: Iterable[object]) -> list[Any]:
    """Mark all cases but the first `count` as thorough; a tuple holds the values of several parameters."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.thorough if place >= count else ()
        )
        for place, case in enumerate(cases)
    ]
