"""No card number and no PIN survives in what customers write, however they write it; all other words stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.support.masking import MASK, mask_secrets

NUMBER, PIN = "6222021234567890", "604128"
SEPARATORS = st.sampled_from(["", " ", "-", ".", "\u200b", "  "])


def bare(words: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", words)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (f"My card {NUMBER} fails", "My card ••••••••••••7890 fails"),
        ("6222 0212 3456 7890", "•••• •••• •••• 7890"),
        ("６２２２０２１２３４５６７８９０", "••••••••••••７８９０"),
        ("卡号：6222-0212-3456-7890，谢谢", "卡号：••••-••••-••••-7890，谢谢"),
        ("call 13800138000 please", "call 13800138000 please"),
        ("order 123456789012", "order 123456789012"),
        ("🎁 6222021234567890 🎁", "🎁 ••••••••••••7890 🎁"),
        ("\u202e6222021234567890\u202c", "\u202e••••••••••••7890\u202c"),
    ],
)
def test_a_run_as_long_as_a_card_number_keeps_its_last_four_characters(words: str, kept: str) -> None:
    assert mask_secrets(words).words == kept


def test_a_known_pin_is_masked_whole_and_a_known_number_but_for_its_end() -> None:
    made = mask_secrets("nj3z pi70 wah598, PIN 604-128", ["NJ3ZPI70WAH598"], [PIN])
    assert made.words == "•••• •••• ••h598, PIN •••-•••"
    assert made.found


@given(st.text(max_size=200))
def test_words_without_digits_are_left_alone(words: str) -> None:
    plain = "".join(one for one in words if not one.isdecimal() and not one.isdigit() and not one.isnumeric())
    assert mask_secrets(plain) == mask_secrets(plain, ["6222021234567890"], ["604128"])
    assert mask_secrets(plain).words == plain


@given(st.text(max_size=40), st.lists(SEPARATORS, min_size=16, max_size=16), st.text(max_size=40))
def test_a_known_number_and_pin_never_survive_whatever_separates_their_digits(
    before: str, separators: list[str], after: str
) -> None:
    spread = "".join(digit + gap for digit, gap in zip(NUMBER, separators, strict=True))
    pin = "".join(digit + gap for digit, gap in zip(PIN, separators, strict=False))
    made = mask_secrets(f"{before} {spread}| {pin} {after}", [NUMBER], [PIN])
    assert NUMBER not in bare(made.words)
    assert PIN not in bare(made.words)
    assert MASK in made.words
    assert len(made.words) == len(f"{before} {spread}| {pin} {after}")


def test_a_list_of_guesses_does_not_tell_which_one_is_the_pin() -> None:
    guesses = ", ".join(f"{number:06d}" for number in range(604_100, 604_200))
    right, wrong = (mask_secrets(guesses, pins=[pin]).words for pin in ("604128", "999999"))
    assert right == wrong
    assert mask_secrets("I paid 500 on 28 November", pins=["604128"]).words == "I paid 500 on 28 November"
