"""A card's colours name its brand only where no word does and one brand alone fits, and nothing is trusted because of them."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy
import pytest
import qrcode
from PIL import Image

from domain.cards.reading import SURE, Box, FieldName, ReadField, Reading, Reason
from domain.rules.brands import Brand, brand, catalogue
from ocr.calibration import fitted
from ocr.colours import CONFIDENCE, brand_of
from ocr.confidence import CAPS
from ocr.lines import Line
from ocr.photo_reader import PhotoReader
from photo_set import conditions, faces

NUMBER, PIN = "8133973592960463", "89192863"  # By the rules of Starbucks.
WALMART_NUMBER, WALMART_PIN = "2326955627995358", "879507"
COST_MAX_S = 0.02


def card_photo(code: str, seed: int = 0, angle: float = 8) -> Image.Image:
    """A photo of a card in the brand's colours that no word names."""
    dice = random.Random(f"{code}:{seed}")
    return conditions.lying_at(faces.invented(dice, code), angle, dice, own_colours=True)


def plain(colour: str, around: str = "white") -> Image.Image:
    picture = Image.new("RGB", (1280, 960), around)
    picture.paste(Image.new("RGB", (800, 504), colour), (240, 228))
    return picture


def coloured(**colours: tuple[str, ...]) -> Mapping[str, Brand]:
    """The catalogue with these colours and no others."""
    return {code: replace(known, colours=colours.get(code, ())) for code, known in catalogue().items()}


def line(text: str, y: int, score: float = 0.99) -> Line:
    wide = 16 * len(text)
    corners = ((300.0, float(y)), (300.0 + wide, float(y)), (300.0 + wide, y + 30.0), (300.0, y + 30.0))
    return Line(text, score, Box(300, y, wide, 30), corners)


NUMBERED, WITH_PIN = line("卡号 8133 9735 9296 0463", 400), line("密码 89192863", 500)
OTHER_NUMBERED, OTHER_PIN = line("卡号 2326 9556 2799 5358", 400), line("密码 879507", 500)
WORD = line("沃尔玛购物卡", 300)


@dataclass
class Scripted:
    """An engine that sees these lines at each look, the last ones again and again."""

    looks: list[list[Line]]
    taken: int = 0

    def lines_in(self, picture: Image.Image) -> Sequence[Line]:  # noqa: ARG002  # As the reader asks.
        self.taken += 1
        return self.looks[min(self.taken, len(self.looks)) - 1]

    def recognised(self, strips: Sequence[Image.Image]) -> Sequence[Line]:
        return [Line("x", 0.2, Box(0, 0, *strip.size)) for strip in strips]


def read(
    picture: Image.Image, *looks: list[Line], hint: str | None = None, brands: Mapping[str, Brand] | None = None
) -> Reading:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=92)
    (reading,) = PhotoReader(Scripted(list(looks)), brands or catalogue(), "scripted 1", fitted()).read(
        out.getvalue(), hint
    )
    return reading


def field(reading: Reading, name: FieldName) -> ReadField:
    found = reading.field(name)
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(3))
def test_a_card_in_the_colour_of_one_brand_is_of_that_brand(seed: int) -> None:
    assert brand_of(card_photo("starbucks", seed), [NUMBERED, WITH_PIN], catalogue()) == "starbucks"


@pytest.mark.parametrize("code", ["jd", "tmall"])
def test_a_colour_that_two_brands_share_names_neither(code: str) -> None:
    assert brand_of(card_photo(code), [], catalogue()) is None
    alone = {known: brand(known) for known in (code, "walmart", "starbucks")}
    assert brand_of(card_photo(code), [], alone) == code, "it is the other brand that keeps this one from being named"


def test_the_colour_counts_that_the_card_has_and_not_that_of_the_table() -> None:
    card = [line("卡号 8133 9735 9296 0463", 330), line("有效期至 2028年12月31日", 640)]
    for of_card, table, named in (("#00704a", "#b5651d", "starbucks"), ("#f2f2f0", "#00704a", None)):
        assert brand_of(plain(of_card, table), card, catalogue()) == named


def test_a_stripe_or_a_logo_is_too_little() -> None:
    picture = plain("#f2f2f0")
    picture.paste(Image.new("RGB", (800, 120), "#00704a"), (240, 228))
    assert brand_of(picture, [], catalogue()) is None


def test_lines_beside_the_picture_name_no_brand() -> None:
    assert brand_of(plain("#00704a"), [line("卡号 8133 9735 9296 0463", 4000)], catalogue()) is None


def test_white_grey_and_black_name_no_brand() -> None:
    brands = coloured(wanda=("#ffffff", "#808080", "#000000"))
    assert [brand_of(plain(one), [], brands) for one in ("#ffffff", "#808080", "#000000")] == [None, None, None]


def test_the_light_of_a_lamp_is_taken_away_by_the_paper_beside_the_card() -> None:
    brands = coloured(wanda=("#5b7fa8",))
    lamp = numpy.array([1.0, 0.82, 0.74])  # A blue card looks grey.
    on_paper, without = (
        Image.fromarray((numpy.asarray(plain("#5b7fa8", around)) * lamp).astype(numpy.uint8))
        for around in ("white", "#5b7fa8")
    )
    assert (brand_of(on_paper, [], brands), brand_of(without, [], brands)) == ("wanda", None)


def test_it_costs_less_than_a_fiftieth_of_a_second() -> None:
    picture, lines, took = card_photo("starbucks"), [NUMBERED, WITH_PIN], []
    for _ in range(5):
        began = time.process_time()
        brand_of(picture, lines, catalogue())
        took.append(time.process_time() - began)
    assert min(took) < COST_MAX_S


def test_number_and_pin_by_the_rules_of_colours_need_a_person() -> None:
    reading = read(card_photo("starbucks"), [NUMBERED, WITH_PIN])
    known = field(reading, FieldName.BRAND)
    assert (known.value, known.confidence, known.reasons) == ("starbucks", CONFIDENCE, (Reason.BY_COLOURS,))
    for name, value in ((FieldName.NUMBER, NUMBER), (FieldName.PIN, PIN)):
        found = field(reading, name)
        assert found.value == value
        assert found.confidence <= CAPS[Reason.BY_COLOURS] < SURE
        assert Reason.BY_COLOURS in found.reasons


def test_a_code_that_names_the_number_makes_it_no_surer_where_colours_alone_name_the_brand() -> None:
    picture = card_photo("starbucks")
    picture.paste(qrcode.make(f"https://cards.example/c?card={NUMBER}").get_image().convert("RGB").resize((240, 240)))
    found = field(read(picture, [NUMBERED, WITH_PIN]), FieldName.NUMBER)
    assert (found.value, found.confidence) == (NUMBER, CAPS[Reason.BY_COLOURS])
    chosen = field(read(picture, [NUMBERED, WITH_PIN], hint="starbucks"), FieldName.NUMBER)
    assert chosen.confidence == 1.0, "the code is seen, and certain by the brand that the seller chose"


def test_a_word_is_believed_and_its_brand_is_looked_for_in_no_colour() -> None:
    broken = {code: replace(known, colours=("no colour",)) for code, known in catalogue().items()}
    reading = read(card_photo("starbucks"), [WORD, OTHER_NUMBERED, OTHER_PIN], brands=broken)
    known, number = field(reading, FieldName.BRAND), field(reading, FieldName.NUMBER)
    assert (known.value, known.reasons, number.value, number.reasons) == ("walmart", (), WALMART_NUMBER, ())
    with pytest.raises(ValueError, match="invalid literal"):  # Without the word they would be looked at.
        read(card_photo("starbucks"), [OTHER_NUMBERED, OTHER_PIN], brands=broken)


def test_a_word_that_a_later_look_shows_is_believed_too() -> None:
    reading = read(card_photo("starbucks"), [OTHER_NUMBERED], [WORD, OTHER_NUMBERED, OTHER_PIN])
    known, number = field(reading, FieldName.BRAND), field(reading, FieldName.NUMBER)
    assert (known.value, number.value, number.reasons) == ("walmart", WALMART_NUMBER, ())
    assert number.confidence >= SURE


def test_sellers_choice_is_not_overruled() -> None:
    reading = read(card_photo("starbucks"), [OTHER_NUMBERED, OTHER_PIN], hint="walmart")
    known, number, pin = (field(reading, name) for name in (FieldName.BRAND, FieldName.NUMBER, FieldName.PIN))
    assert (known.value, known.confidence, known.reasons) == ("starbucks", CONFIDENCE, (Reason.BY_COLOURS,))
    assert (number.value, pin.value) == (WALMART_NUMBER, WALMART_PIN)
    assert (number.reasons, pin.reasons) == ((), ())
    assert min(number.confidence, pin.confidence) >= SURE


def test_colours_make_no_card_of_a_photo_without_number_and_pin() -> None:
    assert read(card_photo("starbucks"), [line("谢谢惠顾", 400)]).is_empty
    assert read(card_photo("starbucks"), []).is_empty


def test_the_colours_of_the_catalogue_are_those_of_its_document() -> None:
    assert brand("starbucks").colours == ("#00704a",)
    assert brand("amazon-us").colours == ()
