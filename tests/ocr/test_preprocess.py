"""Looks at a photo: smaller, clearer only when flat, turned; a box always comes back to the photo it belongs to."""

from __future__ import annotations

import math

import numpy
import pytest
from PIL import Image, ImageDraw

from domain.cards.reading import Box
from ocr.preprocess import evened, first_look, level_look

MARK = (300, 120, 420, 160)  # Left, upper, right, lower of a dark mark.


def marked(size: tuple[int, int] = (800, 600)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    picture.paste((128, 128, 128), (0, size[1] * 2 // 3, *size))
    ImageDraw.Draw(picture).rectangle(MARK, fill="black")
    return picture


def mark_in(picture: Image.Image) -> Box:
    box = picture.convert("L").point(lambda value: 255 if value < 64 else 0).getbbox()
    assert box is not None
    return Box(box[0], box[1], box[2] - box[0], box[3] - box[1])


@pytest.mark.parametrize("degrees", [0, 30, 90, 165, 180, 270, 315])
def test_a_box_of_a_turned_look_lies_around_the_mark_in_the_photo(degrees: int) -> None:
    look = level_look(marked(), [], math.radians(degrees))
    back, mark = look.in_photo(mark_in(look.picture)), mark_in(marked())
    middle = back.x + back.width / 2, back.y + back.height / 2
    assert math.dist(middle, (mark.x + mark.width / 2, mark.y + mark.height / 2)) < 3
    assert back.width >= mark.width - 3


@pytest.mark.parametrize("degrees", [0, 25, 120, 180, -90])
def test_print_is_laid_level_and_enlarged(degrees: int) -> None:
    """A card of a third of the photo, turned by some degrees, fills the look and lies level."""
    card = Image.new("RGB", (800, 600), "white")
    card.paste("black", (300, 280, 500, 310))
    corners = [(300.0, 280.0), (500.0, 280.0), (500.0, 310.0), (300.0, 310.0)]
    photo = card.rotate(-degrees, fillcolor="white")  # Clockwise, as angles in pictures are counted.
    angle = math.radians(degrees)
    laid = tuple(
        (400 + (x - 400) * math.cos(angle) - (y - 300) * math.sin(angle), 300 + (x - 400) * math.sin(angle) + (y - 300) * math.cos(angle))
        for x, y in corners
    )  # fmt: skip
    look = level_look(photo, [laid], angle)
    mark = mark_in(look.picture)
    assert mark.width / mark.height == pytest.approx(200 / 30, rel=0.1)
    assert mark.width > 500
    back = look.points_in_photo([(mark.x, mark.y)])
    assert math.dist(back[0], laid[0]) < 3


def test_light_is_evened_out() -> None:
    """Marks in a shadow and under a lamp stand out alike."""
    photo = Image.new("RGB", (400, 200), (30, 30, 30))
    photo.paste((240, 240, 240), (200, 0, 400, 200))
    photo.paste((20, 20, 20), (80, 80, 110, 120))
    photo.paste((228, 228, 228), (280, 80, 310, 120))
    even = numpy.asarray(evened(photo).convert("L"), dtype=int)
    for x in (81, 281):
        assert even[100, x] < even[100, x - 8] - 40


def test_a_large_photo_is_first_looked_at_small_and_its_boxes_scaled_back() -> None:
    look = first_look(marked((2400, 1800)))
    assert max(look.picture.size) == 1280
    back = look.in_photo(mark_in(look.picture))
    assert abs(back.x - MARK[0]) <= 2
    assert abs(back.right - MARK[2]) <= 4


def test_first_look_at_a_small_photo_is_the_photo() -> None:
    assert first_look(marked()).picture.tobytes() == marked().tobytes()


def test_noise_is_not_stretched_to_print() -> None:
    """Of a dark photo the print stands out, the grain around it does not."""
    grain = numpy.random.default_rng(1).normal(40, 3, (200, 400))
    grain[80:120, 180:220] -= 22
    even = numpy.asarray(evened(Image.fromarray(grain.clip(0, 255).astype(numpy.uint8)).convert("RGB")).convert("L"))
    assert even[20:60, 20:120].std() < 25
    assert even[85:115, 185:215].mean() < 90
