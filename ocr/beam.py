"""The likeliest values that a grammar allows for the frames of a line: CTC prefix beam search with one beam per length."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from ocr.grammar import Grammar
from ocr.lattice import COLUMN, GAP, Lattice

BEAM = 16  # Prefixes kept of each length.
FLOOR = (
    1e-5  # A character is never less likely than this in a frame that shows any: the recogniser is too sure of itself.
)
SEEN = 1e-4  # Characters below this in a frame are not tried there, unless nothing else is.
SURE_GAP = 0.995
_NEVER = -math.inf


@dataclass(frozen=True)
class Decoded:
    """A value, and the logarithm of how likely the frames are if it is what is printed."""

    value: str
    log_likelihood: float


def decoded(lattice: Lattice, grammar: Grammar, beam: int = BEAM) -> tuple[Decoded, ...]:
    """Return the likeliest values of the grammar's places, best first; check digits are not asked here."""
    wanted = len(grammar.places)
    # Prefix -> log-probability of ending in a gap, and in its last character; one table per length.
    by_length: list[dict[str, tuple[float, float]]] = [{"": (0.0, _NEVER)}, *({} for _ in range(wanted))]
    for frame in _condensed(lattice):
        by_length = _next(by_length, frame, grammar, beam)
    found = [Decoded(value, _added(*ends)) for value, ends in by_length[wanted].items()]
    return tuple(sorted(found, key=lambda one: -one.log_likelihood))


def free_reading(lattice: Lattice, alphabet: frozenset[str]) -> str:
    """Return the text of the likeliest path over some characters, of whatever length."""
    kept = [GAP, *(COLUMN[one] for one in sorted(alphabet))]
    path = lattice.frames[:, kept].argmax(axis=1)
    return "".join(sorted(alphabet)[at - 1] for at, _ in itertools.groupby(path.tolist()) if at)


def likelihood(lattice: Lattice, value: str) -> float:
    """Return the logarithm of how likely the frames are if exactly `value` is printed: the CTC forward sum."""
    before = [(0.0, _NEVER)] + [(_NEVER, _NEVER)] * len(value)
    for frame in _condensed(lattice):
        gap = math.log(frame[GAP])
        after = [(_added(*before[0]) + gap, _NEVER)]
        for place, character in enumerate(value, start=1):
            log = math.log(frame[COLUMN[character]])
            in_gap, in_last = before[place]
            shorter_gap, shorter_last = before[place - 1]
            repeated = place > 1 and value[place - 2] == character
            entered = shorter_gap if repeated else _added(shorter_gap, shorter_last)
            after.append((_added(in_gap, in_last) + gap, _added(in_last, entered) + log))
        before = after
    return _added(*before[-1])


def whole_likelihood(lattice: Lattice, grammar: Grammar) -> float:
    """Return the logarithm of how likely the frames are if any value of the grammar's places is printed, the beam's or not."""
    wanted = len(grammar.places)
    allowed = numpy.zeros((wanted + 1, len(COLUMN)))
    for place, characters in enumerate(grammar.places, start=1):
        allowed[place, [COLUMN[one] - 1 for one in characters]] = 1
    in_gap = numpy.zeros(wanted + 1)
    in_gap[0] = 1.0
    in_last = numpy.zeros_like(allowed)
    log = 0.0
    for frame in _condensed(lattice):
        shares = numpy.asarray(frame[1:])
        ends = in_last.sum(axis=1)
        entered = numpy.zeros_like(in_last)
        entered[1:] = (in_gap[:-1] + ends[:-1])[:, None] - in_last[:-1]
        in_gap, in_last = (in_gap + ends) * frame[GAP], (in_last + entered) * allowed * shares
        scale = float(in_gap.sum() + in_last.sum())
        if scale == 0.0:
            return _NEVER
        in_gap, in_last, log = in_gap / scale, in_last / scale, log + math.log(scale)
    last = float(in_gap[wanted] + in_last[wanted].sum())
    return log + math.log(last) if last > 0.0 else _NEVER


def _condensed(lattice: Lattice) -> list[list[float]]:
    """The frames with their floor; runs of sure gaps count once."""
    frames: list[list[float]] = []
    quiet = False
    for row in lattice.frames:
        sure = row[GAP] > SURE_GAP
        if not (sure and quiet):
            frames.append([float(one) for one in numpy.maximum(row, FLOOR)])
        quiet = bool(sure)
    return frames


def _next(
    by_length: Sequence[dict[str, tuple[float, float]]], frame: Sequence[float], grammar: Grammar, beam: int
) -> list[dict[str, tuple[float, float]]]:
    after: list[dict[str, tuple[float, float]]] = [{} for _ in by_length]
    gap = math.log(frame[GAP])
    seen = [(one, frame[column]) for one, column in COLUMN.items() if frame[column] > SEEN]
    for length, prefixes in enumerate(by_length):
        allowed = grammar.places[length] if length < len(grammar.places) else frozenset()
        steps = [(one, math.log(probability)) for one, probability in seen if one in allowed]
        for prefix, (in_gap, in_last) in prefixes.items():
            whole = _added(in_gap, in_last)
            kept_gap = whole + gap
            kept_last = in_last + math.log(frame[COLUMN[prefix[-1]]]) if prefix else _NEVER
            _put(after[length], prefix, kept_gap, kept_last)
            for one, log in steps:
                entered = in_gap if prefix and prefix[-1] == one else whole
                if entered > _NEVER:
                    _put(after[length + 1], prefix + one, _NEVER, entered + log)
    return [_best(prefixes, beam) for prefixes in after]


def _put(prefixes: dict[str, tuple[float, float]], prefix: str, in_gap: float, in_last: float) -> None:
    known = prefixes.get(prefix)
    prefixes[prefix] = (in_gap, in_last) if known is None else (_added(known[0], in_gap), _added(known[1], in_last))


def _best(prefixes: dict[str, tuple[float, float]], beam: int) -> dict[str, tuple[float, float]]:
    if len(prefixes) <= beam:
        return prefixes
    order = sorted(prefixes.items(), key=lambda one: -max(one[1]))
    return dict(order[:beam])


def _added(one: float, other: float) -> float:
    """The logarithm of the sum of two probabilities given by their logarithms."""
    if one < other:
        one, other = other, one
    return one if other == _NEVER else one + math.log1p(math.exp(other - one))
