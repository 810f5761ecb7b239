"""Lattices written by hand, for tests of what is made of them."""

from __future__ import annotations

import numpy

from ocr.lattice import COLUMN, GAP, SYMBOLS, Lattice


def lattice_of(*frames: dict[str, float]) -> Lattice:
    """Return frames by what they show: `{"8": 0.6, "B": 0.4}`, or `{"": 1.0}` for a gap."""
    rows = numpy.zeros((len(frames), len(SYMBOLS) + 1), dtype=numpy.float32)
    for row, frame in zip(rows, frames, strict=True):
        for seen, probability in frame.items():
            row[COLUMN[seen] if seen else GAP] = probability
    return Lattice(rows)


def shown(text: str) -> list[dict[str, float]]:
    """Return each character in one frame, a gap after each."""
    return [frame for one in text for frame in ({one: 1.0}, {"": 1.0})]
