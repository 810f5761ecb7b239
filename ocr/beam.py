"""The likeliest values that a grammar allows for the frames of a line: CTC prefix beam search with one beam per length."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from ocr.grammar import Grammar
from ocr.lattice import COLUMN, GAP, Lattice

BEAM = 16  # Prefixes kept of each length.
FLOOR = (
    1e-5  # A character is never less likely than this in a frame that shows any: the recogniser is too sure of itself.
)
SEEN = 1e-4  # Characters below this in a frame are not tried there, unless nothing else is.
SURE_GAP = 0.995
_NEVER = -math.inf
_LOG_SEEN = math.log(SEEN)
_Floats = NDArray[numpy.float64]
_Prefixes = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Decoded:
    """A value, and the logarithm of how likely the frames are if it is what is printed."""

    value: str
    log_likelihood: float


def decoded(lattice: Lattice, grammar: Grammar, beam: int = BEAM) -> tuple[Decoded, ...]:
    """Return the likeliest values of the grammar's places, best first; check digits are not asked here."""
    wanted = len(grammar.places)
    # Prefix -> log-probability of ending in a gap, and in its last character; one table per length.
    by_length: list[_Prefixes] = [{"": (0.0, _NEVER)}, *({} for _ in range(wanted))]
    for frame in numpy.log(_condensed(lattice)).tolist():
        by_length = _next(by_length, frame, grammar, beam)
    found = [Decoded(value, _added(*ends)) for value, ends in by_length[wanted].items()]
    return tuple(sorted(found, key=lambda one: -one.log_likelihood))


def free_reading(lattice: Lattice, alphabet: frozenset[str]) -> str:
    """Return the text of the likeliest path over some characters, of whatever length."""
    kept = [GAP, *(COLUMN[one] for one in sorted(alphabet))]
    path = lattice.frames[:, kept].argmax(axis=1)
    return "".join(sorted(alphabet)[at - 1] for at, _ in itertools.groupby(path.tolist()) if at)


def likelihoods(lattice: Lattice, values: Sequence[str]) -> list[float]:
    """Return for each value the logarithm of how likely the frames are if exactly it is printed: the CTC forward sum."""
    found: dict[str, float] = {}
    frames = numpy.log(_condensed(lattice))
    for length in sorted({len(value) for value in values}):
        alike = sorted({value for value in values if len(value) == length})
        found |= zip(alike, _forward(frames, alike, length).tolist(), strict=True)
    return [found[value] for value in values]


def _forward(frames: _Floats, values: Sequence[str], length: int) -> _Floats:
    """The forward sums of values of one length, from the logarithms of the frames."""
    columns = numpy.array([[COLUMN[one] for one in value] for value in values], dtype=int).reshape(len(values), length)
    repeated = numpy.zeros(columns.shape, dtype=bool)
    repeated[:, 1:] = columns[:, 1:] == columns[:, :-1]
    in_gap = numpy.full((len(values), length + 1), _NEVER)
    in_gap[:, 0] = 0.0
    in_last = numpy.full_like(in_gap, _NEVER)
    for frame in frames:
        either = numpy.logaddexp(in_gap, in_last)
        entered = numpy.where(repeated, in_gap[:, :-1], either[:, :-1])
        in_last[:, 1:] = numpy.logaddexp(in_last[:, 1:], entered) + frame[columns]
        in_gap = either + frame[GAP]
    whole: _Floats = numpy.logaddexp(in_gap[:, -1], in_last[:, -1])
    return whole


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


def _condensed(lattice: Lattice) -> _Floats:
    """The frames with their floor; runs of sure gaps count once."""
    sure = lattice.frames[:, GAP] > SURE_GAP
    again = numpy.zeros(len(lattice), dtype=bool)
    again[1:] = sure[1:] & sure[:-1]
    return numpy.array(numpy.maximum(lattice.frames[~again], FLOOR), dtype=numpy.float64)


def _next(by_length: Sequence[_Prefixes], frame: Sequence[float], grammar: Grammar, beam: int) -> list[_Prefixes]:
    """The tables after one more frame, given by its logarithms."""
    seen = sorted(((frame[column], one) for one, column in COLUMN.items() if frame[column] > _LOG_SEEN), reverse=True)
    wholes = [{prefix: _added(*ends) for prefix, ends in prefixes.items()} for prefixes in by_length]
    after: list[_Prefixes] = []
    for length, prefixes in enumerate(by_length):
        shorter = by_length[length - 1] if length else {}
        shorter_wholes = wholes[length - 1] if length else {}
        kept = {
            prefix: _kept(prefix, ends, wholes[length][prefix], frame, shorter, shorter_wholes)
            for prefix, ends in prefixes.items()
        }
        # What is less likely than a whole beam of prefixes that were there before is not listed only to be dropped.
        least = min(map(max, kept.values())) if len(kept) >= beam else _NEVER
        allowed = grammar.places[length - 1] if length else frozenset()
        steps = [(log, one) for log, one in seen if one in allowed]
        for prefix, (in_gap, _) in shorter.items():
            whole = shorter_wholes[prefix]
            for log, one in steps:
                if whole + log < least:
                    break
                entered = in_gap if prefix[-1:] == one else whole
                if entered > _NEVER and prefix + one not in prefixes:
                    kept[prefix + one] = (_NEVER, entered + log)
        after.append(_best(kept, beam))
    return after


def _kept(
    prefix: str,
    ends: tuple[float, float],
    whole: float,
    frame: Sequence[float],
    shorter: _Prefixes,
    shorter_wholes: dict[str, float],
) -> tuple[float, float]:
    """The ends of a prefix that was there before, with those that its last character now makes of the one before it."""
    if not prefix:
        return whole + frame[GAP], _NEVER
    log, before = frame[COLUMN[prefix[-1]]], prefix[:-1]
    in_last = ends[1]
    if before in shorter and log > _LOG_SEEN:
        in_last = _added(in_last, shorter[before][0] if before[-1:] == prefix[-1] else shorter_wholes[before])
    return whole + frame[GAP], in_last + log


def _best(prefixes: _Prefixes, beam: int) -> _Prefixes:
    if len(prefixes) <= beam:
        return prefixes
    order = sorted(prefixes.items(), key=lambda one: -max(one[1]))
    return dict(order[:beam])


def _added(one: float, other: float) -> float:
    """The logarithm of the sum of two probabilities given by their logarithms."""
    if one < other:
        one, other = other, one
    return one if other == _NEVER else one + math.log1p(math.exp(other - one))
