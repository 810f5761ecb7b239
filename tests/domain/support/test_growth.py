"""A cause of tickets grows when chance no longer explains it, and not before."""

from __future__ import annotations

import random
from fractions import Fraction
from math import comb

import pytest

from domain.support.growth import CHANCE_MAX, DAYS_LEAST, at_least, grows


@pytest.mark.parametrize(
    ("now", "before", "days", "does"),
    [
        (5, 0, 28, True),  # Never before, five at once.
        (2, 0, 28, False),
        (5, 140, 28, False),  # Five a day, as ever.
        (12, 140, 28, False),  # A bad day.
        (20, 140, 28, True),
        (400, 9_800, 28, False),
        (420, 9_800, 28, False),
        (500, 9_800, 28, True),
        (50, 0, DAYS_LEAST - 1, False),  # Nobody knows yet what is usual.
        (0, 0, 28, False),
    ],
)
def test_what_is_more_than_chance_explains(now: int, before: int, days: int, does: bool) -> None:
    assert grows(now, before, days) == does


@pytest.mark.parametrize(
    ("hits", "tries", "days"), [(0, 5, 28), (3, 9, 28), (5, 5, 3), (40, 900, 28), (120, 3_000, 28)]
)
def test_the_chance_is_that_of_exact_counting(hits: int, tries: int, days: int) -> None:
    once = Fraction(1, days + 1)
    exact = sum(comb(tries, one) * once**one * (1 - once) ** (tries - one) for one in range(hits, tries + 1))
    assert at_least(hits, tries, float(once)) == pytest.approx(float(exact), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize("a_day", [0.2, 3.0, 25.0])
def test_a_desk_on_which_nothing_changes_raises_no_alarm(a_day: float) -> None:
    chance = random.Random(int(a_day * 10))
    looks = [(_drawn(chance, a_day), sum(_drawn(chance, a_day) for _ in range(28))) for _ in range(2_000)]
    assert not [look for look in looks if grows(*look, 28)]
    assert 2_000 * CHANCE_MAX < 0.1


def _drawn(chance: random.Random, mean: float) -> int:
    """A count of what happens `mean` times on average."""
    number, time = 0, chance.expovariate(mean)
    while time < 1:
        number, time = number + 1, time + chance.expovariate(mean)
    return number
