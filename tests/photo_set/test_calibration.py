"""A score is worth the share of values with such a score that were right."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ocr.calibration import Curve, Curves, Kind, as_json, curves_of, fitted
from photo_set.calibration import READINGS_MIN, Scored, alike, curve_of, isotonic, platt


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


def test_many_readings_never_raise_a_score() -> None:
    dice = random.Random(7)
    modest = [(score, dice.random() < score**0.2) for score in (dice.random() for _ in range(4000))]
    curve = curve_of(modest)
    assert curve is not None
    assert curve.method == "isotonic"
    assert curve.points == tuple(sorted(curve.points))
    for score in (0.3, 0.5, 0.7, 0.9):
        assert curve.at(score) == pytest.approx(score, abs=0.01)


def test_values_of_the_highest_step_keep_their_order() -> None:
    curve = curve_of([*[(0.3, False)] * 20, *[(0.99 + place / 40_000, True) for place in range(400)]])
    assert curve is not None
    assert curve.method == "isotonic"
    assert curve.at(0.996) < curve.at(0.9991) < curve.at(0.9998) < 1
    for kept in fitted().by_kind.values():
        assert kept.at(0.99) < kept.at(0.9991) < kept.at(0.9998)


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
        curve = fitted().by_kind.get(kind)
        if curve is None:
            assert fitted().at(kind, 0.7, of_lattice=True) == 0.7
        else:
            assert list(curve.points) == sorted(curve.points)
            assert curve.readings >= READINGS_MIN


KEPT_FOR = "paddleocr 3.7.0 PP-OCRv6 small at 800, weights e90316b40b3d"


@pytest.mark.parametrize(
    ("engine", "same"),
    [
        (KEPT_FOR, True),
        ("paddleocr 3.8.1 PP-OCRv6 small at 800, weights e90316b40b3d", True),  # Another version of the program.
        ("paddleocr 3.7.0 PP-OCRv6 small at 800, weights 000000000000", False),
        ("paddleocr 3.7.0 PP-OCRv6 tiny at 800, weights e90316b40b3d", False),
        ("paddleocr 3.7.0 PP-OCRv6 small, weights e90316b40b3d", False),
        ("rapidocr 3.10.0, weights e90316b40b3d", False),
        ("tesseract 5.3.0, weights e90316b40b3d", False),
        ("tesseract v5.3.0.20221222, weights e90316b40b3d", False),
    ],
)
def test_curves_are_of_one_kind_of_engine_with_its_weights(engine: str, same: bool) -> None:
    assert fitted().engine == KEPT_FOR
    assert (curves_of(engine) == fitted()) is same
    assert (curves_of(engine) is None) is not same


def test_an_engine_of_ones_own_has_the_curves_of_its_own_table(tmp_path: Path) -> None:
    curve = Curve(((0.0, 0.0), (1.0, 0.5)), "platt", 50, 40)
    kept = as_json({Kind.PIN: curve}, engine="tesseract 5.3.0, weights aaaaaaaaaaaa", of_lattices=False)
    (tmp_path / "tesseract.json").write_text(kept)
    found = curves_of("tesseract 5.5.1, weights aaaaaaaaaaaa", tmp_path)
    assert found == Curves("tesseract 5.3.0, weights aaaaaaaaaaaa", {Kind.PIN: curve}, of_lattices=False)
    assert (found.at(Kind.PIN, 0.8, of_lattice=False), found.at(Kind.PIN, 0.8, of_lattice=True)) == (0.4, 0.8)
    assert curves_of(KEPT_FOR, tmp_path) == fitted()
    assert curves_of("tesseract 5.3.0, weights bbbbbbbbbbbb", tmp_path) is None
    for wrong in ("[]", "{", '{"engine": "x", "curves": {"colour": {}}}'):
        (tmp_path / "wrong.json").write_text(wrong)
        fitted.cache_clear()
        with pytest.raises(ValueError, match=r"wrong\.json is no table"):
            curves_of("nothing 1", tmp_path)


def test_scores_of_texts_count_only_for_an_engine_that_keeps_no_lattice() -> None:
    lattice, text = (Scored(Kind.PIN, score, True, of_lattice) for score, of_lattice in ((0.9, True), (0.8, False)))
    assert alike([lattice, text]) == ({Kind.CHECKED: [], Kind.UNCHECKED: [], Kind.PIN: [(0.9, True)]}, True)
    assert alike([text])[0][Kind.PIN] == [(0.8, True)]
    assert alike([text])[1] is False
