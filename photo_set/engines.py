"""General engines on their own, for comparison: the printed lines of a picture, and nothing that knows of cards."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy
from PIL import Image

SECONDS_MAX = 60
LINES_SPARSE = "11"  # Tesseract's page segmentation for text in no particular order.


class BareEngine(Protocol):
    """What finds text in a picture; `name` says which and of which version."""

    name: str

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """Return the printed lines of an RGB picture, in any order."""
        ...


class BareRapid:
    """RapidOCR with the weights of its own package."""

    def __init__(self) -> None:
        """Load RapidOCR's default models."""
        from importlib.metadata import version

        from rapidocr import RapidOCR

        self._engine = RapidOCR()
        self.name = f"rapidocr {version('rapidocr')}"

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """See BareEngine."""
        found = self._engine(numpy.asarray(picture)[:, :, ::-1])
        return [str(text) for text in getattr(found, "txts", None) or ()]


class BareTesseract:
    """Tesseract's command line, with Chinese where it is installed. Raises FileNotFoundError where it is not."""

    def __init__(self) -> None:
        """Find the program and its languages."""
        program = shutil.which("tesseract")
        if program is None:
            raise FileNotFoundError("tesseract (Debian: tesseract-ocr tesseract-ocr-chi-sim)")
        self._program = program
        known = self._asked("--list-langs").split()
        self._languages = "+".join(one for one in ("eng", "chi_sim") if one in known)
        self.name = " ".join(self._asked("--version").split()[:2])

    def texts_in(self, picture: Image.Image) -> Sequence[str]:
        """See BareEngine."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "photo.png"
            picture.save(path)
            return self._asked(str(path), "stdout", "-l", self._languages, "--psm", LINES_SPARSE).splitlines()

    def _asked(self, *arguments: str) -> str:
        done = subprocess.run(  # A program that was found by its name, and paths of ours.
            [self._program, *arguments], capture_output=True, text=True, timeout=SECONDS_MAX, check=True
        )
        return done.stdout


def others() -> list[BareEngine]:
    """Return every other engine that this machine has."""
    found: list[BareEngine] = [BareRapid()]
    if shutil.which("tesseract"):
        found.append(BareTesseract())
    return found
