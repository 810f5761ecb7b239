"""General engines on their own, for comparison: the printed lines of a picture, and nothing that knows of cards."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from ocr.photo_reader import NamedEngine
from ocr.tesseract import TesseractEngine


class BareEngine(Protocol):
    """What finds text in a picture; `name` says which and of which version."""

    name: str

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """Return the printed lines of an RGB picture, in any order."""
        ...


class BareLines:
    """An engine of `ocr` on its own: every line that it finds."""

    def __init__(self, engine: NamedEngine) -> None:
        """Take a loaded engine."""
        self._engine = engine
        self.name = engine.name

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """See BareEngine."""
        return [line.text for line in self._engine.lines_in(picture)]


def others() -> list[BareEngine]:
    """Return every other engine that this machine has."""
    from ocr.engine import THREADS
    from ocr.rapid import RapidEngine

    found: list[BareEngine] = [BareLines(RapidEngine(THREADS))]
    if shutil.which("tesseract"):
        found.append(BareLines(TesseractEngine(THREADS)))
    return found
