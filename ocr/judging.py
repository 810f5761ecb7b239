"""Which value a grammar allows is printed, how sure that is, and which characters are in doubt: from text or from lattices. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from domain.cards.reading import Doubt
from ocr.beam import Decoded, decoded, free_reading, likelihoods, whole_likelihood
from ocr.characters import ALTERNATIVES_MAX, repair
from ocr.grammar import Grammar
from ocr.lattice import Lattice

POOL = 12  # Values of each look that are weighed against those of the others.
NEGLIGIBLE = 1e-9
# Issuers leave I and O out of codes that have digits too: without a check digit, one in so many of such print is the letter.
LEFT_OUT, LEFT_OUT_ODDS = frozenset("IO"), 8.0
DOUBTED = 0.02  # A character is named as a doubt from this share on.


@dataclass(frozen=True)
class Judged:
    """A value and what speaks for it.

    `holds`: the grammar allows it. `share`: how much of the likelihood of all allowed values it has (0..1), those
    beyond the beam too. `fit`: the
    logarithm by which it is less likely than what the looks show freely, of any length. `agreeing`: how many looks show it freely. `worst`: the score of the
    worst character of the best text, None where the value is another text. `looks`: how many lattices were weighed, 0 for a text alone.
    """

    value: str
    holds: bool
    share: float = 0.0
    fit: float = 0.0
    worst: float | None = None
    changes: int = 0
    alternatives: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    looks: int = 1
    agreeing: int = 0


def judged(text: str, worst: float, lattices: Sequence[Lattice], grammar: Grammar) -> Judged | None:
    """Return the likeliest value for what one or several looks saw; None when the grammar allows none of what they saw.

    `text` is the best free reading of the first look, without spaces, and `worst` the score of its worst character.
    """
    if not lattices:
        return _repaired(text, worst, grammar)
    weighed = _weighed(lattices, grammar)
    if not weighed:
        return None
    allowed = [one for one in weighed if grammar.holds(one.value)]
    best = allowed[0] if allowed else weighed[0]
    beyond = _beyond(lattices, grammar, weighed)
    shares = _shares(allowed or weighed, beyond - math.log(grammar.caught))
    alphabet = frozenset().union(*grammar.places)
    free = [free_reading(lattice, alphabet) for lattice in lattices]
    each = [likelihoods(lattice, [seen])[0] for lattice, seen in zip(lattices, free, strict=True)]
    shown = math.fsum(each) / len(lattices)
    return Judged(
        best.value, bool(allowed), shares[0][1], best.log_likelihood - shown,
        worst if best.value == text else None, _differing(best.value, text),
        tuple(value for value, _ in shares[1 : ALTERNATIVES_MAX + 1]), _doubts(shares), len(lattices), free.count(best.value),
    )  # fmt: skip


def _weighed(lattices: Sequence[Lattice], grammar: Grammar) -> list[Decoded]:
    """Values with the mean of their log-likelihoods in all looks, best first; those of rare letters count less."""
    weighed = _by_looks(lattices, grammar)
    if grammar.checked or not grammar.letters:
        return weighed
    rarer = math.log(LEFT_OUT_ODDS)
    less = [Decoded(one.value, one.log_likelihood - rarer * sum(map(one.value.count, LEFT_OUT))) for one in weighed]
    return sorted(less, key=lambda one: (-one.log_likelihood, one.value))


def _by_looks(lattices: Sequence[Lattice], grammar: Grammar) -> list[Decoded]:
    seen = [decoded(lattice, grammar) for lattice in lattices]
    if len(lattices) == 1:
        return list(seen[0])
    pool = sorted({one.value for found in seen for one in found[:POOL]})
    known = [{one.value: one.log_likelihood for one in found} for found in seen]
    by_look = [
        [logs.get(value, sure) for value, sure in zip(pool, likelihoods(lattice, pool), strict=True)]
        for logs, lattice in zip(known, lattices, strict=True)
    ]
    means = [math.fsum(logs) / len(lattices) for logs in zip(*by_look, strict=True)]
    weighed = [Decoded(value, mean) for value, mean in zip(pool, means, strict=True)]
    return sorted(weighed, key=lambda one: (-one.log_likelihood, one.value))


def _beyond(lattices: Sequence[Lattice], grammar: Grammar, weighed: Sequence[Decoded]) -> float:
    """The logarithm of how likely the looks are, on average, with any value that was not weighed: much where all is blurred."""
    logs = []
    for lattice in lattices:
        whole = whole_likelihood(lattice, grammar)
        each = likelihoods(lattice, [one.value for one in weighed])
        known = math.fsum(math.exp(min(0.0, one - whole)) for one in each)
        logs.append(whole + math.log(max(NEGLIGIBLE, 1 - known)))
    return math.fsum(logs) / len(logs)


def _shares(values: Sequence[Decoded], beyond: float) -> list[tuple[str, float]]:
    """The share of each value, with what lies beyond them among the rest: as much of it as the check digit lets through."""
    top = values[0].log_likelihood
    weights = [math.exp(one.log_likelihood - top) for one in values]
    whole = math.fsum(weights) + math.exp(min(50.0, beyond - top))
    return [(one.value, weight / whole) for one, weight in zip(values, weights, strict=True)]


def _doubts(shares: Sequence[tuple[str, float]]) -> tuple[Doubt, ...]:
    """The places at which likely values differ from the likeliest."""
    best, doubts = shares[0][0], []
    for place, character in enumerate(best):
        others: dict[str, float] = defaultdict(float)
        for value, share in shares[1:]:
            if len(value) == len(best) and value[place] != character:
                others[value[place]] += share
        named = sorted((one for one, share in others.items() if share >= DOUBTED), key=lambda one: -others[one])
        if named:
            doubts.append(Doubt(place + 1, character + "".join(named)))
    return tuple(doubts)


def _differing(value: str, text: str) -> int:
    if len(value) != len(text):
        return max(1, abs(len(value) - len(text)))
    return sum(one != other for one, other in zip(value, text, strict=True))


def _repaired(text: str, worst: float, grammar: Grammar) -> Judged:
    """Judge the text alone, for engines that keep no lattice."""
    found = repair(text, grammar.letters, grammar.checked, grammar.holds)
    doubts = [
        Doubt(at + 1, one + other)
        for at, one in enumerate(found.value)
        for other in _others(found.alternatives, at, one)
    ]
    return Judged(
        found.value, found.holds, worst, 0.0, worst, found.changes, found.alternatives, tuple(doubts[:6]), looks=0
    )


def _others(values: Sequence[str], at: int, known: str) -> list[str]:
    return sorted({value[at] for value in values if len(value) > at and value[at] != known})
