"""Fits what scores mean: isotonic regression where there are readings and errors enough, else Platt's logistic curve. Neither raises a score. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from domain.cards.reading import SECRET_FIELDS, SURE, FieldName
from ocr.calibration import Curve, Kind
from ocr.candidates import Candidate
from ocr.confidence import CAPS
from photo_set.photos import LabelledPhoto

READINGS_MIN = 40
READINGS_ENOUGH, ERRORS_ENOUGH = 150, 15  # Below either a staircase follows chance.
GRID = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999, 1.0)
EDGE = 1e-4  # A score of 0 or 1 has no logit.
STEPS = 60
SMALLEST_STEP = 1e-9

Floats = NDArray[numpy.float64]
Pairs = Sequence[tuple[float, bool]]  # Score, and whether the value was right.


@dataclass(frozen=True)
class Scored:
    """A value that was read: its kind and score, whether it is what is printed, and whether its score is of a lattice."""

    kind: Kind
    score: float
    right: bool
    of_lattice: bool


def scored_in(photo: LabelledPhoto, secrets: Sequence[Candidate]) -> list[Scored]:
    """Return every number and PIN that was read and that nothing but its score speaks against."""
    printed = {
        name: {card.printed.number if name is FieldName.NUMBER else card.printed.pin for card in photo.cards}
        for name in SECRET_FIELDS
    }
    return [
        Scored(one.kind, one.shown, one.judged.value in printed[one.name], one.judged.looks > 0)
        for one in secrets
        if all(CAPS[reason] >= SURE for reason in one.trusted[1])
    ]


def alike(found: Sequence[Scored]) -> tuple[dict[Kind, Pairs], bool]:
    """Return score and truth by kind, and whether they are of lattices: those of texts count only for an engine without any."""
    of_lattices = any(one.of_lattice for one in found)
    counted = [one for one in found if one.of_lattice is of_lattices]
    return {kind: [(one.score, one.right) for one in counted if one.kind is kind] for kind in Kind}, of_lattices


def curve_of(scored: Pairs) -> Curve | None:
    """Return the curve of these readings; None for so few that a score says more than they do."""
    if len(scored) < READINGS_MIN:
        return None
    right = sum(good for _, good in scored)
    by_stairs = len(scored) >= READINGS_ENOUGH and len(scored) - right >= ERRORS_ENOUGH
    method, points = ("isotonic", isotonic(scored)) if by_stairs else ("platt", platt(scored))
    return Curve(_lowered(points), method, len(scored), right)


def _lowered(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """Return the curve where it is below the score, else the score: a share over many scores says little of the lowest among them.

    Of 69 validation numbers without check digit and with a score around 0.82 two were wrong. Their share of 0.96 would be accepted; the score is not.
    """
    scores, shares = zip(*points, strict=True)
    # Within the highest step the score alone says which value is surer: its share is reached at 1, so that no two scores are worth the same.
    at = sorted({*(one for one in GRID if one < scores[-1]), *scores, 1.0})
    return tuple((score, min(score, float(numpy.interp(score, scores, shares)))) for score in at)


def isotonic(scored: Pairs) -> tuple[tuple[float, float], ...]:
    """Return the rising curve of least squares by pooling neighbours; a pool's share counts one right and one wrong more."""
    pools: list[list[float]] = []  # Right, readings, sum of scores.
    for score, good in sorted(scored):
        pools.append([float(good), 1.0, score])
        while len(pools) > 1 and pools[-2][0] / pools[-2][1] >= pools[-1][0] / pools[-1][1]:
            last = pools.pop()
            pools[-1] = [a + b for a, b in zip(pools[-1], last, strict=True)]
    points = [(scores / readings, (right + 1) / (readings + 2)) for right, readings, scores in pools]
    shares = numpy.maximum.accumulate([share for _, share in points])
    return tuple((score, float(share)) for (score, _), share in zip(points, shares, strict=True))


def platt(scored: Pairs) -> tuple[tuple[float, float], ...]:
    """Return points of the logistic curve over the scores' logits, with Platt's targets, by Newton's method with halved steps."""
    logits = numpy.array([_logit(score) for score, _ in scored])
    right = sum(good for _, good in scored)
    high, low = (right + 1) / (right + 2), 1 / (len(scored) - right + 2)
    targets = numpy.array([high if good else low for _, good in scored])
    design = numpy.stack([logits, numpy.ones_like(logits)], axis=1)
    start = weights = numpy.array([1.0, 0.0])

    def loss(at: Floats) -> float:
        # A weak pull to the score itself keeps the curve rising where all readings are right.
        along = design @ at
        return float(numpy.sum(numpy.logaddexp(0, along) - targets * along) + 0.25 * numpy.sum((at - start) ** 2))

    for _ in range(STEPS):
        shares = _logistic(design @ weights)
        slope = design.T @ (shares - targets) + 0.5 * (weights - start)
        bend = (design * (shares * (1 - shares))[:, None]).T @ design + 0.5 * numpy.eye(2)
        step = numpy.linalg.solve(bend, slope)
        while loss(weights - step) > loss(weights) and numpy.abs(step).max() > SMALLEST_STEP:
            step = step / 2
        weights = weights - step
    rising = max(0.05, float(weights[0]))
    return tuple((score, float(_logistic(rising * _logit(score) + float(weights[1])))) for score in GRID)


def _logistic(along: Any) -> Any:
    return 0.5 * (1 + numpy.tanh(along / 2))  # The same as 1 / (1 + e^-x), which overflows far below zero.


def _logit(score: float) -> float:
    inside = min(1 - EDGE, max(EDGE, score))
    return math.log(inside / (1 - inside))
