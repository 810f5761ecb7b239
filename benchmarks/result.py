"""One figure with its goal, printed as `name value goal PASS|SHORT` and kept as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """A measured figure. `goal` is written as people read it, e.g. `>= 0.5`; `details` holds what went into it."""

    name: str
    value: float
    goal: str
    passed: bool
    details: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """`name value goal PASS|SHORT`"""
        return f"{self.name} {self.value:.4g} {self.goal} {'PASS' if self.passed else 'SHORT'}"
