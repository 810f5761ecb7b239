"""Agreement beyond chance, and who was right: exact figures, and honest ones where there is nothing to tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quality.agreement import Case, Share, Side, figures, kappa

SIDE = st.sampled_from(Side)
CASES = st.lists(st.builds(Case, first=SIDE, second=SIDE, final=st.none() | SIDE))


def test_the_textbook_example_of_fifty_grants() -> None:
    """Two readers of 50 proposals: both yes 20, first yes only 5, second yes only 10, both no 15; kappa is 0.4."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    assert kappa(pairs) == pytest.approx(0.4)


def test_equal_agreement_is_worth_less_where_one_answer_is_common() -> None:
    even = [("a", "a")] * 25 + [("a", "b")] * 35 + [("b", "a")] * 5 + [("b", "b")] * 35
    skewed = [("a", "a")] * 45 + [("a", "b")] * 15 + [("b", "a")] * 25 + [("b", "b")] * 15
    assert kappa(even) == pytest.approx(0.2593, abs=1e-4)
    assert kappa(skewed) == pytest.approx(0.1304, abs=1e-4)


def test_nothing_is_known_from_no_cases_or_from_one_answer_only() -> None:
    assert kappa([]) is None
    assert kappa([("yes", "yes")] * 10) is None
    empty = figures([])
    assert (empty.kappa, empty.overturn_rate, empty.false_accept_rate, empty.false_reject_rate) == (None,) * 4


def test_false_accepts_and_false_rejects_are_distinguished() -> None:
    found = figures(
        [
            Case(Side.ACCEPT, Side.REJECT, Side.REJECT),  # A false accept.
            Case(Side.ACCEPT, Side.ACCEPT, Side.ACCEPT),
            Case(Side.REJECT, Side.ACCEPT, Side.ACCEPT),  # A false reject.
            Case(Side.REJECT, Side.ACCEPT, Side.REJECT),  # A senior held the first to be right.
            Case(Side.ACCEPT, Side.REJECT, None),  # Nobody knows yet.
        ]
    )
    assert (found.cases, found.agreed, found.settled, found.overturned) == (5, 1, 4, 2)
    assert (found.false_accept_rate, found.false_reject_rate) == (Share(1, 2), Share(1, 2))


@given(CASES)
def test_figures_stay_within_their_bounds_and_add_up(cases: list[Case]) -> None:
    found = figures(cases)
    assert found.false_accepts + found.false_rejects == found.overturned <= found.settled
    assert found.accepts + found.rejects == found.settled <= found.cases
    assert found.kappa is None or -1 <= found.kappa <= 1
    assert found.kappa != 1 or found.agreed == found.cases


@given(st.lists(st.tuples(SIDE, SIDE)))
def test_kappa_is_symmetric(pairs: list[tuple[Side, Side]]) -> None:
    assert kappa(pairs) == kappa([(other, one) for one, other in pairs])
