"""The real engine reads the committed photos: each number exactly, or else it says that it is not sure."""

from __future__ import annotations

import hashlib
import io
import json
import math
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bootstrap.card_reader import card_reader
from bootstrap.settings import Settings
from domain.cards.reading import FieldName, Reading, Source, money_text
from domain.money import Currency, Money
from domain.rules.brand_document import Check
from domain.rules.brands import brand
from gateways.pictures.pages import photos_in
from languages import translate
from ocr.reader import CardReader
from samples.fresh import fresh_card

SAMPLES = Path(__file__).parents[2] / "samples"
CARDS: list[dict[str, Any]] = json.loads((SAMPLES / "cards.json").read_text("utf-8"))["cards"]
WITH_CARD = [card for card in CARDS if card["brand"]]
MAGIC = {"partly_used": "90", "frozen": "91", "lost": "92", "not_activated": "93", "expired": "94", "unknown": "95"}
SURE = 0.9
# One photo of each type of card, one that is worn, one that is upside down: read in every change.
ALWAYS = (
    "jd-500.jpg", "walmart-1000.jpg", "hualian-500.jpg", "amazon-us-100.jpg", "starbucks-200-pin-worn.jpg",
    "carrefour-300-upside-down.jpg",
)  # fmt: skip
# One engine is 570 MB and two cores' work: all its tests go to one test process.
ENGINE = [pytest.mark.xdist_group("ocr_engine"), pytest.mark.timeout(120)]


def cases(cards: list[dict[str, Any]]) -> list[Any]:
    """Each as a case; those that are not read in every change are marked."""
    return [pytest.param(card, marks=() if card["photo"] in ALWAYS else pytest.mark.thorough) for card in cards]


def jpeg(name: str) -> bytes:
    return (SAMPLES / "photos" / name).read_bytes()


@pytest.fixture(scope="module")
def reader(settings: Settings) -> CardReader:
    return card_reader(settings)


def one_card(reader: CardReader, photo: bytes, hint: str | None) -> Reading:
    """The reading of a photo that shows one card."""
    (reading,) = reader.read(photo, hint)
    return reading


FirstReading = Callable[[str, str], Reading]


@pytest.fixture(scope="module")
def first_reading(reader: CardReader) -> FirstReading:
    """Read a sample, by photo and hint, once for all tests that ask what a reading of it says."""
    return cache(lambda photo, hint: one_card(reader, jpeg(photo), hint))


class TestWithEngine:
    """What only the real engine can show."""

    pytestmark = ENGINE

    @pytest.mark.parametrize(
        "code", ["jd", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("walmart", "amazon-us"))]
    )
    def test_a_fresh_card_is_read_exactly_or_not_trusted(self, reader: CardReader, code: str) -> None:
        card = fresh_card(code, 20_000, random.Random(11))
        number = one_card(reader, card.jpeg, code).field(FieldName.NUMBER)
        assert number is not None
        assert number.value == card.number or number.confidence < SURE

    def test_a_card_in_a_pdf_is_read_as_its_photo_is(self, reader: CardReader) -> None:
        card, pdf = fresh_card("walmart", 20_000, random.Random(11)), io.BytesIO()
        Image.open(io.BytesIO(card.jpeg)).save(pdf, "PDF", resolution=150)
        (page,) = photos_in(pdf.getvalue())
        fields = {one.name: one for one in one_card(reader, page.jpeg, "walmart").fields}
        assert (fields[FieldName.NUMBER].value, fields[FieldName.PIN].value) == (card.number, card.pin)
        assert min(fields[FieldName.NUMBER].confidence, fields[FieldName.PIN].confidence) >= SURE

    @pytest.mark.parametrize("card", cases(WITH_CARD), ids=lambda card: card["photo"])
    def test_every_field_is_read_exactly_or_not_trusted(
        self, first_reading: FirstReading, card: dict[str, Any]
    ) -> None:
        reading = first_reading(card["photo"], card["brand"])
        number = reading.field(FieldName.NUMBER)
        assert number is not None
        assert number.value == card["number"]
        assert number.confidence >= SURE
        for name, wanted in printed_on(card).items():
            field = reading.field(name)
            assert field is not None, name
            assert field.value == wanted or field.confidence < SURE, name

    def test_the_worn_pin_is_the_only_field_in_doubt(self, first_reading: FirstReading) -> None:
        reading = first_reading("starbucks-200-pin-worn.jpg", "starbucks")
        assert [field.name for field in reading.fields if field.confidence < SURE] == [FieldName.PIN]

    def test_the_qr_code_gives_the_number(self, reader: CardReader) -> None:
        number = one_card(reader, jpeg("walmart-500-qr.jpg"), None).field(FieldName.NUMBER)
        assert number is not None
        assert number.source is Source.BARCODE

    def test_a_reading_names_its_photo_and_reader(self, first_reading: FirstReading) -> None:
        reading = first_reading("jd-500.jpg", "jd")
        assert reading.photo_sha256 == hashlib.sha256(jpeg("jd-500.jpg")).hexdigest()
        assert "PP-OCRv6" in reading.reader
        assert reading.duration_ms > 0

    def test_a_cup_is_no_card(self, reader: CardReader) -> None:
        assert one_card(reader, jpeg("cup.jpg"), "walmart").is_empty

    def test_the_brand_is_found_without_a_hint_and_reported_against_a_wrong_one(self, reader: CardReader) -> None:
        for hint in (None, "jd"):
            read = one_card(reader, jpeg("hualian-500.jpg"), hint).field(FieldName.BRAND)
            assert read is not None
            assert read.value == "hualian"

    @pytest.mark.parametrize(
        "degrees",
        [
            165,
            *(pytest.param(at, marks=pytest.mark.thorough) for at in (90, 300)),
            *(pytest.param(at, marks=pytest.mark.proof) for at in range(0, 360, 15) if at not in (90, 165, 300)),
        ],
    )
    def test_a_card_lying_any_way_round_is_read_and_its_boxes_fit_the_photo(
        self, reader: CardReader, degrees: int
    ) -> None:
        turned = Image.open(io.BytesIO(jpeg("jd-500.jpg"))).rotate(degrees, expand=True, fillcolor="gray")
        out = io.BytesIO()
        turned.save(out, "JPEG", quality=88)
        number = one_card(reader, out.getvalue(), "jd").field(FieldName.NUMBER)
        assert number is not None
        assert number.value == "JDVTHXPYWBBXP425"
        assert number.box is not None
        assert 0 <= number.box.x < number.box.right <= turned.width
        upright = abs(math.cos(math.radians(degrees))) - abs(math.sin(math.radians(degrees)))
        assert abs(upright) < 0.1 or (number.box.width > number.box.height) == (upright > 0)

    def test_two_threads_share_the_engine(self, reader: CardReader) -> None:
        asked = [card for card in WITH_CARD if card["photo"] in ("jd-500.jpg", "tmall-200.jpg")]
        with ThreadPoolExecutor(2) as threads:
            readings = list(threads.map(lambda card: one_card(reader, jpeg(card["photo"]), card["brand"]), asked))
        numbers = [field.value for reading in readings if (field := reading.field(FieldName.NUMBER))]
        assert numbers == [card["number"] for card in asked]

    def test_what_is_no_picture_is_an_error_not_an_empty_reading(self, reader: CardReader) -> None:
        with pytest.raises(OSError, match="cannot identify"):
            one_card(reader, b"no picture", None)


def printed_on(card: dict[str, Any]) -> dict[FieldName, str]:
    """The values that the photo shows, as a reading writes them."""
    printed = {FieldName.BRAND: card["brand"], FieldName.PIN: card["pin"], FieldName.EXPIRY: card["expiry"]}
    face = Money(card["face_value_minor"], Currency(card["currency"]))
    return {name: value for name, value in printed.items() if value} | {FieldName.FACE_VALUE: money_text(face)}


@pytest.mark.parametrize("card", WITH_CARD, ids=lambda card: card["photo"])
def test_each_sample_keeps_its_brands_rules_and_the_issuers_magic(card: dict[str, Any]) -> None:
    known = brand(card["brand"])
    assert known.require_number(card["number"]) == card["number"]
    assert known.require_pin(card["pin"]) == card["pin"]
    assert known.require_face_value(Money(card["face_value_minor"], Currency(card["currency"])))
    digits = card["number"][-2:] if known.check is Check.NONE else card["number"][-3:-1]
    status = card["demo"]["issuer_status"]
    assert digits == MAGIC[status] if status in MAGIC else digits < "90"


def test_every_photo_is_described_small_and_without_metadata() -> None:
    assert {card["photo"] for card in CARDS} == {path.name for path in (SAMPLES / "photos").iterdir()}
    for card in CARDS:
        assert len(jpeg(card["photo"])) <= 150_000
        with Image.open(io.BytesIO(jpeg(card["photo"]))) as photo:
            assert not photo.getexif()


def test_the_photo_without_a_card_promises_what_its_seller_is_asked() -> None:
    """No photo is asked for again by a machine: the page asks for the fields (`fields.lead_unread`), and the demo types them."""
    (cup,) = [card for card in CARDS if not card["brand"]]
    assert cup["demo"]["needs"] == ["typed_fields"]
    assert "no new photo is asked for" in cup["note"]
    assert "no new photo is needed" in translate("fields.lead_unread", "en")
