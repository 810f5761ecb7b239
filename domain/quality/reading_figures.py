"""How well cards are read: counts of labelled readings with their intervals, and the limit that they allow. Pure."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.quality.agreement import Share

ONE_BP = 10_000
BINS_BP = (0, 3_000, 5_000, 7_000, 8_000, 9_000, 9_500, 9_900, ONE_BP + 1)
CHANCE = 0.05  # What is said of wrong readings holds with 95 % confidence.
PLAIN, CODE = "plain", "code"  # Conditions of a reading against which nothing speaks: printed, or from a code.


@dataclass(frozen=True)
class LabelGroup:
    """So many labelled readings that are alike: the brand's field, what was hard about it, its confidence, and whether it was right."""

    brand: str
    field: str
    condition: str  # PLAIN, CODE, a Reason; empty for labels of older releases.
    confidence_bp: int
    right: bool
    labels: int = 1


@dataclass(frozen=True)
class Tally:
    """Counts of labelled readings. `accepted`: no person would have looked; `wrong`: of these, not what people found."""

    labels: int
    right: int
    accepted: int
    wrong: int

    @property
    def exact(self) -> Share | None:
        """Return the share that was read exactly."""
        return Share(self.right, self.labels) if self.labels else None

    @property
    def coverage(self) -> Share | None:
        """Return the share that needs no person."""
        return Share(self.accepted, self.labels) if self.labels else None

    @property
    def wrong_at_most_bp(self) -> int:
        """Return how much of what is accepted may be wrong, with 95 % confidence, rounded up to basis points."""
        return math.ceil(wrong_at_most(self.wrong, self.accepted) * ONE_BP)


@dataclass(frozen=True)
class Bin:
    """Readings of about one confidence: the mean of what was claimed, and how many were right."""

    claimed: float
    right: Share


@dataclass(frozen=True)
class Proposal:
    """The limit that the labels of a brand's field allow, and what it comes to beside the limit in force (`now_bp`, `now`).

    `limit_bp` is None where `missing` more labels are needed, and where even the surest readings are wrong too often.
    """

    brand: str
    field: str
    labels: int
    missing: int
    now_bp: int
    now: Tally
    limit_bp: int | None = None
    then: Tally | None = None


def condition_of(kept: Mapping[str, Any]) -> str:
    """Return what was hard about a field of a stored reading: the first reason against it, else where it comes from."""
    reasons = kept.get("reasons") or ()
    if reasons:
        return str(reasons[0])
    return CODE if kept.get("source") == "barcode" else PLAIN


def tally(groups: Iterable[LabelGroup], limit_of: Callable[[LabelGroup], int]) -> Tally:
    """Count groups, each with the limit of its brand and field."""
    labels = right = accepted = wrong = 0
    for one in groups:
        sure = one.confidence_bp >= limit_of(one)
        labels += one.labels
        right += one.labels * one.right
        accepted += one.labels * sure
        wrong += one.labels * (sure and not one.right)
    return Tally(labels, right, accepted, wrong)


def by(groups: Iterable[LabelGroup], key: Callable[[LabelGroup], str]) -> dict[str, list[LabelGroup]]:
    """Return the groups by a key, in the order of the keys."""
    found: dict[str, list[LabelGroup]] = defaultdict(list)
    for one in groups:
        found[key(one)].append(one)
    return dict(sorted(found.items()))


def reliability(groups: Sequence[LabelGroup]) -> list[Bin]:
    """Return the bins that hold readings, from unsure to sure."""
    found = []
    for low, high in itertools.pairwise(BINS_BP):
        inside = [one for one in groups if low <= one.confidence_bp < high]
        if whole := sum(one.labels for one in inside):
            claimed = sum(one.labels * one.confidence_bp for one in inside) / whole / ONE_BP
            found.append(Bin(claimed, Share(sum(one.labels * one.right for one in inside), whole)))
    return found


def coverage_curve(groups: Sequence[LabelGroup]) -> list[tuple[float, float]]:
    """Return (coverage, precision) for every limit of confidence, from the strictest on; one point per distinct confidence."""
    whole, points = sum(one.labels for one in groups), list[tuple[float, float]]()
    for _, accepted, wrong in _descending(groups):
        points.append((accepted / whole, 1 - wrong / accepted))
    return points


def confusions(pairs: Iterable[tuple[str, str]], most: int = 20) -> list[tuple[str, str, int]]:
    """Return (printed, read, times) of single characters in pairs of values of the same length, the most frequent first."""
    found: Counter[tuple[str, str]] = Counter()
    for printed, read in pairs:
        if len(printed) == len(read):
            found.update((a, b) for a, b in zip(printed, read, strict=True) if a != b)
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return [(printed, read, times) for (printed, read), times in ordered[:most]]


def wrong_at_most(wrong: int, of: int) -> float:
    """Return the largest share that may be wrong where `wrong` of `of` were, with 95 % confidence; 1 for none.

    One-sided and exact. Source: C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits, 1934.
    """
    if not 0 <= wrong <= of:
        raise ValueError("a share is of no more than all")
    if wrong == of:
        return 1.0
    low, high = wrong / of, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(wrong, of, middle) > CHANCE else (low, middle)
    return high


def needed(wrong_bp_max: int) -> int:
    """Return how many accepted readings without an error show that no more than that are wrong."""
    return math.ceil(math.log(CHANCE) / math.log1p(-wrong_bp_max / ONE_BP))


def proposed(groups: Sequence[LabelGroup], now_bp: int, labels_min: int, wrong_bp_max: int) -> Proposal:
    """Return the lowest limit that the labels of one brand's field allow; at least one group, all of one brand and field.

    Limits are tried from the strictest on that could show enough, down to the first that may let too many wrong ones pass:
    in this fixed order, trying many limits makes the figure of the last good one no rosier than it is.
    """
    brand, field = groups[0].brand, groups[0].field
    least, whole = needed(wrong_bp_max), sum(one.labels for one in groups)
    now, found = tally(groups, lambda _: now_bp), None
    if whole >= max(labels_min, least):
        for limit, accepted, wrong in _descending(groups):
            if accepted < least:
                continue
            if wrong_at_most(wrong, accepted) * ONE_BP > wrong_bp_max:
                break
            found = limit
    then = None if found is None else tally(groups, lambda _: found)
    return Proposal(brand, field, whole, max(0, max(labels_min, least) - whole), now_bp, now, found, then)


def _descending(groups: Sequence[LabelGroup]) -> Iterable[tuple[int, int, int]]:
    """For every distinct confidence, the highest first: it, and how many it accepts, and how many of these are wrong."""
    accepted = wrong = 0
    ordered = sorted(groups, key=lambda one: -one.confidence_bp)
    for limit, alike in itertools.groupby(ordered, key=lambda one: one.confidence_bp):
        for one in alike:
            accepted += one.labels
            wrong += one.labels * (not one.right)
        yield limit, accepted, wrong


def _at_most(wrong: int, of: int, share: float) -> float:
    """How likely it is that at most so many of all are wrong where each is with this chance, which is above 0 and below 1."""
    one, other = math.log(share), math.log1p(-share) if share < 1 else -math.inf
    total = 0.0
    for number in range(wrong + 1):
        ways = math.lgamma(of + 1) - math.lgamma(number + 1) - math.lgamma(of - number + 1)
        total += math.exp(ways + number * one + (of - number) * other)
    return total
