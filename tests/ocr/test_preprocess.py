"""Looks at a photo: smaller, clearer only when flat, turned; a box always comes back to the photo it belongs to."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from domain.cards.reading import Box
from ocr.preprocess import Look, first_look, further_looks, is_flat

MARK = (300, 120, 420, 160)  # Left, upper, right, lower of a dark mark.


def marked(size: tuple[int, int] = (800, 600)) -> Image.Image:
    picture = Image.new("RGB", size, "white")
    ImageDraw.Draw(picture).rectangle(MARK, fill="black")
    return picture


def mark_in(picture: Image.Image) -> Box:
    box = picture.convert("L").point(lambda value: 255 if value < 128 else 0).getbbox()
    assert box is not None
    return Box(box[0], box[1], box[2] - box[0], box[3] - box[1])


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_box_of_a_turned_look_is_the_box_in_the_photo(turned: int) -> None:
    photo = marked()
    look = Look(photo.rotate(turned, expand=True), 1.0, turned)
    assert look.in_photo(mark_in(look.picture)) == mark_in(photo)


def test_a_large_photo_is_first_looked_at_small_and_its_boxes_scaled_back() -> None:
    look = first_look(marked((2400, 1800)))
    assert max(look.picture.size) == 1280
    back = look.in_photo(mark_in(look.picture))
    assert abs(back.x - MARK[0]) <= 2
    assert abs(back.right - MARK[2]) <= 4


def test_contrast_is_stretched_only_when_the_photo_is_flat() -> None:
    half = marked()
    half.paste("black", (0, 300, 800, 600))
    flat = half.point(lambda value: 100 + value // 8)
    assert is_flat(flat)
    assert not is_flat(first_look(flat).picture)
    assert first_look(marked()).picture.tobytes() == marked().tobytes()


def test_standing_lines_ask_for_quarter_turns_and_lying_ones_for_a_half() -> None:
    first = first_look(marked())
    assert [look.turned for look in further_looks(marked(), first, lines_upright=True)] == [180]
    assert [look.turned for look in further_looks(marked(), first, lines_upright=False)] == [90, 270]
