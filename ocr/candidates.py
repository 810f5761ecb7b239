"""Which pieces of print could be the number or the PIN, and which of them is: labels first, the brand's rules second. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from domain.cards.reading import FieldName, ReadField, Reason
from domain.rules.brands import Brand
from ocr.calibration import Curves, Kind
from ocr.characters import CONFUSED
from ocr.confidence import confidence_of, shown_by
from ocr.grammar import Grammar, number_grammars, pin_grammars
from ocr.judging import Judged, judged
from ocr.labels import Label, Segment
from ocr.lines import Span

SURE_OF_CARD = 0.5  # From this confidence on a further number means a further card.
LONGER_OR_SHORTER = 2  # Characters that a reading of a labelled value may have too many or too few.
CONFUSED_SURE = 0.99  # A code of letters and digits without check digit may be less sure only when closer looks agree.
LOST_LABEL_MAX = 4  # Letters before a PIN that may be what is left of its label: `PN 819193`.
WINDOWS_MAX = 5  # Windows of one segment that are decoded, those nearest to the right length first.
_TOKEN = re.compile(r"[0-9A-Z]+")
_BETWEEN_GROUPS = re.compile(r"[\s\-–—·.]{0,3}")
# Words that are printed on cards and could stand inside a number with letters by their length.
_WORDS = re.compile(r"GIFT|CARD|WWW|HTTP|COM(?![0-9])|VALID|VALUE|REDEEM|ORDER|STORE|SHOP|AMOUNT|CODE|EXAMPLE")
_DATE = re.compile(r"20[0-9]{2}[-./ 年]{1,2}[01]?[0-9][-./ 月]{1,2}[0-3]?[0-9]")
_HOTLINE = re.compile(r"[48]00[0-9]{7}|1[3-9][0-9]{9}")


@dataclass(frozen=True)
class Candidate:
    """A value that could be the wanted one, where it stands, and whether a label announces it."""

    name: FieldName
    judged: Judged
    span: Span
    labelled: bool
    grammar: Grammar
    like_printed: bool  # In groups as the brand prints them, or in one.
    rivals: int = 0  # Other print that the grammar allows.
    by_colours: bool = False  # The card's colours alone say whose rules the grammar is.
    curves: Curves | None = None  # What the scores of its engine are worth.

    @property
    def kind(self) -> Kind:
        """Return what its score is measured by."""
        if self.name is FieldName.PIN:
            return Kind.PIN
        return Kind.CHECKED if self.grammar.checked else Kind.UNCHECKED

    @cached_property
    def trusted(self) -> tuple[float, tuple[Reason, ...]]:
        """How sure it is that this value is printed and is the wanted one (0..1), and what speaks against it."""
        return confidence_of(
            self.judged,
            self.grammar,
            self.kind,
            labelled=self.labelled,
            like_printed=self.like_printed,
            rivals=self.rivals,
            by_colours=self.by_colours,
            curves=self.curves,
        )

    @property
    def shown(self) -> float:
        """Return the score of its characters (0..1), which is calibrated to its confidence."""
        return shown_by(self.judged, self.grammar)

    @property
    def confidence(self) -> float:
        """How sure it is that this value is printed and is the wanted one (0..1)."""
        return self.trusted[0]

    def is_doubtful(self, sure_from: float) -> bool:
        """Return whether its line is worth a closer look: it is less sure than that, or only one look says whether a B is an 8."""
        distinct = self.grammar.checked or not self.grammar.letters or CONFUSED.isdisjoint(self.judged.value)
        return self.confidence < (sure_from if distinct else max(sure_from, CONFUSED_SURE))

    @property
    def rank(self) -> tuple[bool, bool, bool, float]:
        """Better candidates have a higher rank."""
        return self.judged.holds, self.labelled, self.like_printed, self.confidence

    def field(self) -> ReadField:
        """Return it as a field of the reading."""
        found = self.judged
        return ReadField(
            self.name,
            found.value,
            self.confidence,
            self.span.box,
            alternatives=found.alternatives,
            labelled=self.labelled,
            doubts=found.doubts,
            reasons=self.trusted[1],
        )


def number_in(cut: Sequence[Segment], brand: Brand, curves: Curves | None = None) -> Candidate | None:
    """Find the brand's number; None where nothing could be one. `curves` are those of the engine."""
    return _best(_numbers(cut, brand, curves))


def numbers_apart_in(cut: Sequence[Segment], brand: Brand, sure_from: float, curves: Curves | None) -> list[Candidate]:
    """Return the different numbers that keep the brand's rules and stand apart, labelled or not, from a confidence on.

    Of several cards in one photo there is one each.
    """
    found: dict[str, Candidate] = {}
    for one in sorted(_numbers(cut, brand, curves), key=lambda one: one.rank, reverse=True):
        holds = one.judged.holds and one.confidence >= sure_from
        if holds and not any(one.span.meets(other.span) for other in found.values()):
            found.setdefault(one.judged.value, one)
    return list(found.values())


def _numbers(cut: Sequence[Segment], brand: Brand, curves: Curves | None) -> list[Candidate]:
    announcing = {Label.NUMBER, Label.CODE, Label.PIN} if brand.pin is None else {Label.NUMBER}
    return [
        one
        for grammar in number_grammars(brand)
        for segment in cut
        for one in _in_segment(FieldName.NUMBER, segment, announcing, grammar, brand.group, curves)
    ]


def labelled_pins_in(cut: Sequence[Segment], brand: Brand) -> set[str]:
    """Return the different PINs of the brand that stand beside a label: of several cards in one photo there is one each."""
    return {one.judged.value for one in _pins(cut, brand, None) if one.judged.holds and one.labelled}


def pin_in(cut: Sequence[Segment], brand: Brand, number: Candidate | None, curves: Curves | None) -> Candidate | None:
    """Find the PIN beside the number; None for a brand without one. `curves` are those of the engine."""
    return _best([one for one in _pins(cut, brand, curves) if number is None or not one.span.meets(number.span)])


def _pins(cut: Sequence[Segment], brand: Brand, curves: Curves | None) -> list[Candidate]:
    return [
        one
        for grammar in (pin_grammars(brand.pin) if brand.pin else ())
        for segment in cut
        for one in _in_segment(FieldName.PIN, segment, {Label.PIN, Label.CODE}, grammar, (len(grammar.places),), curves)
    ]


def _best(found: Sequence[Candidate]) -> Candidate | None:
    best = max(found, key=lambda one: one.rank, default=None)
    if best is None:
        return None
    # A label says which of two is meant, unless the other has one too: then the photo shows several cards.
    others = [one for one in found if one.judged.holds and (one.labelled or not best.labelled)]
    rivals = {one.judged.value for one in others if not one.span.meets(best.span)} - {best.judged.value}
    return replace(best, rivals=len(rivals))


def _in_segment(
    name: FieldName,
    segment: Segment,
    announcing: set[Label],
    grammar: Grammar,
    group: tuple[int, ...],
    curves: Curves | None,
) -> Iterator[Candidate]:
    labelled = segment.label in announcing
    if not labelled and segment.label is not None:
        return
    wanted = len(grammar.places)
    reach = LONGER_OR_SHORTER if labelled else (1 if grammar.checked else 0)
    windows = [one for one in _windows(segment.span) if abs(len(one.written) - wanted) <= reach]
    found_any = False
    for window in sorted(windows, key=lambda one: abs(len(one.written) - wanted))[:WINDOWS_MAX]:
        if not labelled and _is_other_print(window, grammar, name, segment):
            continue
        span = window.span
        lattice = span.lattice()
        found = judged(window.written, span.confidence, [] if lattice is None else [lattice], grammar)
        if found is not None and (found.holds or len(window.written) == wanted or labelled):
            like = window.groups in (group, (wanted,))
            found_any = True
            yield Candidate(name, found, span, labelled, grammar, like, curves=curves)
    if labelled and not found_any and (kept := _wrong_length(segment, wanted)) is not None:
        yield Candidate(name, Judged(kept, holds=False), segment.span, True, grammar, False, curves=curves)


@dataclass(frozen=True)
class _Window:
    """Neighbouring groups of characters, joined."""

    written: str
    groups: tuple[int, ...]
    span: Span


def _windows(span: Span) -> Iterator[_Window]:
    """Every run of neighbouring groups: `81 0042 7` gives 81, 810042, 8100427, 0042, 00427, 7."""
    tokens = list(_TOKEN.finditer(span.text))
    for first, token in enumerate(tokens):
        for last in range(first, len(tokens)):
            if last > first and not _BETWEEN_GROUPS.fullmatch(span.text, tokens[last - 1].end(), tokens[last].start()):
                break
            inside = tokens[first : last + 1]
            groups = tuple(len(one.group()) for one in inside)
            yield _Window("".join(one.group() for one in inside), groups, span.part(token.start(), tokens[last].end()))


def _is_other_print(window: _Window, grammar: Grammar, name: FieldName, segment: Segment) -> bool:
    """Whether print without a label is a word, a hotline, a date, or only a part of more print."""
    written = window.written
    if name is FieldName.PIN:
        first, *rest = _TOKEN.findall(segment.span.text)
        label_lost = bool(rest) and first.isalpha() and len(first) <= LOST_LABEL_MAX
        return written != "".join(rest if label_lost else [first, *rest])
    if grammar.letters and (_WORDS.search(written) or written.isalpha()):
        return True
    return _HOTLINE.fullmatch(written) is not None or _DATE.match(window.span.text) is not None


def _wrong_length(segment: Segment, wanted: int) -> str | None:
    """What stands behind a label although no value of the brand is so long: a person gets it to compare with the photo."""
    written = "".join(_TOKEN.findall(segment.span.text))
    looks_right = 3 <= len(written) <= wanted + 4 and sum(map(str.isdigit, written)) * 2 >= len(written)
    return written if looks_right else None


def _share_a_line(one: Candidate, other: Candidate) -> bool:
    """Whether both stand on one line of print: a look that reads a line badly may find its value elsewhere."""
    places = {piece.line.corners for piece in one.span.pieces}
    return any(piece.line.corners in places for piece in other.span.pieces)


def weighed(first: Candidate | None, again: Sequence[Candidate | None], sure_from: float) -> Candidate | None:
    """Return the candidate with the value that all looks at its line together make likeliest; one that is sure stays as it is."""
    if first is None or not first.is_doubtful(sure_from):
        return first
    same = [first, *(one for one in again if one is not None and _share_a_line(first, one))]
    if len(same) < 2:
        return first
    lattices = [lattice for one in same if (lattice := one.span.lattice()) is not None]
    written = "".join(_TOKEN.findall(first.span.text))
    found = judged(written, first.span.confidence, lattices, first.grammar) if lattices else None
    return first if found is None else replace(first, judged=found)
