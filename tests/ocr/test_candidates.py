"""Closer looks at a line are weighed together, and only those at that line."""

from __future__ import annotations

from dataclasses import replace

from domain.cards.reading import Box
from domain.rules.brands import brand
from ocr.calibration import fitted
from ocr.candidates import Candidate, number_in, weighed
from ocr.labels import segments
from ocr.lines import Line, rows
from tests.ocr.lattices import lattice_of, shown

NUMBER, OTHER = "2326955627995358", "2326950000000018"


def line(number: str, y: int, **last_but_one: float) -> Line:
    """A line of print with a lattice; `last_but_one` are the shares of what its 15th character is seen as."""
    frames = shown(number)
    if last_but_one:
        frames[28] = {name.lstrip("_"): share for name, share in last_but_one.items()}
    corners = ((0.0, float(y)), (300.0, float(y)), (300.0, y + 30.0), (0.0, y + 30.0))
    return Line(number, 0.6, Box(0, y, 300, 30), corners, lattice_of(*frames), tuple(range(0, 32, 2)))


def candidate(one: Line) -> Candidate:
    found = number_in(segments(rows([one])), brand("walmart"), fitted())
    assert found is not None
    return found


def test_looks_at_one_line_are_weighed_together() -> None:
    first = candidate(line(NUMBER, 0, _5=0.5, _6=0.45, _7=0.05))
    again = [candidate(line(NUMBER, 0, _5=0.97, _6=0.03)) for _ in range(3)]
    found = weighed(first, again, 0.999)
    assert found is not None
    assert (found.judged.value, found.judged.looks) == (NUMBER, 4)
    assert found.confidence > first.confidence


def test_a_look_that_found_its_value_on_another_line_counts_for_nothing() -> None:
    first = candidate(line(NUMBER, 0, _5=0.6, _6=0.4))
    elsewhere = [replace(candidate(line(OTHER, 200)), labelled=True) for _ in range(6)]
    assert weighed(first, elsewhere, 0.999) == first
    one_more = candidate(line(NUMBER, 0, _5=0.9, _6=0.1))
    found = weighed(first, [*elsewhere, one_more], 0.999)
    assert found is not None
    assert (found.judged.value, found.judged.looks) == (NUMBER, 2)
