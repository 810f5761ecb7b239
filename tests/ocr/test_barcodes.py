"""A code beats print, unless print knows better."""

from __future__ import annotations

import qrcode
import zxingcpp
from PIL import Image

from domain.reading import Box, FieldName, ReadField, Source
from domain.rules.brands import brand
from ocr.barcodes import Barcode, barcodes_in, number_in, reconciled

WALMART = brand("walmart")
NUMBER, OTHER = "2326955627995358", "2326560636224616"
BOX = Box(5, 5, 50, 50)


def printed(value: str) -> ReadField:
    return ReadField(FieldName.NUMBER, value, 0.95, BOX)


def on_a_page(code: Image.Image) -> Image.Image:
    page = Image.new("RGB", (800, 600), "white")
    page.paste(code.convert("RGB"), (120, 90))
    return page


def test_a_qr_code_with_an_address_gives_the_number_in_it() -> None:
    page = on_a_page(qrcode.make(f"https://cards.example/c?n={NUMBER}&v=1").get_image())
    field = number_in(barcodes_in(page), WALMART)
    assert field is not None
    assert (field.value, field.confidence, field.source) == (NUMBER, 1.0, Source.BARCODE)
    assert field.box is not None
    assert field.box.x > 120
    assert field.box.y > 90


def test_a_code_that_breaks_the_brands_rules_is_none_of_its_numbers() -> None:
    assert number_in([Barcode("2326955627995359", BOX), Barcode("hello", BOX)], WALMART) is None


def test_an_article_number_is_no_card_number_though_it_has_twelve_digits() -> None:
    drawn = zxingcpp.create_barcode("036000291452", zxingcpp.BarcodeFormat.UPCA)
    page = on_a_page(Image.fromarray(drawn.to_image(scale=3)))
    assert zxingcpp.read_barcodes(page)
    assert barcodes_in(page) == []


def test_the_code_wins_over_no_print_and_over_a_misread() -> None:
    coded = number_in([Barcode(NUMBER, BOX)], WALMART)
    assert reconciled(coded, None, WALMART) == coded
    assert reconciled(coded, printed("2326955627995359"), WALMART) == coded
    assert reconciled(None, printed(NUMBER), WALMART) == printed(NUMBER)


def test_a_code_and_a_print_that_name_two_good_cards_are_left_to_a_person() -> None:
    field = reconciled(number_in([Barcode(NUMBER, BOX)], WALMART), printed(OTHER), WALMART)
    assert field is not None
    assert field.value == NUMBER
    assert field.confidence < 0.9
    assert field.alternatives == (OTHER,)
