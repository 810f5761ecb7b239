"""A reading is asked by name, gives exact money and dates, and does not tell secrets to a log."""

from __future__ import annotations

from datetime import date

from domain.cards.reading import Box, FieldName, ReadField, Reading, money_from, money_text
from domain.money import Money


def reading(**values: str) -> Reading:
    fields = tuple(ReadField(FieldName(name), value, 0.97, Box(1, 2, 30, 10)) for name, value in values.items())
    return Reading(fields, "reader 1", 700, "0" * 64)


def test_fields_are_found_by_name_and_type() -> None:
    read = reading(face_value="500.00 CNY", expiry="2028-06-30")
    assert read.face_value() == Money(50000)
    assert read.expiry() == date(2028, 6, 30)
    assert read.field(FieldName.PIN) is None


def test_nothing_read_is_an_empty_reading() -> None:
    assert reading().is_empty
    assert reading().face_value() is None
    assert reading().expiry() is None


def test_no_repr_shows_a_number_or_a_pin() -> None:
    field = ReadField(FieldName.NUMBER, "2326955627995358", 1.0, None, alternatives=("2326955627995366",))
    shown = repr(Reading((field,), "r", 1)) + repr(reading(pin="879507", brand="walmart"))
    assert "2326955627995358" not in shown
    assert "2326955627995366" not in shown
    assert "879507" not in shown
    assert "walmart" in shown


def test_money_survives_being_written() -> None:
    assert money_from(money_text(Money(12345))) == Money(12345)


def test_boxes_join() -> None:
    assert Box(0, 0, 10, 10).joined(Box(20, 5, 10, 10)) == Box(0, 0, 30, 15)
