"""PaddleOCR on onnxruntime, the only file that imports it: one engine per process, one call at a time, CPU only."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# PaddleOCR looks for model hubs when it is imported, unless configured otherwise first.
os.environ["PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK"] = "True"

import numpy
from paddleocr import PaddleOCR
from PIL import Image

from domain.cards.reading import Box
from ocr.lattice import Columns, Lattice
from ocr.lines import Line
from ocr.weights import FOUND_AT, SMALL, Models, lay_out, paddle_name, whole

THREADS = 2  # More than there are cores makes every call slower.


class PaddleEngine:
    """Finds and recognises printed lines. Calls from several threads wait for each other."""

    def __init__(
        self,
        model_dir: Path,
        threads: int = THREADS,
        models: Models = SMALL,
        weights: Path | None = None,
        found_at: int | None = FOUND_AT,
    ) -> None:
        """Loads the models below `model_dir`, about 1.5 s and 570 MB; lays them out first when they are not there.

        `weights` is a folder that a person named (see `ocr.weights`). Lines are looked for in the picture reduced to `found_at`
        pixels on its longer side, None: as it is, which PaddleOCR does automatically; they are recognised in the picture as it is.
        Raises WeightsMissing, also as WeightsBroken.
        """
        folder = lay_out(model_dir, models, weights)
        self._turn = threading.Lock()
        smaller = {} if found_at is None else {"text_det_limit_side_len": found_at, "text_det_limit_type": "max"}
        with whole(folder):
            self._paddle = PaddleOCR(
                **smaller,
                engine="onnxruntime",
                engine_config={
                    "intra_op_num_threads": threads,
                    "inter_op_num_threads": 1,
                    # It would keep a plan of memory for each size of picture it has seen, without end; no look is quicker for it.
                    "enable_mem_pattern": False,
                },
                device="cpu",
                text_detection_model_name=models.detection,
                text_detection_model_dir=str(folder / models.detection),
                text_recognition_model_name=models.recognition,
                text_recognition_model_dir=str(folder / models.recognition),
                use_doc_orientation_classify=False,
                use_doc_unwarping=False,
                use_textline_orientation=False,
                text_recognition_batch_size=1,  # In a batch, lines are padded to the longest, which changes what is read.
            )
        self._recogniser = self._paddle.paddlex_pipeline._pipeline.text_rec_model
        self._recogniser.post_op = LatticeDecoder(self._recogniser.post_op.character)
        self.name = paddle_name(models, folder, found_at)

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        """Find the printed lines of an RGB picture, boxes in its pixels, in no particular order."""
        found = self.raw(picture)
        return [
            Line(
                str(text), float(score), _box(corners), tuple((float(x), float(y)) for x, y in corners),
                text.lattice, text.frames,
            )
            for text, score, corners in zip(found["rec_texts"], found["rec_scores"], found["rec_polys"], strict=True)
        ]  # fmt: skip

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        """Recognise pictures of one line each, upright and cut close; their boxes are the whole pictures."""
        with self._turn:
            found = list(self._recogniser([_blue_first(strip) for strip in strips]))
        return [
            Line(
                str(one["rec_text"]),
                float(one["rec_score"]),
                Box(0, 0, *strip.size),
                (),
                one["rec_text"].lattice,
                one["rec_text"].frames,
            )
            for strip, one in zip(strips, found, strict=True)
        ]

    def raw(self, picture: Image.Image) -> Any:
        """Return PaddleOCR's own answer for an RGB picture: the bare call that our overhead is measured against."""
        with self._turn:
            return self._paddle.predict(_blue_first(picture))[0]


class ReadText(str):
    """A recognised text with what the recogniser saw: `lattice`, and the frame in which each character begins."""

    lattice: Lattice
    frames: tuple[int, ...]


class LatticeDecoder:
    """Takes the place of PaddleOCR's decoder: the same best text, with the lattice that PaddleOCR throws away.

    A line's score is that of its worst character. PaddleOCR reports the mean over all characters, spaces included: one wrong
    digit hides among eighteen right ones, and a doubtful space between two groups of digits, which means nothing, pulls a
    perfect line down. `ocr.lattice.DECODER` counts its versions.
    """

    def __init__(self, character: Sequence[str]) -> None:
        """Take the recogniser's characters by index; index 0 is its blank."""
        self.character = character
        self._columns = Columns(character)

    def __call__(self, predictions: Any, **_options: Any) -> tuple[list[ReadText], list[float]]:
        """Return the texts of a batch and their scores, for PaddleOCR's pipeline."""
        lines = [self._line(frames) for frames in numpy.asarray(predictions[0])]
        return [text for text, _ in lines], [score for _, score in lines]

    def _line(self, frames: Any) -> tuple[ReadText, float]:
        likeliest, scores = frames.argmax(axis=-1), frames.max(axis=-1)
        begins = numpy.flatnonzero(numpy.diff(likeliest, prepend=-1))
        best = numpy.maximum.reduceat(scores, begins)  # Each character counts with its best of neighbouring frames.
        shown = [
            (self.character[likeliest[at]], float(score), int(at))
            for at, score in zip(begins, best, strict=True)
            if likeliest[at]
        ]
        text = ReadText("".join(one for one, _, _ in shown))
        text.lattice, text.frames = self._columns.lattice(frames), tuple(at for _, _, at in shown)
        return text, min((score for one, score, _ in shown if not one.isspace()), default=0.0)


def _blue_first(picture: Image.Image) -> Any:
    return numpy.ascontiguousarray(numpy.asarray(picture)[:, :, ::-1])


def _box(corners: Any) -> Box:
    """The upright box around the four corners of a tilted line."""
    xs, ys = [int(corner[0]) for corner in corners], [int(corner[1]) for corner in corners]
    return Box(min(xs), min(ys), max(1, max(xs) - min(xs)), max(1, max(ys) - min(ys)))
