"""What an engine saw, kept on disk: decoding can be tuned over hundreds of photos without running the engine again.

Every call is kept under a digest of its picture and the engine's name and version, with the seconds that it took then. Shares
below a millionth are kept as none: the beam search takes them for its floor in any case.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy
from PIL import Image

from domain.cards.reading import Box
from ocr.lattice import Lattice
from ocr.lines import Line
from ocr.photo_reader import NamedEngine
from photo_set.engines import BareEngine

KEPT = Path(".cardloop/photo_set")
LEAST_KEPT = 1e-6


@dataclass
class Spent:
    """Calls of an engine by kind (`lines`: a whole picture, `strips`: pictures of one line), and their seconds."""

    calls: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, kind: str, calls: int, seconds: float) -> None:
        """Count calls that took so long, now or when they were first made."""
        self.calls[kind] = self.calls.get(kind, 0) + calls
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds

    @property
    def whole(self) -> float:
        """Return the seconds of all calls."""
        return sum(self.seconds.values())


class KeptEngine:
    """A `NamedEngine` that asks another one only for pictures it has not seen before."""

    def __init__(self, engine: NamedEngine, folder: Path | None) -> None:
        """Keep under `folder` what `engine` sees; with None only count and time its calls."""
        self._engine, self._folder = engine, folder
        self.name = engine.name
        self.spent = Spent()

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        """See LineEngine."""
        return self._kept("lines", [picture], lambda asked: [self._engine.lines_in(asked[0])])[0]

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        """See LineEngine."""
        found = self._kept("strips", strips, lambda asked: [[line] for line in self._engine.recognised(asked)])
        return [lines[0] for lines in found]

    def _kept(
        self,
        kind: str,
        pictures: Sequence[Image.Image],
        ask: Callable[[Sequence[Image.Image]], Sequence[Sequence[Line]]],
    ) -> list[Sequence[Line]]:
        if self._folder is None:
            began = time.perf_counter()
            fresh = list(ask(pictures))
            self.spent.add(kind, len(pictures), time.perf_counter() - began)
            return fresh
        paths = [place_of(self._folder, kind, self.name, picture).with_suffix(".npz") for picture in pictures]
        found = {path: _loaded(path) for path in paths}
        missing = {path: picture for path, picture in zip(paths, pictures, strict=True) if found[path] is None}
        if missing:
            began = time.perf_counter()
            seen = ask(list(missing.values()))
            each = (time.perf_counter() - began) / len(missing)
            for path, lines in zip(missing, seen, strict=True):
                found[path] = (list(lines), each)
                _save(path, lines, each)
        known = [one for path in paths if (one := found[path]) is not None]
        self.spent.add(kind, len(known), sum(seconds for _, seconds in known))
        return [lines for lines, _ in known]


class KeptTexts:
    """A `BareEngine` that asks another one only for pictures it has not seen before."""

    def __init__(self, engine: BareEngine, folder: Path) -> None:
        """Keep under `folder` what `engine` sees."""
        self._engine, self._folder = engine, folder
        self.name = engine.name

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """See BareEngine."""
        path = place_of(self._folder, "texts", self.name, picture).with_suffix(".json")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(list(self._engine.texts_in(picture)), ensure_ascii=False), encoding="utf-8")
        return [str(text) for text in json.loads(path.read_text(encoding="utf-8"))]


def place_of(folder: Path, kind: str, name: str, picture: Image.Image) -> Path:
    """Return where what an engine of this name sees of a picture is kept, without the ending."""
    digest = hashlib.sha256(f"{kind}\n{name}\n{picture.size}\n".encode() + picture.tobytes()).hexdigest()
    return folder / digest[:2] / digest


def _save(path: Path, lines: Sequence[Line], seconds: float) -> None:
    described = [
        {"text": line.text, "confidence": line.confidence, "corners": line.corners, "frames": line.frames,
         "box": [line.box.x, line.box.y, line.box.width, line.box.height]}
        for line in lines
    ]  # fmt: skip
    lattices = {
        f"lattice_{place}": _plain(line.lattice) for place, line in enumerate(lines) if line.lattice is not None
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part.npz")
    numpy.savez_compressed(part, described=json.dumps({"lines": described, "seconds": seconds}), **lattices)
    part.replace(path)


def _plain(lattice: Lattice) -> Any:
    return numpy.where(lattice.frames < LEAST_KEPT, numpy.float32(0), lattice.frames)


def _loaded(path: Path) -> tuple[list[Line], float] | None:
    if not path.exists():
        return None
    with numpy.load(path, allow_pickle=False) as kept:
        described = json.loads(str(kept["described"]))
        lines = [
            Line(
                one["text"], one["confidence"], Box(*one["box"]), tuple((x, y) for x, y in one["corners"]),
                Lattice(kept[f"lattice_{place}"]) if f"lattice_{place}" in kept else None, tuple(one["frames"]),
            )
            for place, one in enumerate(described["lines"])
        ]  # fmt: skip
        return lines, float(described["seconds"])
