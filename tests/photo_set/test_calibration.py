"""A score is worth the share of values with such a score that were right."""

from __future__ import annotations

import random

import pytest

from ocr.calibration import Curve, Kind, as_json, calibrated, fitted
from photo_set.calibration import READINGS_MIN, curve_of, isotonic, platt


def readings(many: int, seed: int = 1) -> list[tuple[float, bool]]:
    """Scores that promise too much: a value of score s is right with s squared."""
    dice = random.Random(seed)
    scores = [dice.random() for _ in range(many)]
    return [(score, dice.random() < score**2) for score in scores]


def test_curve_of_many_readings_is_a_staircase_near_the_truth() -> None:
    curve = curve_of(readings(4000))
    assert curve is not None
    assert curve.method == "isotonic"
    for score in (0.3, 0.5, 0.7, 0.9):
        assert curve.at(score) == pytest.approx(score**2, abs=0.08)


@pytest.mark.parametrize("many", [60, 100])
def test_few_readings_are_fitted_by_a_logistic_curve(many: int) -> None:
    curve = curve_of(readings(many))
    assert curve is not None
    assert curve.method == "platt"
    assert curve.at(0.5) < 0.5


def test_few_errors_lower_a_score_and_never_raise_it() -> None:
    modest = [(0.85, True)] * 60
    curve = curve_of(modest)
    assert curve is not None
    assert curve.at(0.85) == pytest.approx(0.85)
    boasting = curve_of([*[(0.99, True)] * 50, *[(0.99, False)] * 10])
    assert boasting is not None
    assert boasting.at(0.99) < 0.95


def test_too_few_readings_are_fitted_by_none() -> None:
    assert curve_of(readings(READINGS_MIN - 1)) is None


@pytest.mark.parametrize("fit", [isotonic, platt])
def test_curve_rises_and_stays_below_certainty(fit: object) -> None:
    assert callable(fit)
    sure = [(0.9999, True)] * 90
    for scored in (
        readings(80),
        [(0.99, True)] * 50,
        [(0.4, False)] * 50,
        [*sure, (0.02, False)],
        [*sure, (0.99999, False)],
    ):
        points = fit(scored)
        shares = [share for _, share in points]
        assert shares == sorted(shares)
        assert 0 < shares[0] <= shares[-1] < 1


def test_value_between_points_lies_between_their_shares() -> None:
    curve = Curve(((0.5, 0.2), (1.0, 0.8)), "isotonic", 10, 5)
    assert curve.at(0.75) == pytest.approx(0.5)
    assert (curve.at(0.1), curve.at(1.0)) == (0.2, 0.8)
    assert '"number_checked"' in as_json({Kind.CHECKED: curve}, engine="printed 1")


def test_kept_curves_rise_and_a_kind_without_one_keeps_its_score() -> None:
    for kind in Kind:
        curve = fitted().get(kind)
        if curve is None:
            assert calibrated(kind, 0.7) == 0.7
        else:
            assert list(curve.points) == sorted(curve.points)
            assert curve.readings >= READINGS_MIN
