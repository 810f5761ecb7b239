"""PaddleOCR on onnxruntime, the only file that imports it: one engine per process, one call at a time, CPU only."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

# PaddleOCR looks for model hubs when it is imported, unless configured otherwise first.
os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"

import numpy
from paddleocr import PaddleOCR
from PIL import Image

from domain.cards.reading import Box
from domain.rules.brands import LiveCatalogue
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
        _score_worst_characters(self._paddle)
        self.name = f"paddleocr {version('paddleocr')} PP-OCRv6 small"

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        """Find the printed lines of an RGB picture, boxes in its pixels, in no particular order."""
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
    """Build the one reader of a process, over the weights below `model_dir`."""
    engine = PaddleEngine(model_dir)
    return PhotoReader(engine.lines_in, LiveCatalogue(), engine.name)


def _score_worst_characters(paddle: Any) -> None:
    """Makes a line's score that of its worst character.

    PaddleOCR reports the mean over all characters, spaces included: one wrong digit hides among eighteen right ones, and a
    doubtful space between two groups of digits, which means nothing, pulls a perfect line down.
    """
    decoder = paddle.paddlex_pipeline._pipeline.text_rec_model.post_op
    decode = decoder.decode

    def decode_with_worst(indices: Any, scores: Any, **options: Any) -> list[Any]:
        lines = decode(indices, scores, **options)
        found = zip(lines, indices, scores, strict=True)
        return [(line[0], _worst(decoder.character, *at), *line[2:]) for line, *at in found]

    decoder.decode = decode_with_worst


def _worst(characters: Sequence[str], indices: Any, scores: Any) -> float:
    """The lowest score of a character that is no space; each character counts with its best of neighbouring frames.

    `indices` and `scores` are the likeliest character and its score in each frame; index 0 is the blank between characters.
    """
    begins = numpy.flatnonzero(numpy.diff(indices, prepend=-1))
    best = numpy.maximum.reduceat(scores, begins)
    printed = [
        score for index, score in zip(indices[begins], best, strict=True) if index and not characters[index].isspace()
    ]
    return float(min(printed, default=0.0))


def _box(corners: Any) -> Box:
    """The upright box around the four corners of a tilted line."""
    xs, ys = [int(corner[0]) for corner in corners], [int(corner[1]) for corner in corners]
    return Box(min(xs), min(ys), max(1, max(xs) - min(xs)), max(1, max(ys) - min(ys)))
