"""What the recogniser saw of one line: how likely each character is in each of its frames, for the characters numbers are made of."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

Floats = NDArray[numpy.float32]
SYMBOLS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
DECODER = 1  # Count up when `Columns` or `ocr.engine.LatticeDecoder` makes other lines of the same frames: those kept by photo_set are void then.
GAP = 0  # Column of everything that stands between the characters of a number: the blank, spaces, dashes, dots.
COLUMN = {symbol: place for place, symbol in enumerate(SYMBOLS, start=1)}
_BETWEEN = frozenset(" -–—.·•,:;'`_~|/")


@dataclass(frozen=True)
class Lattice:
    """Probabilities by frame (rows, left to right) and by GAP and SYMBOLS (columns). What else a frame may show is left out."""

    frames: Floats

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)

    def part(self, begin: int, end: int) -> Lattice:
        """Return the frames `begin` to `end`."""
        return Lattice(self.frames[max(0, begin) : max(0, end)])


class Columns:
    """Folds the columns of a recogniser's alphabet into ours: cases and widths of a character are one."""

    def __init__(self, characters: Sequence[str]) -> None:
        """Take the recogniser's characters by index; index 0 is its blank."""
        columns = [GAP if place == 0 or one in _BETWEEN else _column(one) for place, one in enumerate(characters)]
        self._sources = numpy.flatnonzero(numpy.array([column is not None for column in columns]))
        fold = numpy.zeros((len(self._sources), len(SYMBOLS) + 1), dtype=numpy.float32)
        for row, source in enumerate(self._sources):
            fold[row, columns[source] or GAP] = 1
        self._fold = fold

    def lattice(self, probabilities: Floats) -> Lattice:
        """Return the lattice of a line from its frames over the whole alphabet."""
        return Lattice(probabilities[:, self._sources] @ self._fold)


def joined(parts: Sequence[Lattice]) -> Lattice:
    """Return the frames of several pieces of a row as one."""
    return parts[0] if len(parts) == 1 else Lattice(numpy.concatenate([part.frames for part in parts]))


def _column(character: str) -> int | None:
    return COLUMN.get(unicodedata.normalize("NFKC", character).upper())
