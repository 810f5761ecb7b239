"""What input methods and copied pages add is taken away at every door; nothing else is changed."""

from __future__ import annotations

import pytest

from domain.errors.general import FieldInvalid
from domain.rules.brands import brand
from domain.typed import plain, plain_amount, plain_name
from seller_ui.pages.sell import face_value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("１２３４", "1234"),
        ("\u202d6226020012345677\u202c", "6226020012345677"),
        ("\u200b62\ufeff26\u200d", "6226"),
        (" 13800000021\u3000", "13800000021"),
        ("ｗａｎｇ＠ｅｘａｍｐｌｅ．ｃｏｍ", "wang@example.com"),
        ("", ""),
    ],
)
def test_a_typed_text_is_made_plain(written: str, meant: str) -> None:
    assert plain(written) == meant


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" 王\u200b芳 ", "王芳"),
        ("欧阳\u3000娜娜", "欧阳 娜娜"),
        ("𠮷田", "𠮷田"),
        ("Ａｎｎ", "Ａｎｎ"),
        ("\u202d王芳\u202c", "王芳"),
        ("\u200e李雷\u200e", "李雷"),
        ("\u202ecom", "\u202ecom"),
        ("Zoë\u00a0Li", "Zoë Li"),
        ("a\r\nb", "a\r\nb"),
    ],
)
def test_name_keeps_its_letters_and_loses_invisible_characters(written: str, kept: str) -> None:
    assert plain_name(written) == kept


def test_numbers_and_pins_are_taken_as_an_input_method_writes_them() -> None:
    card = brand("walmart")
    assert (
        card.require_number("\u202d６２２６ 0200 1234 5676\u202c".replace("5676", _luhn_end()))
        == "62260200" + "1234" + _luhn_end()
    )
    assert card.require_pin("６０４\u200b１２８") == "604128"


@pytest.mark.parametrize("written", ["200", "２００．００", "￥200", "¥ 200", "200元", " ２００ 元", "200.00"])
def test_an_amount_is_taken_as_people_write_it(written: str) -> None:
    amount = face_value(brand("walmart"), written)
    assert amount is not None
    assert amount.amount_minor == 200_00


@pytest.mark.parametrize(
    "written", ["2,50", "2，50", "0,200", "1,0000", "12,34,567", ",200", "200,", "2.000,50", "1,000,"]
)
def test_a_comma_that_parts_no_thousands_is_refused(written: str) -> None:
    with pytest.raises(FieldInvalid):
        face_value(brand("walmart"), written)
    with pytest.raises(ValueError, match="comma"):
        plain_amount(written)


@pytest.mark.parametrize(
    ("written", "meant"), [("1,000", "1000"), ("1,234,567.8", "1234567.8"), ("-2,500.00", "-2500.00"), ("", ""), ("500", "500")]
)  # fmt: skip
def test_commas_between_thousands_are_dropped(written: str, meant: str) -> None:
    assert plain_amount(written) == meant


def test_a_thousand_with_a_full_width_comma_is_a_thousand() -> None:
    amount = face_value(brand("walmart"), "1，000")
    assert amount is not None
    assert amount.amount_minor == 1_000_00


def _luhn_end() -> str:
    """The last four digits that make the number valid."""
    card = brand("walmart")
    return next(f"567{digit}" for digit in range(10) if card.is_valid(f"622602001234567{digit}"))
