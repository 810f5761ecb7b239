"""Print lies level before rows are gathered: a tilted card reads as the same card lying straight."""

from __future__ import annotations

import math

import pytest

from domain.cards.reading import Box, FieldName
from domain.rules.brands import catalogue
from ocr.level import level_of
from ocr.lines import Line, rows
from ocr.parse import fields_in

CARD = (
    ("华联超市", 60, 40, 200, 50), ("卡号", 60, 250, 70, 36), ("5820 4617 64", 60, 300, 330, 40),
    ("密码", 60, 420, 70, 36), ("788369", 150, 418, 160, 40), ("客服热线 400-820-1617", 60, 580, 260, 22),
)  # fmt: skip


def tilted(text: str, x: float, y: float, wide: float, high: float, degrees: float) -> Line:
    """A line as the engine gives it when the card is turned about the picture's corner."""
    angle = math.radians(degrees)
    corners = tuple(
        (a * math.cos(angle) - b * math.sin(angle), a * math.sin(angle) + b * math.cos(angle))
        for a, b in ((x, y), (x + wide, y), (x + wide, y + high), (x, y + high))
    )
    xs, ys = [a for a, _ in corners], [b for _, b in corners]
    around = Box(round(min(xs)), round(min(ys)), round(max(xs) - min(xs)), round(max(ys) - min(ys)))
    return Line(text, 0.99, around, corners)


@pytest.mark.parametrize("degrees", range(-40, 41, 5))
def test_rows_are_those_of_the_level_card(degrees: int) -> None:
    lines = [tilted(*line, degrees) for line in CARD]
    level = level_of(lines)
    assert [row.text for row in rows(map(level.laid, lines))] == [
        "华联超市", "卡号", "5820 4617 64", "密码 788369", "客服热线 400-820-1617"
    ]  # fmt: skip


@pytest.mark.parametrize("degrees", [-30, -15, 0, 15, 30])
def test_fields_of_a_tilted_card_are_found_and_placed_in_the_picture(degrees: int) -> None:
    lines = [tilted(*line, degrees) for line in CARD]
    read = {one.name: one for one in fields_in(lines, catalogue(), "hualian")}
    assert read[FieldName.PIN].value == "788369"
    box, line = read[FieldName.PIN].box, lines[4].box
    assert box is not None
    assert abs(box.x - line.x) <= 6
    assert abs(box.y - line.y) <= 6


def test_lines_without_corners_are_left_as_they_are() -> None:
    line = Line("5820 4617 64", 0.99, Box(1, 2, 300, 40))
    assert level_of([line]).laid(line) == line
