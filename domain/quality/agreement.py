"""Agreement of reviewers: figures of blind reviews, each with its number of cases."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, floor, sqrt

from domain.cards.review import ReviewOutcome

Z_95 = 1.959963984540054  # Of the normal distribution, 95 % lie within so many standard deviations.


class Side(StrEnum):
    """What an outcome comes to for the card: bought or not."""

    ACCEPT = "accept"  # Bought, unchanged or corrected.
    REJECT = "reject"  # Not bought.


SIDES = {
    ReviewOutcome.APPROVE: Side.ACCEPT,
    ReviewOutcome.APPROVE_CORRECTED: Side.ACCEPT,
    ReviewOutcome.REJECT: Side.REJECT,
}


@dataclass(frozen=True)
class Case:
    """One card looked at twice. `final` is None while a senior has not settled a difference."""

    first: Side
    second: Side
    final: Side | None


@dataclass(frozen=True)
class Share:
    """So many of so many cases, at least one; and between what the true share may lie, as whole percents.

    The bounds are rounded outward, so that what they say is never narrower than what is known.
    """

    part: int
    whole: int

    @property
    def percent(self) -> int:
        """The share itself, to the nearest percent."""
        return round(100 * self.part / self.whole)

    @property
    def low(self) -> int:
        """The lower bound of the 95 % interval."""
        return floor(100 * wilson(self.part, self.whole)[0])

    @property
    def high(self) -> int:
        """The upper bound of the 95 % interval."""
        return ceil(100 * wilson(self.part, self.whole)[1])


@dataclass(frozen=True)
class Figures:
    """What the cases say. A share whose base is empty is None: nothing is known, which is not the same as nothing wrong."""

    cases: int
    agreed: int
    kappa: float | None  # Cohen's, between first and second; None where chance alone would always agree.
    settled: int
    overturned: int  # Of the settled: the final outcome is not the first.
    accepts: int  # Settled cases whose first outcome was to buy ...
    false_accepts: int  # ... and which should not have been bought.
    rejects: int
    false_rejects: int

    @property
    def agreement(self) -> Share | None:
        """Of all cases, those on which both came to the same."""
        return _share(self.agreed, self.cases)

    @property
    def overturn_rate(self) -> Share | None:
        """Overturned of the settled."""
        return _share(self.overturned, self.settled)

    @property
    def false_accept_rate(self) -> Share | None:
        """Of what the first would have bought, what should not have been."""
        return _share(self.false_accepts, self.accepts)

    @property
    def false_reject_rate(self) -> Share | None:
        """Of what the first turned away, what should have been bought."""
        return _share(self.false_rejects, self.rejects)


def figures(cases: Sequence[Case]) -> Figures:
    """All figures of these cases."""
    settled = [case for case in cases if case.final is not None]
    wrong = [case for case in settled if case.final is not case.first]
    return Figures(
        cases=len(cases),
        agreed=sum(case.first is case.second for case in cases),
        kappa=kappa([(case.first, case.second) for case in cases]),
        settled=len(settled),
        overturned=len(wrong),
        accepts=sum(case.first is Side.ACCEPT for case in settled),
        false_accepts=sum(case.first is Side.ACCEPT for case in wrong),
        rejects=sum(case.first is Side.REJECT for case in settled),
        false_rejects=sum(case.first is Side.REJECT for case in wrong),
    )


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two raters over the same cases: 1 is full agreement, 0 what chance would give, below 0 worse.

    None without cases, and where both always gave one and the same answer, so that chance explains everything.
    Source: J. Cohen, A coefficient of agreement for nominal scales, 1960.
    """
    if not pairs:
        return None
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    # Both shares times the square of the number of cases, so that everything before the division is exact.
    by_chance = sum(first[label] * second[label] for label in first)
    observed = len(pairs) * sum(one == other for one, other in pairs)
    possible = len(pairs) ** 2
    return None if by_chance == possible else (observed - by_chance) / (possible - by_chance)


def wilson(part: int, whole: int) -> tuple[float, float]:
    """Between which shares (0–1) the true one lies with 95 % confidence, where `part` of `whole` cases were found.

    It stays within 0 and 1, and says something also of none or all of a few cases, where the usual formula says nothing.
    Raises ValueError for counts that are none. Source: E. B. Wilson, Probable inference, 1927.
    """
    if not 0 <= part <= whole or whole < 1:
        raise ValueError("a share is of at least one case")
    share, spread = part / whole, Z_95**2 / whole
    middle = (share + spread / 2) / (1 + spread)
    half = sqrt(share * (1 - share) * spread + spread**2 / 4) / (1 + spread)
    # Exactly 0 and 1 at the ends, where only the rounding of floats could say otherwise.
    return (0.0 if part == 0 else middle - half, 1.0 if part == whole else middle + half)


def _share(part: int, whole: int) -> Share | None:
    return Share(part, whole) if whole else None
