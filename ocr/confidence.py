"""How sure a value is, from what speaks for it; capped where something happened that no score shows. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from domain.cards.reading import FieldName, ReadField, Reason, Source
from domain.money import BASIS_POINTS_PER_ONE
from ocr.calibration import Curves, Kind
from ocr.characters import SAME_SHAPE
from ocr.grammar import Grammar
from ocr.judging import Judged

# A value is trusted no more than this when the named thing happened; all but one lie below the 0.9 that needs no person.
CAPS: Mapping[Reason, float] = {
    Reason.RULES_BROKEN: 0.3,
    Reason.INVENTED: 0.6,
    Reason.REPAIRED: 0.95,
    Reason.REPAIRED_UNCHECKED: 0.7,
    Reason.SAME_SHAPE: 0.85,
    Reason.BLURRED: 0.85,
    Reason.UNLABELLED_UNCHECKED: 0.75,
    Reason.RIVALS: 0.85,
    Reason.BY_COLOURS: 0.6,
    Reason.UNCALIBRATED: 0.85,
}
SCORE_BLURRED = 0.6  # Score of the worst character below which more than one is likely to be wrong.
FIT_SHOWN = (
    -3.5
)  # A value less likely than the free reading by more than this (as a logarithm) is not shown by the photo.
ONE_BP = 1 / BASIS_POINTS_PER_ONE
UNCAUGHT_BY_CHECK = 0.1  # Part of misreads that a check digit lets through.


def confidence_of(
    found: Judged,
    grammar: Grammar,
    kind: Kind,
    *,
    labelled: bool,
    like_printed: bool,
    rivals: int,
    by_colours: bool = False,
    curves: Curves | None = None,
) -> tuple[float, tuple[Reason, ...]]:
    """Return how sure it is that the value is printed and is the wanted one (0..1), and what speaks against it.

    `curves` are those of the engine; a score of one without stays as it is (see `PhotoReader`).
    """
    given = {
        Reason.RULES_BROKEN: not found.holds,
        Reason.INVENTED: found.fit < FIT_SHOWN,
        Reason.REPAIRED: bool(found.changes) and found.looks == 0,
        Reason.REPAIRED_UNCHECKED: not grammar.checked and _is_changed(found),
        Reason.SAME_SHAPE: grammar.letters and not grammar.checked and bool(SAME_SHAPE & set(found.value)),
        Reason.BLURRED: found.looks == 0 and found.worst is not None and found.worst < SCORE_BLURRED,
        Reason.UNLABELLED_UNCHECKED: not labelled and not grammar.checked,
        Reason.RIVALS: rivals > 0 or not (labelled or like_printed),
        Reason.BY_COLOURS: by_colours,
    }
    reasons = tuple(reason for reason, holds in given.items() if holds)
    shown = shown_by(found, grammar)
    sure = shown if curves is None else curves.at(kind, shown, of_lattice=found.looks > 0)
    return min([sure, *(CAPS[reason] for reason in reasons)]), reasons


def capped(read: ReadField, reason: Reason, at_most: float = 1.0) -> ReadField:
    """Return the field trusted no more than the cap of a reason, nor than `at_most`, and with the reason."""
    reasons = read.reasons if reason in read.reasons else (*read.reasons, reason)
    return replace(read.at_most(min(at_most, CAPS[reason])), reasons=reasons)


def uncalibrated(read: ReadField, limit: float) -> ReadField:
    """Return what an engine without curves printed: below the limit from which it needs no review. Codes need no engine."""
    if read.source is Source.BARCODE or read.name is FieldName.BRAND:
        return read
    return capped(read, Reason.UNCALIBRATED, max(0.0, limit - ONE_BP))


def _is_changed(found: Judged) -> bool:
    """Whether too few looks show the value as it is."""
    if found.looks <= 1:
        return bool(found.changes)
    return found.agreeing * 2 < found.looks


def shown_by(found: Judged, grammar: Grammar) -> float:
    """Return the score of the characters (0..1), before it is calibrated and before what else may be wrong."""
    if found.looks:
        worst = found.share if found.worst is None or grammar.checked else min(found.worst, found.share)
    else:
        worst = found.worst or 0.0
        worst = 1 - (1 - worst) * UNCAUGHT_BY_CHECK if grammar.checked else worst
    # The share already counts what a check digit lets through; without one, only the looks speak for the value.
    return worst * math.exp(min(0.0, found.fit) / (25 if grammar.checked and found.looks else 10))
