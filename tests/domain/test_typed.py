"""What input methods and copied pages add is taken away at every door; nothing else is changed."""

from __future__ import annotations

import pytest

from domain.rules.brands import brand
from domain.typed import plain, plain_name
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
        ("Zoë\u00a0Li", "Zoë Li"),
        ("a\r\nb", "a\r\nb"),
    ],
)
def test_a_name_keeps_its_letters_and_loses_what_nobody_sees(written: str, kept: str) -> None:
    assert plain_name(written) == kept


def test_numbers_and_pins_are_taken_as_an_input_method_writes_them() -> None:
    card = brand("walmart")
    assert (
        card.require_number("\u202d６２２６ 0200 1234 5676\u202c".replace("5676", _luhn_end()))
        == "62260200" + "1234" + _luhn_end()
    )
    assert card.require_pin("６０４\u200b１２８") == "604128"


@pytest.mark.parametrize("written", ["200", "２００．００", "￥200", "¥ 200", "200元", " ２００ 元", "0,200"])
def test_an_amount_is_taken_as_people_write_it(written: str) -> None:
    amount = face_value(brand("walmart"), written)
    assert amount is not None
    assert amount.amount_minor == 200_00


def test_a_thousand_with_a_full_width_comma_is_a_thousand() -> None:
    amount = face_value(brand("walmart"), "1，000")
    assert amount is not None
    assert amount.amount_minor == 1_000_00


def _luhn_end() -> str:
    """The last four digits that make the number valid."""
    card = brand("walmart")
    return next(f"567{digit}" for digit in range(10) if card.is_valid(f"622602001234567{digit}"))
