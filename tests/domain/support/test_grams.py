"""What a text holds is found by its grams in either script, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.support.grams import BLOCK, LOOKED_UP_MAX, MASK, folded, grams, in_block, looked_up, terms

LETTERS = st.text(alphabet="到账没有卡密abcdeXYZ019 ,.%_-é", max_size=60)


@pytest.mark.parametrize(
    ("written", "is_compared_as"),
    [
        ("ＰＡＹＰＡＬ　１２３", "paypal 123"),
        ("Café — résumé", "cafe resume"),
        ("100% of a_b\\c", "100 of a b c"),
        ("没到账！！到底怎么回事？", "没到账 到底怎么回事"),
        ("淘宝taobao", "淘宝taobao"),
        ("no\u200bw 🎁 \u202eright", "now right"),
        ("••••6642", "6642"),
        ("", ""),
    ],
)
def test_words_are_compared_without_case_width_accents_or_signs(written: str, is_compared_as: str) -> None:
    assert folded(written) == is_compared_as


@pytest.mark.parametrize(
    ("typed", "holds"),
    [
        ("到账", "钱一直没到账"),
        ("pay", "my repayment"),
        ("no", "say no more"),
        ("宝ta", "淘宝taobao"),
        ("27", "box 27"),
    ],
)
def test_a_part_is_looked_up_by_what_a_text_that_holds_it_has(typed: str, holds: str) -> None:
    assert looked_up(terms(typed))
    assert set(looked_up(terms(typed))) <= grams(folded(holds))


def test_two_letters_are_a_word_of_their_own() -> None:
    assert not set(looked_up(("pa",))) <= grams("pay repay")


@pytest.mark.parametrize("typed", ["卡", "a", "7", "%", "_", "  ", "a 卡 7"])
def test_too_short_query_is_not_searched(typed: str) -> None:
    assert looked_up(terms(typed)) == ()


def test_a_long_search_asks_the_index_for_few_numbers_from_its_beginning_to_its_end() -> None:
    asked = looked_up(terms("abcdefghijklmnopqrstuvwxyz"))
    assert len(asked) == LOOKED_UP_MAX
    assert {asked[0], asked[-1]} == {*looked_up(("abc",)), *looked_up(("xyz",))}


@given(LETTERS, st.integers(0, 59), st.integers(3, 12))
def test_every_stretch_of_a_text_is_looked_up_by_numbers_that_the_text_has(text: str, start: int, length: int) -> None:
    plain = folded(text)
    part = plain[start : start + length]
    for word in part.split():
        if len(word) > 2:  # A shorter one is a word of its own, and a stretch may be part of one.
            assert set(looked_up((word,))) <= grams(plain)


@given(st.integers(0, MASK), st.integers(0, 10_000_000 // BLOCK))
def test_numbers_fit_the_index_and_differ_from_block_to_block(number: int, block: int) -> None:
    assert 0 <= in_block(number, block) <= MASK
    assert in_block(number, block) != in_block(number, block + 1)
