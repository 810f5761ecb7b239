"""A set-up step is done once: its stamp holds the hash of what it was made from, and a new hash does it again."""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Step:
    """One thing that set-up makes.

    ``made_from`` are the files and words that the result follows from: a missing file counts as a word of its own.
    ``makes`` are the paths that must exist afterwards: a stamp without them is worth nothing.
    ``do`` receives a function to say a line of progress with, and raises bootstrap.words.Problem when stuck.
    """

    name: str
    title: str
    do: Callable[[Callable[[str], None]], None]
    made_from: tuple[str | Path, ...] = ()
    makes: tuple[Path, ...] = field(default=())

    def fingerprint(self) -> str:
        """Hash (hex) of the step's name and everything that it is made from."""
        digest = hashlib.sha256(self.name.encode())
        for source in self.made_from:
            digest.update(b"\0" + _content(source))
        return digest.hexdigest()


def _content(source: str | Path) -> bytes:
    if isinstance(source, str):
        return source.encode()
    return source.read_bytes() if source.is_file() else f"no {source.name}".encode()


@dataclass(frozen=True)
class Stamps:
    """The folder of stamps, one JSON file per step."""

    folder: Path

    def hold(self, step: Step) -> bool:
        """Tell whether the step was done from the same inputs and its results are still there."""
        file = self._file(step)
        if not file.is_file() or not all(path.exists() for path in step.makes):
            return False
        try:
            return bool(json.loads(file.read_text())["fingerprint"] == step.fingerprint())
        except (ValueError, KeyError, TypeError):
            return False  # A stamp cut short by a power failure is no stamp; the step is simply done again.

    def set(self, step: Step, seconds: float) -> None:
        """Record that the step was done, and how long it took."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file(step).write_text(json.dumps({"fingerprint": step.fingerprint(), "seconds": round(seconds, 1)}))

    def _file(self, step: Step) -> Path:
        return self.folder / f"{step.name}.json"


@dataclass(frozen=True)
class Done:
    """A step that holds now; ``seconds`` is 0.0 when it held already."""

    step: Step
    seconds: float


def run(
    steps: Iterable[Step], stamps: Stamps, progress: Callable[[Step, str], None] = lambda step, line: None
) -> Iterator[Done]:
    """Do each step that does not hold yet, in order; stop at the first bootstrap.words.Problem, which is raised."""
    for step in steps:
        yield Done(step, 0.0 if stamps.hold(step) else _do(step, stamps, progress))


def _do(step: Step, stamps: Stamps, progress: Callable[[Step, str], None]) -> float:
    progress(step, "")
    start = time.monotonic()
    step.do(lambda line: progress(step, line))
    seconds = time.monotonic() - start
    stamps.set(step, seconds)
    return seconds
