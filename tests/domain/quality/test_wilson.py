"""What a few cases say of a share: little, and honestly so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quality.agreement import Case, Share, Side, figures, wilson

WHOLE = st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    # R: prop.test(part, whole, correct = FALSE)$conf.int
    [
        (3, 100, 0.01025, 0.08452),
        (3, 10, 0.10779, 0.60322),
        (0, 20, 0.0, 0.16113),
        (20, 20, 0.83887, 1.0),
        (1, 2, 0.09453, 0.90547),
    ],
)
def test_known_intervals(part: int, whole: int, low: float, high: float) -> None:
    assert wilson(part, whole) == pytest.approx((low, high), abs=1e-5)


def test_three_of_a_hundred_reads_three_percent_between_one_and_nine() -> None:
    share = Share(3, 100)
    assert (share.percent, share.low, share.high) == (3, 1, 9)


@given(data=st.data(), whole=WHOLE)
def test_the_share_lies_within_and_the_bounds_within_what_a_share_can_be(data: st.DataObject, whole: int) -> None:
    part = data.draw(st.integers(0, whole))
    low, high = wilson(part, whole)
    assert 0 <= low <= part / whole <= high <= 1
    assert low < high
    shown = Share(part, whole)
    assert 0 <= shown.low <= 100 * low <= 100 * high <= shown.high <= 100


@given(data=st.data(), whole=WHOLE)
def test_what_is_counted_the_other_way_round_is_the_mirror_and_more_cases_say_more(
    data: st.DataObject, whole: int
) -> None:
    part = data.draw(st.integers(0, whole))
    low, high = wilson(part, whole)
    mirrored = wilson(whole - part, whole)
    assert mirrored == pytest.approx((1 - high, 1 - low))
    narrower = wilson(10 * part, 10 * whole)
    assert narrower[1] - narrower[0] < high - low


@pytest.mark.parametrize(("part", "whole"), [(0, 0), (1, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(part: int, whole: int) -> None:
    with pytest.raises(ValueError, match="at least one case"):
        wilson(part, whole)


def test_each_rate_is_of_its_own_cases() -> None:
    wrong, right = Case(Side.ACCEPT, Side.REJECT, Side.REJECT), Case(Side.ACCEPT, Side.ACCEPT, Side.ACCEPT)
    found = figures([wrong, right, right, Case(Side.REJECT, Side.REJECT, None)])
    assert found.agreement == Share(3, 4)
    assert found.overturn_rate == found.false_accept_rate == Share(1, 3)
    assert found.false_reject_rate is None
