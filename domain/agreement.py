"""How far reviewers agree, and whose outcome stood: figures of blind second reviews, each with the cases it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.review import ReviewOutcome


class Side(StrEnum):
    """What an outcome comes to for the card: bought or not."""

    ACCEPT = "accept"  # Bought, as it stood or corrected.
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
    def overturn_rate(self) -> float | None:
        """Overturned of the settled."""
        return _share(self.overturned, self.settled)

    @property
    def false_accept_rate(self) -> float | None:
        """Of what the first would have bought, what should not have been."""
        return _share(self.false_accepts, self.accepts)

    @property
    def false_reject_rate(self) -> float | None:
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


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
