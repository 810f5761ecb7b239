"""General engines on their own, for comparison: the printed lines of a picture, and nothing that knows of cards."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from ocr.photo_reader import NamedEngine
from ocr.tesseract import TesseractEngine

if TYPE_CHECKING:
    from ocr.engine import PaddleEngine


class BareEngine(Protocol):
    """What finds text in a picture; `name` says which and of which version."""

    name: str

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """Return the printed lines of an RGB picture, in any order."""
        ...


class BarePaddle:
    """PaddleOCR as our own reader uses it, without all that we add."""

    def __init__(self, model_dir: Path, loaded: PaddleEngine | None = None) -> None:
        """Load the models below `model_dir`, unless an engine that has them is given."""
        from ocr.engine import PaddleEngine

        self._engine = loaded or PaddleEngine(model_dir)
        self.name = self._engine.name

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """See BareEngine."""
        return [str(text) for text in self._engine.raw(picture)["rec_texts"]]


class BareLines:
    """An engine of `ocr` on its own: every line that it finds."""

    def __init__(self, engine: NamedEngine) -> None:
        """Take a loaded engine."""
        self._engine = engine
        self.name = engine.name

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """See BareEngine."""
        return [line.text for line in self._engine.lines_in(picture)]


def engines(model_dir: Path, loaded: PaddleEngine | None = None) -> list[BareEngine]:
    """Return every engine that this machine has."""
    from ocr.engine import THREADS
    from ocr.rapid import RapidEngine

    found: list[BareEngine] = [BarePaddle(model_dir, loaded), BareLines(RapidEngine(THREADS))]
    if shutil.which("tesseract"):
        found.append(BareLines(TesseractEngine(THREADS)))
    return found
