"""What an engine saw, kept on disk: decoding can be tuned over hundreds of photos without running the engine again.

Every call is kept under a digest of its picture, the engine's name and version, and the versions of what decodes and runs it, with
the seconds that it took then. Shares below a millionth are kept as none: the beam search takes them for its floor in any case.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy
from PIL import Image

from domain.cards.reading import Box
from ocr.lattice import DECODER, Lattice
from ocr.lines import Line
from ocr.photo_reader import NamedEngine
from photo_set.engines import BareEngine
from photo_set.spent import Spent

KEPT = Path(".cardloop/photo_set")
LEAST_KEPT = 1e-6
# What made the readings that were kept before their key named it: they stay valid for these versions.
FIRST_MADE_BY = "decoder 1, paddlex 3.7.2, onnxruntime 1.32.0"


@cache
def made_by() -> str:
    """Return what turns pixels into lines besides the engine that a reading names: our decoder and the libraries below the engine."""
    return f"decoder {DECODER}, paddlex {version('paddlex')}, onnxruntime {version('onnxruntime')}"


class KeptEngine:
    """A `NamedEngine` that asks another one only for pictures it has not seen before."""

    def __init__(self, engine: NamedEngine, folder: Path | None, by: str | None = None) -> None:
        """Keep under `folder` what `engine` sees; with None only count and time its calls. `by`: see `made_by`, which it is unless given."""
        self._engine, self._folder, self._by = engine, folder, by or made_by()
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
        began = time.perf_counter()
        if self._folder is None:
            found = list(ask(pictures))
            self.spent.add(kind, len(pictures), time.perf_counter() - began)
        else:
            known = self._known(self._folder, kind, pictures, ask)
            self.spent.add(kind, len(known), sum(seconds for _, seconds in known))
            found = [lines for lines, _ in known]
        self.spent.waited += time.perf_counter() - began
        return found

    def _known(
        self,
        folder: Path,
        kind: str,
        pictures: Sequence[Image.Image],
        ask: Callable[[Sequence[Image.Image]], Sequence[Sequence[Line]]],
    ) -> list[tuple[Sequence[Line], float]]:
        """The lines of each picture with the seconds of the call that found them."""
        paths = [place_of(folder, kind, self.name, self._by, picture).with_suffix(".npz") for picture in pictures]
        found = {path: _loaded(path) for path in paths}
        missing = {path: picture for path, picture in zip(paths, pictures, strict=True) if found[path] is None}
        if missing:
            began = time.perf_counter()
            seen = ask(list(missing.values()))
            each = (time.perf_counter() - began) / len(missing)
            for path, lines in zip(missing, seen, strict=True):
                found[path] = (list(lines), each)
                _save(path, lines, each)
        return [one for path in paths if (one := found[path]) is not None]


class KeptTexts:
    """A `BareEngine` that asks another one only for pictures it has not seen before."""

    def __init__(self, engine: BareEngine, folder: Path, by: str | None = None) -> None:
        """Keep under `folder` what `engine` sees. `by`: see `KeptEngine`."""
        self._engine, self._folder, self._by = engine, folder, by or made_by()
        self.name = engine.name
        self.spent = Spent()

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """See BareEngine."""
        began = time.perf_counter()
        path = place_of(self._folder, "texts", self.name, self._by, picture).with_suffix(".json")
        if not path.exists():
            texts = list(self._engine.texts_in(picture))
            seen = {"texts": texts, "seconds": time.perf_counter() - began}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(seen, ensure_ascii=False), encoding="utf-8")
        kept = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(kept, dict):  # The oldest were kept as texts alone, without their seconds.
            self.spent.add("texts", 1, float(kept["seconds"]))
        self.spent.waited += time.perf_counter() - began
        return [str(text) for text in (kept["texts"] if isinstance(kept, dict) else kept)]


def place_of(folder: Path, kind: str, name: str, by: str, picture: Image.Image) -> Path:
    """Return where what an engine of this name, run and decoded `by`, sees of a picture is kept, without the ending."""
    versions = "" if by == FIRST_MADE_BY else f"{by}\n"
    digest = hashlib.sha256(f"{kind}\n{name}\n{versions}{picture.size}\n".encode() + picture.tobytes()).hexdigest()
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
