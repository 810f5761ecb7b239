"""A code makes the printed number certain, is supported by its own form, or stays a candidate for a person."""

from __future__ import annotations

import numpy
import pytest
import qrcode
import zxingcpp
from PIL import Image

from domain.cards.reading import Box, FieldName, ReadField, Source
from domain.rules.brands import brand
from ocr.barcodes import barcodes_in, reconciled
from ocr.code_content import Barcode, numbers_in

WALMART = brand("walmart")
NUMBER, OTHER = "2326955627995358", "2326560636224616"
UNION = "6226020012345677"  # Keeps Luhn's check, as the two above.
BOX = Box(5, 5, 50, 50)
FORMATS = zxingcpp.BarcodeFormat


def printed(value: str, *alternatives: str, labelled: bool = True) -> ReadField:
    return ReadField(FieldName.NUMBER, value, 0.95, BOX, alternatives=alternatives, labelled=labelled)


def on_a_page(code: Image.Image) -> Image.Image:
    page = Image.new("RGB", (max(800, code.width + 240), max(600, code.height + 180)), "white")
    page.paste(code.convert("RGB"), (120, 90))
    return page


def drawn(text: str, kind: zxingcpp.BarcodeFormat) -> list[Barcode]:
    code = zxingcpp.create_barcode(text, kind)
    found = barcodes_in(on_a_page(Image.fromarray(numpy.array(code.to_image(scale=3)))))
    assert found, "the decoder must see the code, or the test shows nothing"
    return found


def qr(text: str) -> list[Barcode]:
    return [Barcode(text, BOX, "QRCode", "QRCode", "]Q1")]


def named(codes: list[Barcode], of: str) -> list[tuple[str, bool]]:
    """Each number that the codes may hold, and whether it stands as the brand writes it: named, or alone in its symbology."""
    return [(one.number, one.supported or one.usual) for code in codes for one in numbers_in(code, brand(of))]


def test_a_link_of_the_brand_gives_the_number_and_its_place() -> None:
    page = on_a_page(qrcode.make(f"https://cards.example/c?card={NUMBER}&v=1").get_image())
    field = reconciled(barcodes_in(page), None, WALMART)
    assert field is not None
    assert (field.value, field.confidence, field.source) == (NUMBER, 1.0, Source.BARCODE)
    assert field.box is not None
    assert field.box.x > 120
    assert field.box.y > 90


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("https://u.wechat.com/kEaMplTok3n7Qw", "amazon-us"),
        ("u.wechat.com/kEaMplTok3n7Qw", "amazon-us"),
        ("https://id.gs1.org/01/09506000134352", "amazon-us"),
        ("(01)09506000134352", "amazon-us"),
        ("tel:4008201234", "hualian"),
        ("TEL:400-820-1234", "hualian"),
        ("sms:4008201234", "hualian"),
        ("mailto:4008201234@example.com?card=4008201234", "hualian"),
        ("BEGIN:VCARD\nTEL:4008201234\nNOTE:card:4008201234\nEND:VCARD", "hualian"),
        ("MECARD:TEL:4008201234;;", "hualian"),
        ("WIFI:T:WPA;S:shop;P:4008201234;;", "hualian"),
        ("geo:4008201234,1168201234", "hualian"),
        ("hualian://open?t=1764230000", "hualian"),
        ("https://pay.example/o?order=4111111111111111", "walmart"),
        ("order=4111111111111111", "walmart"),
        ("0109506000134352", "tmall"),
        ("2326955627995359", "walmart"),
        ("hello", "walmart"),
    ],
)
def test_addresses_actions_and_articles_give_no_number(text: str, of: str) -> None:
    assert named(qr(text), of) == []


@pytest.mark.parametrize(
    ("text", "kind", "of"),
    [
        ("09506000134352", FORMATS.ITF14, "amazon-us"),
        ("09506000134352", FORMATS.DataBar, "amazon-us"),
        ("(01)09506000134352(21)KEAMPLTOK3N7QW", FORMATS.DataBarExp, "amazon-us"),
        ("036000291452", FORMATS.UPCA, "wanda"),
        ("799366114802", FORMATS.UPCA, "wanda"),
        ("6901234567892", FORMATS.EAN13, "wanda"),
    ],
)
def test_codes_of_articles_give_no_number_though_they_have_its_length(
    text: str, kind: zxingcpp.BarcodeFormat, of: str
) -> None:
    assert named(drawn(text, kind), of) == []


@pytest.mark.parametrize(
    ("text", "of"),
    [
        (f"order=4111111111111111&card={UNION}", "walmart"),
        (f"https://cards.example/?order=4111111111111111&cardNo={UNION}", "walmart"),
        (f"app://cards/show#card_no={UNION}", "walmart"),
        ("https://cards.example/?card=6226%2D0200%2D1234%2D5677", "walmart"),
        (f'{{"order": "4111111111111111", "card": "{UNION}"}}', "walmart"),
        (f"卡号：{UNION}", "walmart"),
        ("６２２６０２００１２３４５６７７", "walmart"),
        ("6226 0200 1234 5677", "walmart"),
        ("6226%2D0200%2D1234%2D5677", "walmart"),
    ],
)
def test_a_number_is_found_in_each_form_that_codes_write_it_in(text: str, of: str) -> None:
    assert named(qr(text), of) == [(UNION, True)]


def test_a_lower_case_number_is_found() -> None:
    number = "JDVTHXPYWBBXP425"
    assert named(qr(number.lower()), "jd") == [(number, True)]


def test_a_codabar_number_is_found_between_its_start_and_stop_letters() -> None:
    assert named(drawn(f"A{UNION}B", FORMATS.Codabar), "walmart") == [(UNION, True)]


@pytest.mark.parametrize(
    ("text", "of"), [("799366114804", "wanda"), ("4008201234", "hualian"), ("1764230000", "hualian"), ("KEAMPLTOK3N7QW", "amazon-us")]
)  # fmt: skip
def test_without_a_check_digit_a_code_alone_is_only_a_candidate(text: str, of: str) -> None:
    field = reconciled(qr(text), None, brand(of))
    assert field is not None
    assert field.is_candidate
    assert field.confidence < 0.5


def test_a_check_digit_supports_no_number_in_a_symbology_or_a_text_that_the_brand_does_not_use() -> None:
    aztec = [Barcode(NUMBER, BOX, "Aztec", "Aztec", "]z0")]
    assert named(aztec, "walmart") == [(NUMBER, False)]
    assert named(qr(f"Thank you! {NUMBER} 500 yuan"), "walmart") == [(NUMBER, False)]


def test_two_supported_codes_with_different_numbers_support_none() -> None:
    field = reconciled([*qr(NUMBER), *qr(f"card={OTHER}")], None, WALMART)
    assert field is not None
    assert field.is_candidate
    assert {field.value, *field.alternatives} == {NUMBER, OTHER}


def test_a_number_alone_in_a_code_is_a_candidate_where_no_print_agrees() -> None:
    """Any number with a right check digit can stand on a sticker."""
    field = reconciled(qr(NUMBER), None, WALMART)
    assert field is not None
    assert field.is_candidate
    other = reconciled(qr(NUMBER), printed("9999999999999999"), WALMART)
    assert other is not None
    assert other.is_candidate


def test_a_code_counts_where_a_parameter_names_it_or_a_misread_print_is_nearly_it() -> None:
    named_by_parameter = reconciled(qr(f"card={NUMBER}"), None, WALMART)
    agreed = reconciled(qr(NUMBER), printed("2326955627995359"), WALMART)
    assert named_by_parameter == agreed
    assert agreed is not None
    assert (agreed.value, agreed.confidence, agreed.is_candidate) == (NUMBER, 1.0, False)
    assert reconciled([], printed(NUMBER), WALMART) == printed(NUMBER)


def test_a_candidate_that_a_labelled_print_names_too_is_certain() -> None:
    field = reconciled(qr("79936611480412"), printed("79936611480412"), brand("amazon-us"))
    assert field is not None
    assert (field.confidence, field.source) == (1.0, Source.BARCODE)


def test_a_hotline_in_print_and_code_confirms_nothing() -> None:
    hotline = printed("4008201234", labelled=False)
    assert reconciled(qr("4008201234"), hotline, brand("hualian")) == hotline


def test_a_labelled_print_keeps_its_number_and_its_confidence_beside_the_code_of_something_else() -> None:
    field = reconciled(qr("4008201234"), printed("8821004317"), brand("hualian"))
    assert field is not None
    assert (field.value, field.confidence, field.source) == ("8821004317", 0.95, Source.OCR)
    assert field.alternatives == ("4008201234",)


def test_a_code_settles_what_one_shape_of_print_leaves_open() -> None:
    field = reconciled(qr("KEAMPLTOK3N7Q0"), printed("KEAMPLTOK3N7QO", "KEAMPLTOK3N7Q0"), brand("amazon-us"))
    assert field is not None
    assert (field.value, field.source, field.confidence >= 0.9) == ("KEAMPLTOK3N7Q0", Source.BARCODE, True)


@pytest.mark.parametrize(
    ("text", "of", "print_"), [(NUMBER, "walmart", OTHER), ("8821004317", "hualian", "8821004311")]
)
def test_a_code_and_a_print_that_name_two_good_cards_are_left_to_a_person(text: str, of: str, print_: str) -> None:
    field = reconciled(qr(text), printed(print_), brand(of))
    assert field is not None
    assert field.value == print_
    assert field.confidence < 0.9
    assert field.alternatives == (text,)
