"""Print that stands on a card that lies: it is cut both ways, a stack of characters is laid out as a row, the surest way wins."""

from __future__ import annotations

from PIL import Image, ImageDraw

from domain.cards.reading import Box
from ocr.lines import Corners, Line
from ocr.vertical_print import VerticalLine, best_of, unstacked, vertical_lines

LYING: Corners = ((20.0, 20.0), (320.0, 20.0), (320.0, 50.0), (20.0, 50.0))
TALL: Corners = ((400.0, 40.0), (440.0, 40.0), (440.0, 240.0), (400.0, 240.0))
WIDTHS = (6, 22, 10, 18, 8)  # Of five marks, so that their order can be told.


def line(text: str, score: float, corners: Corners) -> Line:
    return Line(text, score, Box(0, 0, 10, 10), corners)


def marked() -> Image.Image:
    """A standing line with a dark mark at its upper end."""
    picture = Image.new("RGB", (500, 300), "white")
    ImageDraw.Draw(picture).rectangle((408, 48, 432, 80), fill="black")
    return picture


def dark_share(picture: Image.Image, left: float, right: float) -> float:
    part = picture.convert("L").crop((round(left * picture.width), 0, round(right * picture.width), picture.height))
    return 1 - sum(level * many for level, many in enumerate(part.histogram())) / (255 * part.width * part.height)


def test_line_that_stands_is_cut_downwards_and_upwards() -> None:
    lines = [line("CARD NUMBER", 0.9, LYING), line("??", 0.3, TALL)]
    (found,) = vertical_lines(marked(), lines)
    down, up = (strip for strip, _ in found.strips[:2])
    assert down.width > 3 * down.height
    assert dark_share(down, 0, 0.5) > 4 * dark_share(down, 0.5, 1)
    assert dark_share(up, 0.5, 1) > 4 * dark_share(up, 0, 0.5)


def test_lines_of_a_card_that_itself_stands_are_left_alone() -> None:
    assert vertical_lines(marked(), [line("12345678", 0.9, TALL)]) == []


def test_stack_of_characters_becomes_a_row() -> None:
    stack = Image.new("RGB", (48, 250), "white")
    for place, wide in enumerate(WIDTHS):
        ImageDraw.Draw(stack).rectangle(
            (24 - wide // 2, 10 + 48 * place, 24 + wide // 2, 10 + 48 * place + 30), fill="black"
        )
    row = unstacked(stack)
    assert row is not None
    step = row.width / (len(WIDTHS) + 2)
    shares = [
        dark_share(row, step * place / row.width, step * (place + 1) / row.width) for place in range(1, len(WIDTHS) + 1)
    ]
    assert sorted(range(5), key=lambda at: shares[at]) == sorted(range(5), key=lambda at: WIDTHS[at])
    assert unstacked(Image.new("RGB", (48, 250), "white")) is None


def test_surest_way_with_digits_wins() -> None:
    strip = Image.new("RGB", (100, 48))
    one = VerticalLine(line("??", 0.3, TALL), ((strip, TALL), (strip, LYING)))
    assert best_of(one, [line("AB", 0.99, ()), line("739420", 0.8, ())]).text == "739420"
    assert best_of(one, [line("739420", 0.2, ()), line("0Z46EL", 0.1, ())]).text == "??"
