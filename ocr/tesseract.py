"""Tesseract's command line, for comparison: no lattice, and far weaker on photographs than the others."""

from __future__ import annotations

import io
import logging
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from PIL import Image

from domain.cards.reading import Box
from ocr.identity import named
from ocr.lines import Line

log = logging.getLogger(__name__)
SECONDS_MAX = 60
SPARSE, ONE_LINE = "11", "7"  # Page segmentation: text in no particular order, or a picture of one line.
LANGUAGES = ("eng", "chi_sim")
WORD = "5"  # The level of a row that is a word; lines and blocks come as rows of their own.


class TesseractMissing(RuntimeError):
    """The program is not installed; the text says what to install."""


class TesseractEngine:
    """Finds and recognises printed lines, Chinese too where its data are installed. Each call is a process of its own."""

    def __init__(self, threads: int) -> None:
        """Find the program and its languages; `threads` is its limit of OpenMP threads. Raises TesseractMissing."""
        self._program, self._threads = _program(), threads
        self._languages = tuple(path.stem for path in _data(self._program))
        self.name = tesseract_name()

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        """Find the printed lines of an RGB picture, boxes in its pixels, in no particular order; none after SECONDS_MAX."""
        return self._read(picture, SPARSE)

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        """Recognise pictures of one line each; their boxes are the whole pictures."""
        return [self._one(strip) for strip in strips]

    def _one(self, strip: Image.Image) -> Line:
        found = self._read(strip, ONE_LINE)
        words = " ".join(line.text for line in found)
        return Line(words, min((line.confidence for line in found), default=0.0), Box(0, 0, *strip.size))

    def _read(self, picture: Image.Image, segmentation: str) -> list[Line]:
        raw = io.BytesIO()
        picture.save(raw, "PNG", compress_level=1)
        command = [self._program, "stdin", "stdout", "-l", "+".join(self._languages), "--psm", segmentation, "tsv"]
        try:
            done = subprocess.run(
                command, input=raw.getvalue(), capture_output=True, timeout=SECONDS_MAX, check=True,
                env={"OMP_THREAD_LIMIT": str(self._threads)},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            # Grain that looks like print keeps it busy without end, the next time as well.
            log.warning("tesseract was stopped after %s s over %d x %d pixels", SECONDS_MAX, *picture.size)
            return []
        return list(_lines(done.stdout.decode("utf-8", "replace")))


def tesseract_name() -> str:
    """Return what a reading calls Tesseract with the data of its languages. Raises TesseractMissing."""
    program = _program()
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=SECONDS_MAX, check=True)
    return named(" ".join((shown.stdout or shown.stderr).split()[:2]), _data(program))


def _program() -> str:
    found = shutil.which("tesseract")
    if found is None:
        raise TesseractMissing("tesseract is not installed (Debian: tesseract-ocr tesseract-ocr-chi-sim)")
    return found


def _data(program: str) -> list[Path]:
    """The files of the languages that a card may be printed in, as far as they are installed."""
    shown = subprocess.run([program, "--list-langs"], capture_output=True, text=True, timeout=SECONDS_MAX, check=True)
    folder = Path((shown.stdout or shown.stderr).split('"')[1])
    found = [folder / f"{language}.traineddata" for language in LANGUAGES]
    if present := [one for one in found if one.is_file()]:
        return present
    raise TesseractMissing("tesseract has no data for English (Debian: tesseract-ocr-eng)")


def _lines(table: str) -> Iterator[Line]:
    """The words of each line as one, its score that of the worst word. The table has a head and tabs between."""
    rows = [row.split("\t", 11) for row in table.splitlines()[1:]]
    words = [row for row in rows if len(row) == 12 and row[0] == WORD and row[11].strip()]
    for _, group in groupby(words, key=lambda row: row[1:5]):  # Page, block, paragraph, line.
        line = list(group)
        left, top = min(int(row[6]) for row in line), min(int(row[7]) for row in line)
        right = max(int(row[6]) + int(row[8]) for row in line)
        bottom = max(int(row[7]) + int(row[9]) for row in line)
        box = Box(left, top, max(1, right - left), max(1, bottom - top))
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        yield Line(" ".join(row[11] for row in line), min(float(row[10]) for row in line) / 100, box, corners)
