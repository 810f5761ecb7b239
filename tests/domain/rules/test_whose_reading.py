"""Of several cards in one photo, which readings speak of the card with a number."""

from __future__ import annotations

import pytest

from domain.cards.reading import FieldName, ReadField, Reading
from domain.rules.whose_reading import number_read, of_number

NUMBER, ONE_OFF, TWO_OFF, FAR = "8104223199076643", "8104223199076648", "8104223199076681", "8104229999976643"


@pytest.mark.parametrize(
    ("numbers", "own"),
    [
        ((FAR, NUMBER), (1,)),
        ((NUMBER, FAR), (0,)),
        ((ONE_OFF, NUMBER), (1,)),  # The number itself before one that nearly has it.
        ((FAR, TWO_OFF), (1,)),  # A misread one.
        ((NUMBER, FAR, NUMBER), (0, 2)),  # The card and its receipt.
        ((ONE_OFF, TWO_OFF), ()),  # Nobody knows which of the two was misread.
        ((ONE_OFF, ONE_OFF), ()),
        ((FAR, ""), ()),
        ((FAR, NUMBER[:-1]), ()),
        ((), ()),
    ],
)
def test_the_readings_with_the_number_count_else_the_only_one_that_nearly_has_it(
    numbers: tuple[str, ...], own: tuple[int, ...]
) -> None:
    assert of_number(numbers, NUMBER) == own


def test_of_a_card_without_a_number_nothing_is_known() -> None:
    assert of_number((NUMBER, ""), "") == ()


def test_the_number_of_a_reading_is_tidied_and_empty_where_none_was_read() -> None:
    read = ReadField(FieldName.NUMBER, "8104 2231 9907 6643", 0.9, None)
    assert number_read(Reading((read,), "printed 1", 1)) == NUMBER
    assert number_read(Reading((), "printed 1", 1)) == ""
