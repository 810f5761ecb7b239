"""The order of looks at a photo: none more than needed, never more than the budget, each field from the look that saw it best."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
import segno
from PIL import Image

from domain.cards.reading import Box, FieldName, ReadField, Reason
from domain.places import business_day
from domain.rules.brands import catalogue
from ocr.calibration import Curves, fitted
from ocr.confidence import CAPS
from ocr.lattice import SYMBOLS, Lattice
from ocr.lines import Line
from ocr.photo_reader import LOOKS_MAX, PhotoReader
from ocr.strips import CUTS
from tests.builders.reading_limits import reading_limits
from tests.builders.world import a_number
from tests.ocr.lattices import lattice_of

NUMBER, PIN = "2326955627995358", "879507"
STRIPS_MAX = 8  # Four lines from both ends.


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "white").save(out, "JPEG")
    return out.getvalue()


def line(text: str, y: int, score: float = 0.99) -> Line:
    wide = 16 * len(text)
    corners = ((100.0, float(y)), (100.0 + wide, float(y)), (100.0 + wide, y + 30.0), (100.0, y + 30.0))
    return Line(text, score, Box(100, y, wide, 30), corners, *seen(text, score))


def seen(text: str, score: float) -> tuple[Lattice, tuple[int, ...]]:
    """What the recogniser saw of a text whose last character it is so sure of, and the frame of each character."""
    frames = [frame for one in text for frame in ({one if one in SYMBOLS else "": 1.0}, {"": 1.0})]
    last = text[-1]
    if last in SYMBOLS:
        frames[-2] = {last: score, "A" if last != "A" else "B": 1 - score}
        if last.isdigit():
            frames[-2] = {last: score, str((int(last) + 1) % 10): 1 - score}
    return lattice_of(*frames), tuple(range(0, 2 * len(text), 2))


BRAND, GARBAGE = line("沃尔玛购物卡", 40), line("8SES 66L2", 300, 0.2)
NUMBERED, WITH_PIN = line("卡号 2326 9556 2799 5358", 120), line("密码 879507", 200)
DIM_PIN = line("密码 879507", 200, 0.7)


@dataclass
class Scripted:
    """An engine that sees what each look is told to show, the last one again and again."""

    looks: list[list[Line]]
    turned: bool = False  # Lines read better from their other end.
    pictures: list[tuple[int, int]] = field(default_factory=list)
    strips: int = 0

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:
        self.pictures.append(picture.size)
        return self.looks[min(len(self.pictures), len(self.looks)) - 1]

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        self.strips += len(strips)
        scores = [0.2 if place < len(strips) / 2 else 0.9 for place in range(len(strips))]
        if not self.turned:
            scores.reverse()
        return [Line("x", score, Box(0, 0, *strip.size)) for score, strip in zip(scores, strips, strict=True)]


def read(engine: Scripted) -> tuple[dict[str, str], dict[str, Box | None], tuple[str, ...]]:
    ((reading,), seen) = PhotoReader(engine, catalogue(), "scripted 1", fitted()).read_and_explain(photo(), "walmart")
    return (
        {one.name.value: one.value for one in reading.fields},
        {one.name.value: one.box for one in reading.fields},
        seen.looks,
    )


def test_clearly_read_photo_is_read_once() -> None:
    engine = Scripted([[BRAND, NUMBERED, WITH_PIN]])
    values, _, looks = read(engine)
    assert (values["number"], values["pin"]) == (NUMBER, PIN)
    assert (len(engine.pictures), engine.strips, len(looks)) == (1, 0, 1)


def test_photo_that_shows_nothing_costs_no_more_than_the_budget() -> None:
    engine = Scripted([[GARBAGE, line("LS3 18", 350, 0.2)]])
    values, _, _ = read(engine)
    assert "number" not in values
    assert len(engine.pictures) <= LOOKS_MAX
    assert engine.strips <= STRIPS_MAX


def test_card_on_its_head_is_turned_by_what_its_lines_read_from_the_other_end() -> None:
    engine = Scripted([[line("沃尔玛", 40, 0.5), GARBAGE], [BRAND, NUMBERED, WITH_PIN]], turned=True)
    values, boxes, looks = read(engine)
    assert values["number"] == NUMBER
    assert "turned 180°" in looks[1] or "turned -180°" in looks[1]
    brand, number = boxes["brand"], boxes["number"]
    assert brand is not None
    assert number is not None
    assert brand.y > number.y  # In the photo, where the card stands on its head.


def test_card_that_lies_as_it_should_is_not_turned() -> None:
    engine = Scripted([[GARBAGE], [BRAND, NUMBERED, WITH_PIN]])
    _, _, looks = read(engine)
    assert "turned 0°" in looks[1]


def test_pin_comes_from_the_look_that_saw_it() -> None:
    engine = Scripted([[BRAND, NUMBERED], [BRAND, WITH_PIN]])
    values, _, looks = read(engine)
    assert (values["number"], values["pin"]) == (NUMBER, PIN)
    assert len(looks) == 2
    assert FieldName.BRAND.value in values


def test_doubtful_reading_by_policy_is_read_again_closer() -> None:
    certain, engine = {"walmart": {"number": 9_999}}, Scripted([[BRAND, NUMBERED, WITH_PIN]])
    with reading_limits(brands=certain):
        _, _, looks = read(engine)
    assert (looks[-1], engine.strips) == (
        "closer",
        len(CUTS),
    )  # The number's line; the PIN is as sure as ever it must be.
    lenient, unsure = {"walmart": {"number": 9_000, "pin": 4_000}}, Scripted([[BRAND, NUMBERED, DIM_PIN]])
    with reading_limits(brands=lenient):
        _, _, looks = read(unsure)
    assert (len(looks), unsure.strips) == (1, 0)
    without = Scripted([[BRAND, NUMBERED, DIM_PIN]])
    assert read(without)[2][-1] == "closer"


def test_an_engine_that_keeps_no_lattice_is_not_asked_again() -> None:
    plain = [replace(one, lattice=None, frames=()) for one in (BRAND, NUMBERED, DIM_PIN)]
    engine = Scripted([plain])
    _, _, looks = read(engine)
    assert (engine.strips, "closer" in looks) == (0, False)


def test_a_day_that_is_over_is_an_expiry_only_where_a_label_says_so() -> None:
    over = (business_day(datetime.now(UTC)) - timedelta(days=2)).isoformat()
    later = (business_day(datetime.now(UTC)) + timedelta(days=400)).isoformat()
    for printed, found in ((over, None), (later, later), (f"有效期至 {over}", over)):
        values, _, _ = read(Scripted([[BRAND, NUMBERED, WITH_PIN, line(printed, 280)]]))
        assert values.get("expiry") == found, printed


def test_each_of_several_cards_has_its_pin_from_the_look_that_saw_it() -> None:
    other, other_pin = a_number("walmart"), "314557"
    numbers = [BRAND, NUMBERED, line("沃尔玛购物卡", 320), line(f"卡号 {other}", 380)]
    engine = Scripted([numbers, [*numbers, WITH_PIN, line(f"密码 {other_pin}", 440)]])
    readings = PhotoReader(engine, catalogue(), "scripted 1", fitted()).read(photo(), "walmart")
    found = [{one.name: one.value for one in reading.fields} for reading in readings]
    assert {(card[FieldName.NUMBER], card[FieldName.PIN]) for card in found} == {(NUMBER, PIN), (other, other_pin)}


@pytest.mark.parametrize(
    ("code", "brand", "looks"),
    [
        pytest.param("JXMCWV8RGPQ9EL", "amazon-us", True, id="nothing-checks-the-8"),
        pytest.param("JXMCWVXRXPX9EX", "amazon-us", False, id="nothing-to-confuse"),
        pytest.param("JDVTHXPYWBBXP425", "jd", False, id="a-check-digit-says"),
    ],
)
def test_code_with_ambiguous_letters_is_read_again_closer(code: str, brand: str, looks: bool) -> None:
    engine = Scripted([[line("卡密 " + code, 120, 0.95)]])
    _, seen = PhotoReader(engine, catalogue(), "scripted 1", fitted()).read_and_explain(photo(), brand)
    assert ("closer" in seen.looks) is looks


def with_codes(width: int, height: int, *codes: tuple[str, int, int], scale: int) -> bytes:
    """A photo with QR codes, each with its text and the place of its upper left corner, `scale` pixels to a module."""
    picture = Image.new("RGB", (width, height), "white")
    for text, x, y in codes:
        drawn = io.BytesIO()
        segno.make(text, error="l", micro=False).save(drawn, kind="png", scale=scale, border=4)
        picture.paste(Image.open(drawn).convert("RGB"), (x, y))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95)
    return out.getvalue()


def test_a_code_too_small_for_the_first_look_is_found_in_the_whole_photo() -> None:
    small = with_codes(2400, 1800, (NUMBER, 700, 700), scale=2)
    engine = Scripted([[BRAND]])
    ((reading,), _) = PhotoReader(engine, catalogue(), "scripted 1", fitted()).read_and_explain(small, "walmart")
    assert {one.name: one.value for one in reading.fields}[FieldName.NUMBER] == NUMBER


def test_of_several_cards_a_code_speaks_for_the_number_beside_it() -> None:
    other = a_number("walmart")
    lines = [BRAND, line(f"卡号 {NUMBER}", 100, 0.7), line("沃尔玛购物卡", 320), line(f"卡号 {other}", 400, 0.7)]
    codes = with_codes(640, 480, (NUMBER, 480, 60), (other, 480, 340), scale=4)
    readings = PhotoReader(Scripted([lines]), catalogue(), "scripted 1", fitted()).read(codes, "walmart")
    numbers = [one for reading in readings for one in reading.fields if one.name is FieldName.NUMBER]
    assert {one.value: one.confidence for one in numbers} == {NUMBER: 1.0, other: 1.0}


def test_uncalibrated_engine_always_needs_a_person() -> None:
    number, pin, value, expiry = (FieldName.NUMBER, FieldName.PIN, FieldName.FACE_VALUE, FieldName.EXPIRY)
    lines = [BRAND, NUMBERED, WITH_PIN, line("面值 500.00 元", 280), line("有效期至 2099-12-31", 360)]

    def fields(curves: Curves | None) -> dict[FieldName, ReadField]:
        (found,) = PhotoReader(Scripted([lines]), catalogue(), "scripted 1", curves).read(photo(), "walmart")
        return {one.name: one for one in found.fields}

    known, unknown = fields(fitted()), fields(None)
    assert all(known[name].confidence >= 0.9 for name in (number, pin, value, expiry))
    assert not any(Reason.UNCALIBRATED in one.reasons for one in known.values())
    for name in (number, pin, value, expiry):
        assert unknown[name].value == known[name].value
        assert unknown[name].confidence <= CAPS[Reason.UNCALIBRATED]
        assert unknown[name].reasons[-1] is Reason.UNCALIBRATED
    assert unknown[FieldName.BRAND] == known[FieldName.BRAND]
    with reading_limits(everywhere={"pin": 6_000}):
        assert fields(None)[pin].confidence == pytest.approx(0.5999)


def test_a_code_that_names_the_number_needs_no_calibrated_engine() -> None:
    sent = with_codes(640, 480, (NUMBER, 480, 60), scale=4)
    engine = Scripted([[BRAND, NUMBERED, WITH_PIN]])
    (found,) = PhotoReader(engine, catalogue(), "scripted 1", None).read(sent, "walmart")
    read = {one.name: one for one in found.fields}
    assert (read[FieldName.NUMBER].confidence, read[FieldName.NUMBER].reasons) == (1.0, ())
    assert read[FieldName.PIN].confidence < 0.9
