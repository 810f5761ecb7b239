"""The direction of print: from the lines' angle, and from the end at which a line begins."""

from __future__ import annotations

import math

import pytest

from domain.cards.reading import Box
from ocr.lines import Corners, Line
from ocr.orientation import along, angle_of, long_lines


def line(x: float, y: float, wide: float, high: float, degrees: float) -> Corners:
    """The corners of a line, clockwise from where its print begins, on a card turned clockwise about the picture's corner."""
    angle = math.radians(degrees)
    return tuple(
        (a * math.cos(angle) - b * math.sin(angle), a * math.sin(angle) + b * math.cos(angle))
        for a, b in ((x, y), (x + wide, y), (x + wide, y + high), (x, y + high))
    )


def as_detected(corners: Corners) -> Corners:
    """From the upper left of the picture, as detection has it: the beginning of the print is not known to it."""
    first = min(range(4), key=lambda at: corners[at][0] + corners[at][1])
    return (*corners[first:], *corners[:first])


@pytest.mark.parametrize("degrees", range(0, 360, 15))
def test_print_is_cut_from_its_beginning_whichever_way_it_lies(degrees: int) -> None:
    printed = line(100, 200, 300, 40, degrees)
    for found, wanted in zip(along(as_detected(printed), math.radians(degrees)), printed, strict=True):
        assert math.dist(found, wanted) < 1e-6


@pytest.mark.parametrize("degrees", range(-75, 90, 15))
def test_angle_is_that_of_most_of_the_print(degrees: int) -> None:
    lines = [line(100, 100, 400, 40, degrees), line(100, 200, 200, 30, degrees + 1), line(600, 100, 30, 150, degrees)]
    assert math.degrees(angle_of([as_detected(one) for one in lines])) == pytest.approx(degrees, abs=1.5)


def test_short_lines_have_no_say() -> None:
    lines = [Line("x", 0.9, Box(0, 0, 40, 40), line(0, 0, 40, 40, 45)), Line("y", 0.9, Box(0, 0, 1, 1))]
    assert long_lines(lines) == []
    assert angle_of([]) == 0.0
