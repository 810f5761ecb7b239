"""PaddleOCR on onnxruntime, the only file that imports it: one engine per process, one call at a time, CPU only."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

# PaddleOCR looks for model hubs when it is imported, unless told otherwise first.
os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"

import numpy
from paddleocr import PaddleOCR
from PIL import Image

from domain.reading import Box
from domain.rules.brands import catalogue
from ocr.lines import Line
from ocr.photo_reader import PhotoReader
from ocr.weights import DETECTION, RECOGNITION, lay_out

THREADS = 2  # More than there are cores makes every call slower.


class PaddleEngine:
    """Finds and recognises printed lines. Calls from several threads wait for each other."""

    def __init__(self, model_dir: Path, threads: int = THREADS) -> None:
        """Loads the models below `model_dir`, about 1.5 s and 570 MB; lays them out first when they are not there."""
        lay_out(model_dir)
        self._turn = threading.Lock()
        self._paddle = PaddleOCR(
            engine="onnxruntime",
            engine_config={"intra_op_num_threads": threads, "inter_op_num_threads": 1},
            device="cpu",
            text_detection_model_name=DETECTION,
            text_detection_model_dir=str(model_dir / DETECTION),
            text_recognition_model_name=RECOGNITION,
            text_recognition_model_dir=str(model_dir / RECOGNITION),
            use_doc_orientation_classify=False,
            use_doc_unwarping=False,
            use_textline_orientation=False,
        )
        self.name = f"paddleocr {version('paddleocr')} PP-OCRv6 small"

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        """The printed lines of an RGB picture, boxes in its pixels, in no particular order."""
        found = self.raw(picture)
        return [
            Line(str(text), float(score), _box(corners))
            for text, score, corners in zip(found["rec_texts"], found["rec_scores"], found["rec_polys"], strict=True)
        ]

    def raw(self, picture: Image.Image) -> Any:
        """PaddleOCR's own answer for an RGB picture: the bare call that our overhead is measured against."""
        blue_first = numpy.ascontiguousarray(numpy.asarray(picture)[:, :, ::-1])
        with self._turn:
            return self._paddle.predict(blue_first)[0]


def build_reader(model_dir: Path) -> PhotoReader:
    """The one reader of a process, over the weights below `model_dir`."""
    engine = PaddleEngine(model_dir)
    return PhotoReader(engine.lines_in, catalogue(), engine.name)


def _box(corners: Any) -> Box:
    """The upright box around the four corners of a tilted line."""
    xs, ys = [int(corner[0]) for corner in corners], [int(corner[1]) for corner in corners]
    return Box(min(xs), min(ys), max(1, max(xs) - min(xs)), max(1, max(ys) - min(ys)))
