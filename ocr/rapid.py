"""RapidOCR on onnxruntime, the only file that imports it: the models of its own package, one call at a time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy
import rapidocr
from PIL import Image

from domain.cards.reading import Box
from ocr.identity import named
from ocr.lines import Line

WHOLE = {"use_det": True, "use_cls": True, "use_rec": True}
LINE = {
    "use_det": False,
    "use_cls": False,
    "use_rec": True,
}  # Every call names all three: RapidOCR keeps what it was given.


class RapidEngine:
    """Finds and recognises printed lines; keeps no lattice. Calls from several threads wait for each other."""

    def __init__(self, threads: int) -> None:
        """Load the models of the installed package."""
        self._turn = threading.Lock()
        options = {"EngineConfig.onnxruntime.intra_op_num_threads": threads, "Global.log_level": "error"}
        self._engine: Any = rapidocr.RapidOCR(params=options)
        self.name = rapid_name()

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        """Find the printed lines of an RGB picture, boxes in its pixels, in no particular order."""
        with self._turn:
            found = self._engine(_blue_first(picture), **WHOLE)
        if found.boxes is None or found.txts is None:
            return []
        return [
            Line(str(text), float(score), _box(corners), tuple((float(x), float(y)) for x, y in corners))
            for text, score, corners in zip(found.txts, found.scores, found.boxes, strict=True)
        ]

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        """Recognise pictures of one line each, upright and cut close; their boxes are the whole pictures."""
        with self._turn:
            found = [self._engine(_blue_first(strip), **LINE) for strip in strips]
        return [
            Line(str((one.txts or ("",))[0]), float((one.scores or (0.0,))[0]), Box(0, 0, *strip.size))
            for strip, one in zip(strips, found, strict=True)
        ]


def rapid_name() -> str:
    """Return what a reading calls RapidOCR with the models of its package."""
    models = (Path(rapidocr.__file__).parent / "models").glob("*.onnx")
    return named(f"rapidocr {version('rapidocr')}", models)


def _blue_first(picture: Image.Image) -> Any:
    return numpy.ascontiguousarray(numpy.asarray(picture)[:, :, ::-1])


def _box(corners: Any) -> Box:
    xs, ys = [int(x) for x, _ in corners], [int(y) for _, y in corners]
    return Box(min(xs), min(ys), max(1, max(xs) - min(xs)), max(1, max(ys) - min(ys)))
