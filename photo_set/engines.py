"""General engines on their own, for comparison: the printed lines of a picture, and nothing that knows of cards."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from ocr.photo_reader import NamedEngine
from ocr.tesseract import TesseractEngine
from photo_set.spent import Spent


class TimedEngine(NamedEngine, Protocol):
    """An engine whose calls are counted with their seconds."""

    spent: Spent


class BareEngine(Protocol):
    """What finds text in a picture; `name` says which and of which version, `spent` what its calls cost."""

    name: str
    spent: Spent

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """Return the printed lines of an RGB picture, in any order."""
        ...


class BareLines:
    """An engine of `ocr` on its own: every line that it finds."""

    def __init__(self, engine: TimedEngine) -> None:
        """Take a loaded engine."""
        self._engine = engine
        self.name, self.spent = engine.name, engine.spent

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """See BareEngine."""
        return [line.text for line in self._engine.lines_in(picture)]


def others() -> list[BareEngine]:
    """Return every other engine that this machine has."""
    from ocr.engine import THREADS
    from ocr.rapid import RapidEngine
    from photo_set.kept import KeptEngine

    found: list[BareEngine] = [BareLines(KeptEngine(RapidEngine(THREADS), None))]
    if shutil.which("tesseract"):
        found.append(BareLines(KeptEngine(TesseractEngine(THREADS), None)))
    return found
