"""Figures of labelled readings: what may be wrong at most, and which limit the labels allow."""

from __future__ import annotations

import pytest

from domain.quality.reading_figures import (
    LabelGroup,
    condition_of,
    coverage_curve,
    needed,
    proposed,
    reliability,
    tally,
    wrong_at_most,
)


def group(confidence_bp: int, right: bool, labels: int, brand: str = "jd") -> LabelGroup:
    return LabelGroup(brand, "number", "plain", confidence_bp, right, labels)


def test_what_may_be_wrong_at_most_is_exact() -> None:
    assert wrong_at_most(0, 812) == pytest.approx(1 - 0.05 ** (1 / 812), rel=1e-6)
    assert f"{100 * wrong_at_most(0, 812):.2f}" == "0.37"
    assert wrong_at_most(1, 10) == pytest.approx(0.3942, abs=1e-4)  # The published table of Clopper and Pearson.
    assert wrong_at_most(3, 20_000) == pytest.approx(7.754 / 20_000, rel=1e-3)
    assert wrong_at_most(0, 0) == wrong_at_most(5, 5) == 1.0


def test_as_many_accepted_readings_are_needed_as_show_the_aim() -> None:
    assert wrong_at_most(0, needed(50)) <= 0.005 < wrong_at_most(0, needed(50) - 1)


def test_limit_is_the_lowest_that_keeps_the_aim() -> None:
    groups = [group(9_900, True, 700), group(9_300, True, 112), group(9_000, True, 200), group(9_000, False, 30)]
    found = proposed(groups, 9_000, 600, 50)
    assert (found.limit_bp, found.missing, found.labels) == (9_300, 0, 1_042)
    assert found.then is not None
    assert (found.then.accepted, found.then.wrong, found.then.wrong_at_most_bp) == (812, 0, 37)
    assert (found.now.accepted, found.now.wrong) == (1_042, 30)


def test_search_stops_at_the_first_limit_that_fails() -> None:
    """A lower limit that happens to look good again is not taken: among many limits one always does."""
    groups = [group(9_900, True, 700), group(9_500, False, 20), group(9_000, True, 20_000)]
    assert proposed(groups, 9_000, 600, 50).limit_bp == 9_900


def test_nothing_is_proposed_from_too_few_labels_or_where_the_surest_are_wrong() -> None:
    few = proposed([group(9_900, True, 500)], 9_000, 600, 50)
    assert (few.limit_bp, few.then, few.missing) == (None, None, 100)
    assert proposed([group(9_900, True, 590)], 9_000, 100, 50).missing == needed(50) - 590
    wrong = proposed([group(9_900, True, 600), group(9_900, False, 40)], 9_000, 600, 50)
    assert (wrong.limit_bp, wrong.missing) == (None, 0)


def test_each_group_is_judged_by_the_limit_of_its_brand() -> None:
    groups = [group(9_200, True, 5), group(9_200, False, 1, "tmall")]
    found = tally(groups, lambda one: 9_500 if one.brand == "tmall" else 9_000)
    assert (found.labels, found.right, found.accepted, found.wrong) == (6, 5, 5, 0)


def test_drawings_count_every_label_once() -> None:
    groups = [group(9_950, True, 8), group(9_950, False, 2), group(4_000, False, 10)]
    assert [(one.claimed, one.right.part, one.right.whole) for one in reliability(groups)] == [
        (0.4, 0, 10),
        (0.995, 8, 10),
    ]
    assert [number for point in coverage_curve(groups) for number in point] == pytest.approx([0.5, 0.8, 1.0, 0.4])


def test_condition_is_what_spoke_against_a_reading() -> None:
    assert condition_of({"reasons": ["blurred", "rivals"], "source": "ocr"}) == "blurred"
    assert condition_of({"reasons": [], "source": "barcode"}) == "code"
    assert condition_of({"source": "ocr"}) == "plain"
