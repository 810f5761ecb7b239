"""What a score means: how often values of such a score were right, as fitted on validation photos and kept as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy

FITTED = Path(__file__).with_name("calibration.json")


class Kind(StrEnum):
    """Values whose scores mean different things."""

    CHECKED = "number_checked"  # A number with a check digit.
    UNCHECKED = "number_unchecked"
    PIN = "pin"


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


@cache
def fitted() -> dict[Kind, Curve]:
    """Return the curves that `python -m photo_set calibrate` wrote."""
    kept = json.loads(FITTED.read_text(encoding="utf-8"))
    return {
        Kind(name): Curve(tuple((x, y) for x, y in one["points"]), one["method"], one["readings"], one["right"])
        for name, one in kept["curves"].items()
    }


def calibrated(kind: Kind, score: float) -> float:
    """Return how sure a value of this kind and score is; the score itself where no curve was fitted."""
    curve = fitted().get(kind)
    return score if curve is None else curve.at(score)


def as_json(curves: dict[Kind, Curve], **about: Any) -> str:
    """Return the file of these curves; `about` says from which engine, photos and seeds they come."""
    described = {
        kind.value: {"method": one.method, "readings": one.readings, "right": one.right, "points": _rounded(one.points)}
        for kind, one in curves.items()
    }
    return json.dumps({**about, "curves": described}, indent=1, ensure_ascii=False) + "\n"


def _rounded(points: Sequence[tuple[float, float]]) -> list[list[float]]:
    return [[round(x, 5), round(y, 5)] for x, y in points]
