"""Whether tickets about one thing have become more than chance explains. Pure."""

from __future__ import annotations

from datetime import timedelta
from math import exp, lgamma, log, log1p

WINDOW = timedelta(hours=6)  # What is judged: the last hours, against the same hours of the days before.
DAYS, DAYS_LEAST = 28, 3
# Some hundred things are judged every few seconds, and their counts hardly move between two looks.
CHANCE_MAX = 1e-5


def grows(now: int, before: int, days: int) -> bool:
    """Return whether `now` tickets in a window are more than chance explains, after `before` in as many windows as `days`.

    If nothing had changed, each of all these tickets would fall into the last window with the chance of 1 in `days` + 1
    (two Poisson counts, compared on their sum). Nothing grows on fewer than `DAYS_LEAST` days of history.
    """
    return days >= DAYS_LEAST and at_least(now, now + before, 1 / (days + 1)) <= CHANCE_MAX


def at_least(hits: int, tries: int, chance: float) -> float:
    """Return how likely `hits` or more of `tries` are, each of which hits with `chance` (between 0 and 1, both outside)."""
    return min(1.0, sum(exp(_log_of(number, tries, chance)) for number in range(hits, tries + 1)))


def _log_of(hits: int, tries: int, chance: float) -> float:
    ways = lgamma(tries + 1) - lgamma(hits + 1) - lgamma(tries - hits + 1)
    return ways + hits * log(chance) + (tries - hits) * log1p(-chance)
