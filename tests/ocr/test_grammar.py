"""The grammar of every brand of the catalogue takes what its brand issues and nothing else, and reads it back from the photo's frames."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from domain.rules.brand_document import Check
from domain.rules.brands import Brand, catalogue
from ocr.confidence import FIT_SHOWN
from ocr.grammar import Grammar, number_grammars, pin_grammars
from ocr.judging import LEFT_OUT, judged
from tests.ocr.lattices import lattice_of, shown

CHECK_DIGIT = {Check.LUHN: luhn.calc_check_digit, Check.ISO7064_MOD37_36: mod_37_36.calc_check_digit}
BRANDS = [pytest.param(brand, id=code) for code, brand in sorted(catalogue().items())]
CHECKED = [pytest.param(brand, id=code) for code, brand in sorted(catalogue().items()) if brand.check is not Check.NONE]
PIN_PATTERNS = sorted({brand.pin for brand in catalogue().values() if brand.pin} | {"[0-9]{4,6}", "[0-9]{6}|[0-9]{8}"})
SYMBOLS = st.sampled_from(string.digits + string.ascii_uppercase)
few = settings(max_examples=20)


def number_of(data: st.DataObject, brand: Brand) -> str:
    """A number by the brand's own rule, made without our grammar."""
    drawn = data.draw(st.from_regex(brand.number, fullmatch=True))
    return drawn if brand.check is Check.NONE else drawn[:-1] + CHECK_DIGIT[brand.check](drawn[:-1])


def grammar_of(brand: Brand) -> Grammar:
    """The grammar of a brand whose numbers have one form."""
    (grammar,) = number_grammars(brand)
    return grammar


def fits(grammar: Grammar, value: str) -> bool:
    """Whether the grammar can spell the value and takes it."""
    spelt = len(value) == len(grammar.places) and all(
        one in place for one, place in zip(value, grammar.places, strict=True)
    )
    return spelt and grammar.holds(value)


@pytest.mark.parametrize("brand", BRANDS)
@few
@given(data=st.data())
def test_a_number_by_the_brands_rule_is_taken_and_read_back(brand: Brand, data: st.DataObject) -> None:
    number, grammar = number_of(data, brand), grammar_of(brand)
    assert fits(grammar, number)
    assert grammar.checked is (brand.check is not Check.NONE)
    seen = judged(number, 1.0, [lattice_of(*shown(number))], grammar)
    assert seen is not None
    assert (seen.value, seen.holds, seen.agreeing) == (number, True, 1)
    assert seen.share > 0.99 or LEFT_OUT & set(number)  # Issuers leave I and O out.
    text_alone = judged(number, 1.0, [], grammar)
    assert text_alone is not None
    assert (text_alone.value, text_alone.holds, text_alone.changes) == (number, True, 0)


@pytest.mark.parametrize("brand", CHECKED)
@few
@given(data=st.data())
def test_a_number_with_another_check_digit_is_refused(brand: Brand, data: st.DataObject) -> None:
    number, grammar = number_of(data, brand), grammar_of(brand)
    other = data.draw(st.sampled_from(sorted(grammar.places[-1] - {number[-1]})))
    changed = number[:-1] + other
    assert not fits(grammar, changed)
    seen = judged(changed, 1.0, [lattice_of(*shown(changed))], grammar)
    assert seen is None or not seen.holds or (seen.value != changed and seen.fit < FIT_SHOWN), "It is invented at best."
    text_alone = judged(changed, 1.0, [], grammar)
    assert text_alone is None or not text_alone.holds or text_alone.changes > 0


@pytest.mark.parametrize("brand", CHECKED)
@few
@given(data=st.data())
def test_the_check_digit_finds_the_number_behind_one_doubtful_character(brand: Brand, data: st.DataObject) -> None:
    number, grammar = number_of(data, brand), grammar_of(brand)
    place = data.draw(st.integers(0, len(number) - 1))
    others = sorted(grammar.places[place] - {number[place]})
    assume(others)
    wrong = data.draw(st.sampled_from(others))
    frames = shown(number)
    frames[2 * place] = {number[place]: 0.4, wrong: 0.6}
    seen = judged(number[:place] + wrong + number[place + 1 :], 0.6, [lattice_of(*frames)], grammar)
    assert seen is not None
    assert (seen.value, seen.holds) == (number, True)


@pytest.mark.parametrize("brand", BRANDS)
@few
@given(data=st.data())
def test_another_length_or_a_foreign_character_is_refused(brand: Brand, data: st.DataObject) -> None:
    number, grammar, more = number_of(data, brand), grammar_of(brand), data.draw(SYMBOLS)
    assert not fits(grammar, number[:-1])
    assert not fits(grammar, number + more)
    place = data.draw(st.integers(0, len(number) - 1))
    if more not in grammar.places[place]:
        assert not grammar.holds(number[:place] + more + number[place + 1 :])
    elif not grammar.checked:
        assert fits(grammar, number[:place] + more + number[place + 1 :])


@pytest.mark.parametrize("pattern", PIN_PATTERNS)
@few
@given(data=st.data())
def test_a_pin_of_the_pattern_is_taken_by_one_grammar_and_read_back(pattern: str, data: st.DataObject) -> None:
    pin = data.draw(st.from_regex(pattern, fullmatch=True))
    (grammar,) = [one for one in pin_grammars(pattern) if fits(one, pin)]
    seen = judged(pin, 1.0, [lattice_of(*shown(pin))], grammar)
    assert seen is not None
    assert (seen.value, seen.holds) == (pin, True)
    assert seen.share > 0.99


@pytest.mark.parametrize("pattern", PIN_PATTERNS)
@few
@given(data=st.data())
def test_a_pin_of_another_length_or_with_a_letter_is_refused(pattern: str, data: st.DataObject) -> None:
    pin, grammars = data.draw(st.from_regex(pattern, fullmatch=True)), pin_grammars(pattern)
    lengths = {len(one.places) for one in grammars}
    for value in (pin + data.draw(SYMBOLS), pin[:-1]):
        if len(value) not in lengths:
            assert not any(fits(one, value) or one.holds(value) for one in grammars)
    letter = data.draw(st.sampled_from(string.ascii_uppercase))
    assert not any(one.holds(letter + pin[1:]) for one in grammars)
