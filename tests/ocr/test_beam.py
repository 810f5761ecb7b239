"""The beam search finds what an exhaustive search finds, and its likelihood is the CTC forward sum."""

from __future__ import annotations

import itertools
import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocr.beam import FLOOR, SEEN, decoded, likelihoods, whole_likelihood
from ocr.grammar import Grammar
from ocr.lattice import COLUMN, GAP, Lattice
from tests.ocr.lattices import lattice_of

FEW = "018B"
ANY = Grammar((frozenset(FEW),) * 3, lambda value: True, False)


def by_paths(lattice: Lattice, value: str) -> float:
    """The probability of a value as the sum over every path of frames that collapses to it."""
    columns = [GAP, *(COLUMN[one] for one in FEW)]
    whole = 0.0
    for path in itertools.product(columns, repeat=len(lattice)):
        collapsed = [one for one, _ in itertools.groupby(path) if one != GAP]
        if [COLUMN[one] for one in value] == collapsed:
            whole += math.prod(max(float(row[at]), FLOOR) for row, at in zip(lattice.frames, path, strict=True))
    return whole


frames = st.lists(
    st.lists(st.floats(0.01, 1.0), min_size=5, max_size=5).map(
        lambda weights: dict(zip(("", *FEW), [one / sum(weights) for one in weights], strict=True))
    ),
    min_size=4,
    max_size=6,
)


@given(frames)
def test_likelihood_is_the_sum_over_all_paths(drawn: list[dict[str, float]]) -> None:
    lattice = lattice_of(*drawn)
    for value in ("018", "88B", "0"):
        assert math.exp(likelihoods(lattice, [value])[0]) == pytest.approx(by_paths(lattice, value), rel=1e-3)


@given(frames)
def test_beam_finds_the_likeliest_value_of_the_grammar(drawn: list[dict[str, float]]) -> None:
    lattice = lattice_of(*drawn)
    every = {"".join(value): likelihoods(lattice, ["".join(value)])[0] for value in itertools.product(FEW, repeat=3)}
    best = decoded(lattice, ANY, beam=64)[0]
    assert best.log_likelihood == pytest.approx(max(every.values()), abs=1e-3)
    assert every[best.value] == pytest.approx(best.log_likelihood, abs=1e-3)


@given(frames)
def test_whole_likelihood_is_the_sum_over_all_values(drawn: list[dict[str, float]]) -> None:
    lattice = lattice_of(*drawn)
    every = (math.exp(likelihoods(lattice, ["".join(value)])[0]) for value in itertools.product(FEW, repeat=3))
    assert math.exp(whole_likelihood(lattice, ANY)) == pytest.approx(math.fsum(every), rel=1e-6)


def plainly(lattice: Lattice, beam: int) -> list[str]:
    """The beam search as it is defined: every step of every prefix is listed, then all but the best of each length are dropped."""
    tables: list[dict[str, tuple[float, float]]] = [{"": (1.0, 0.0)}, {}, {}, {}]
    for row in lattice.frames.tolist():
        gap_share, *shares_of_few = (max(row[at], FLOOR) for at in (GAP, *(COLUMN[one] for one in FEW)))
        shares = dict(zip(FEW, shares_of_few, strict=True))
        after: list[dict[str, tuple[float, float]]] = [{} for _ in tables]
        for length, prefixes in enumerate(tables):
            for prefix, (gap, last) in prefixes.items():
                known = after[length].get(prefix, (0.0, 0.0))
                same = last * shares[prefix[-1]] if prefix else 0.0
                after[length][prefix] = (known[0] + (gap + last) * gap_share, known[1] + same)
                for one in FEW if length < 3 else "":
                    entered = (gap if prefix[-1:] == one else gap + last) * shares[one]
                    if entered and shares[one] > SEEN:
                        known = after[length + 1].get(prefix + one, (0.0, 0.0))
                        after[length + 1][prefix + one] = (known[0], known[1] + entered)
        tables = [dict(sorted(one.items(), key=lambda ends: -max(ends[1]))[:beam]) for one in after]
    return sorted(tables[3], key=lambda value: -sum(tables[3][value]))


@given(st.integers(0, 2**32), st.integers(1, 8))
def test_what_the_beam_leaves_unlisted_would_have_been_dropped(seed: int, beam: int) -> None:
    rows = numpy.random.default_rng(seed).dirichlet([0.4] * 5, 7)  # No two prefixes are equally likely.
    lattice = lattice_of(*(dict(zip(("", *FEW), row.tolist(), strict=True)) for row in rows))
    assert [one.value for one in decoded(lattice, ANY, beam)] == plainly(lattice, beam)


def test_repeated_character_needs_a_gap_between() -> None:
    grammar = Grammar((frozenset("0123456789"),) * 2, lambda value: True, False)
    assert decoded(lattice_of({"8": 1.0}, {"": 1.0}, {"8": 1.0}), grammar)[0].value == "88"
    held = decoded(lattice_of({"8": 1.0}, {"8": 1.0}, {"8": 1.0}), grammar)
    assert held == () or held[0].log_likelihood < math.log(FLOOR) / 2


def test_character_that_may_not_stand_there_gives_way_to_the_likeliest_that_may() -> None:
    lattice = lattice_of({"O": 0.9, "0": 0.1}, {"": 1.0}, {"1": 1.0})
    assert decoded(lattice, Grammar((frozenset("0123456789"),) * 2, lambda value: True, False))[0].value == "01"
