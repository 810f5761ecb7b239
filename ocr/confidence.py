"""How sure a value is, from what speaks for it; capped where something happened that no score shows. Pure."""

from __future__ import annotations

import math

from ocr.characters import SAME_SHAPE
from ocr.grammar import Grammar
from ocr.judging import Judged

# A value is trusted no more than this when the named thing happened; all but one lie below the 0.9 that needs no person.
CAP_RULES_BROKEN = 0.3  # The value cannot be one of this brand's.
CAP_INVENTED = 0.6  # A check digit asked for a character that the photo hardly shows.
CAP_REPAIRED = 0.95  # Changed by the rules alone, which a check digit confirms.
CAP_REPAIRED_UNCHECKED = 0.7  # Changed, and no check digit confirms it.
CAP_SAME_SHAPE = 0.85  # O or 0, I or 1, and no check digit to tell.
CAP_BLURRED = 0.85  # A check digit catches one wrong character, not several.
SCORE_BLURRED = 0.6  # Score of the worst character below which more than one is likely to be wrong.
CAP_UNLABELLED_UNCHECKED = 0.75  # Right length, but nothing says what it is: a hotline has ten digits too.
CAP_RIVALS = 0.85  # Without a label, and other print would do as well.
FIT_SHOWN = (
    -3.5
)  # A value less likely than the free reading by more than this (as a logarithm) is not shown by the photo.
UNCAUGHT_BY_CHECK = 0.1  # Part of misreads that a check digit lets through.


def confidence_of(found: Judged, grammar: Grammar, *, labelled: bool, like_printed: bool, rivals: int) -> float:
    """Return how sure it is that the value is printed and is the wanted one (0..1)."""
    sure = _shown(found, grammar)
    caps = [
        (CAP_RULES_BROKEN, not found.holds),
        (CAP_INVENTED, found.fit < FIT_SHOWN),
        (CAP_REPAIRED, bool(found.changes) and found.looks == 0),
        (CAP_REPAIRED_UNCHECKED, bool(found.changes) and not grammar.checked and found.looks <= 1),
        (CAP_BLURRED, found.looks == 0 and found.worst is not None and found.worst < SCORE_BLURRED),
        (CAP_SAME_SHAPE, grammar.letters and not grammar.checked and bool(SAME_SHAPE & set(found.value))),
        (CAP_UNLABELLED_UNCHECKED, not labelled and not grammar.checked),
        (CAP_RIVALS, not labelled and (rivals > 0 or not like_printed)),
    ]
    return min([sure, *(cap for cap, given in caps if given)])


def _shown(found: Judged, grammar: Grammar) -> float:
    """How sure the characters are, before what else may be wrong."""
    worst = (
        found.share if found.worst is None else min(found.worst, found.share) if not grammar.checked else found.worst
    )
    if grammar.checked:
        worst = 1 - (1 - worst) * UNCAUGHT_BY_CHECK
    return worst * math.exp(min(0.0, found.fit) / 10)
