"""What an engine's calls cost: those that were made now, and those whose answer was kept from an earlier run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Spent:
    """Calls of an engine by kind (`lines`: a whole picture, `strips`: pictures of one line), and their seconds when they were first made.

    `waited`: the seconds that they took in this run, next to none where the answer was kept. A kept answer without its seconds counts for neither.
    """

    calls: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    waited: float = 0.0

    def add(self, kind: str, calls: int, seconds: float) -> None:
        """Count calls that took so long, now or when they were first made."""
        self.calls[kind] = self.calls.get(kind, 0) + calls
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds

    @property
    def whole(self) -> float:
        """Return the seconds of all calls."""
        return sum(self.seconds.values())

    @property
    def kept(self) -> float:
        """Return the seconds that this run was spared, because answers were kept."""
        return self.whole - self.waited

    @property
    def each(self) -> float | None:
        """Return the seconds of a call; None where no call's are known."""
        calls = sum(self.calls.values())
        return self.whole / calls if calls else None
