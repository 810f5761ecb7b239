"""What a score means: how often values of such a score were right, as fitted on validation photos and kept as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy

from ocr.identity import without_version

FITTED = Path(__file__).with_name("calibration.json")


class Kind(StrEnum):
    """Values whose scores mean different things."""

    CHECKED = "number_checked"  # A number with a check digit.
    UNCHECKED = "number_unchecked"
    PIN = "pin"


class CalibrationUnreadable(ValueError):
    """A table of curves, or the folder of such tables, that cannot be read; `place` is where it is."""

    def __init__(self, place: Path, why: str) -> None:
        super().__init__(f"{place} {why}")
        self.place = place


@dataclass(frozen=True)
class Curve:
    """Points (score, share of values that were right), rising in both; `method`, how it was fitted, from how many `readings`."""

    points: tuple[tuple[float, float], ...]
    method: str
    readings: int
    right: int

    def at(self, score: float) -> float:
        """Return how sure a value of this score is (0..1): between two points in proportion."""
        scores, shares = zip(*self.points, strict=True)
        return float(numpy.interp(score, scores, shares))


@dataclass(frozen=True)
class Curves:
    """The curves of one engine. `of_lattices`: they were fitted to what lattices show, else to the scores of texts alone."""

    engine: str
    by_kind: Mapping[Kind, Curve]
    of_lattices: bool = True

    def at(self, kind: Kind, score: float, *, of_lattice: bool) -> float:
        """Return how sure a value of this kind and score is; the score itself where no curve was fitted to such ones."""
        curve = self.by_kind.get(kind) if of_lattice is self.of_lattices else None
        return score if curve is None else curve.at(score)

    def are_of(self, engine: str) -> bool:
        """Return whether they were fitted to that engine: the same kind and the same weights, of any version of its program."""
        return without_version(self.engine) == without_version(engine)


@cache
def fitted(table: Path = FITTED) -> Curves:
    """Return the curves of a table that `python -m photo_set calibrate` wrote. Raises CalibrationUnreadable for another file."""
    try:
        kept = json.loads(table.read_text(encoding="utf-8"))
        curves = {
            Kind(name): Curve(tuple((x, y) for x, y in one["points"]), one["method"], one["readings"], one["right"])
            for name, one in kept["curves"].items()
        }
        return Curves(kept["engine"], curves, kept.get("of_lattices", True))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        why = f"is no table that photo_set calibrate wrote ({type(problem).__name__})"
        raise CalibrationUnreadable(table, why) from None


def curves_of(engine: str, folder: Path | None = None) -> Curves | None:
    """Return the curves that were fitted to an engine: of a table in `folder`, else the built-in ones; None where neither has them.

    Raises CalibrationUnreadable for a table that cannot be read, and for a folder that is not there.
    """
    if folder is not None and not folder.is_dir():
        raise CalibrationUnreadable(folder, "is no folder")
    tables = sorted(folder.glob("*.json")) if folder is not None else []
    return next((one for table in (*tables, FITTED) if (one := fitted(table)).are_of(engine)), None)


def as_json(curves: dict[Kind, Curve], **about: Any) -> str:
    """Return the file of these curves; `about` says from which engine, photos and seeds they come."""
    described = {
        kind.value: {"method": one.method, "readings": one.readings, "right": one.right, "points": _rounded(one.points)}
        for kind, one in curves.items()
    }
    return json.dumps({**about, "curves": described}, indent=1, ensure_ascii=False) + "\n"


def _rounded(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[round(x, 5), round(y, 5)] for x, y in points]
