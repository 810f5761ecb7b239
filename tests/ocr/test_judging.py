"""Values judged by lattices: check digits rank what the photo shows and never invent what it does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.cards.reading import Box, Doubt, FieldName, Reason
from domain.rules.brands import brand
from ocr.calibration import Kind, fitted
from ocr.confidence import CAPS, confidence_of
from ocr.grammar import Grammar, number_grammars, pin_grammars
from ocr.judging import Judged, judged
from ocr.lattice import Lattice
from ocr.lines import Line
from ocr.parse import fields_in
from tests.ocr.lattices import lattice_of, shown

NUMBER = "2326955627995358"


def grammar_of(code: str) -> Grammar:
    (grammar,) = number_grammars(brand(code))
    return grammar


def seen_as(number: str, at: int, **shares: float) -> Lattice:
    """Frames of a number whose character `at` (from 0) is seen as several."""
    frames = shown(number)
    frames[2 * at] = {name.lstrip("_"): share for name, share in shares.items()}
    return lattice_of(*frames)


def trusted(found: Judged | None, grammar: Grammar) -> tuple[float, tuple[Reason, ...]]:
    assert found is not None
    return confidence_of(
        found,
        grammar,
        Kind.CHECKED if grammar.checked else Kind.UNCHECKED,
        labelled=True,
        like_printed=True,
        rivals=0,
        curves=fitted(),
    )


def test_second_choice_is_taken_when_the_check_digit_asks_for_it() -> None:
    grammar = grammar_of("walmart")
    found = judged("2326955627995858", 0.7, [seen_as(NUMBER, 13, _8=0.7, _3=0.3)], grammar)
    assert found is not None
    assert (found.value, found.holds, found.changes) == (NUMBER, True, 1)
    assert trusted(found, grammar)[0] > 0.9


@pytest.mark.parametrize(("as_letter", "value"), [(0.7, "NJ3ZPI70WAH598"), (0.97, "NJ3ZPI7OWAH598")])
def test_a_letter_that_issuers_leave_out_is_read_only_where_the_photo_clearly_shows_it(
    as_letter: float, value: str
) -> None:
    grammar = grammar_of("amazon-us")
    found = judged("NJ3ZPI7OWAH598", as_letter, [seen_as("NJ3ZPI70WAH598", 7, O=as_letter, _0=1 - as_letter)], grammar)
    assert found is not None
    assert found.value == value
    confidence, reasons = trusted(found, grammar)
    assert (confidence <= CAPS[Reason.SAME_SHAPE], Reason.SAME_SHAPE in reasons) == (True, True)


def test_character_that_the_photo_hardly_shows_stays_doubtful() -> None:
    grammar = grammar_of("walmart")
    found = judged("2326955627995858", 0.99, [seen_as(NUMBER, 13, _8=0.9995, _3=0.0005)], grammar)
    confidence, reasons = trusted(found, grammar)
    assert confidence < 0.9
    assert Reason.INVENTED in reasons


def test_check_digit_that_holds_by_chance_is_not_trusted() -> None:
    """Where every character is a guess, some value that keeps the rules is always among them."""
    grammar = grammar_of("walmart")
    blurred = [
        {one: 0.3, **{other: 0.7 / 9 for other in "0123456789" if other != one}} if frame != {"": 1.0} else frame
        for frame in shown(NUMBER)
        for one in frame
    ]
    assert trusted(judged(NUMBER, 0.3, [lattice_of(*blurred)], grammar), grammar)[0] < 0.5


def test_doubt_names_place_and_characters() -> None:
    grammar = grammar_of("carrefour")
    number = "6361416274373262214"
    found = judged(number, 0.6, [seen_as(number, 7, _2=0.6, _7=0.4)], grammar)
    assert found is not None
    assert found.doubts == (Doubt(8, "27"),)
    assert trusted(found, grammar)[0] < 0.9


def test_looks_are_weighed_together() -> None:
    grammar = grammar_of("carrefour")
    number = "6361416274373262214"
    unsure, sure = seen_as(number, 7, _2=0.45, _7=0.55), seen_as(number, 7, _2=0.999, _7=0.001)
    found = judged(number, 0.55, [unsure, sure, sure], grammar)
    assert found is not None
    assert (found.value, found.looks) == (number, 3)
    assert found.share > 0.9


def test_digits_alone_stand_in_a_pin() -> None:
    (grammar,) = pin_grammars("[0-9]{6}")
    frames = [
        frame
        for one in (
            {"0": 0.4, "O": 0.6},
            {"3": 1.0},
            {"7": 1.0},
            {"8": 1.0},
            {"I": 0.7, "1": 0.3},
            {"S": 0.8, "5": 0.2},
        )
        for frame in (one, {"": 1.0})
    ]
    found = judged("O378IS", 0.6, [lattice_of(*frames)], grammar)
    assert found is not None
    assert (found.value, found.holds) == ("037815", True)


def test_pattern_of_several_lengths_has_a_grammar_for_each() -> None:
    assert [len(one.places) for one in pin_grammars("[0-9]{4}|[0-9]{6}")] == [4, 6]
    assert [len(one.places) for one in pin_grammars("[0-9]{4,6}")] == [4, 5, 6]


@pytest.mark.parametrize(
    ("pattern", "forms"),
    [
        ("81[0-9]{2}", ["81##"]),
        ("(?:GC|GD)[0-9]{3}", ["GC###", "GD###"]),
        ("[0-9]{3}|[0-9]{5}", ["###", "#####"]),
        ("[A-Z]{1,3}", ["@", "@@", "@@@"]),
        (r"A?\d{2}", ["##", "A##"]),
        ("(A|B(C|D)){2}", ["AA", "ABC", "ABD", "BCA", "BDA", "BCBC", "BCBD", "BDBC", "BDBD"]),
        ("[0-9]+", []),
        ("(?=8)[0-9]{4}", []),
        ("(12", []),
        ("(1|2|3|4|5){3}", []),  # More forms than can be looked for.
    ],
)
def test_a_pattern_with_choices_has_a_grammar_for_each_of_its_forms(pattern: str, forms: list[str]) -> None:
    number = replace(brand("walmart"), number=pattern, group=(7,))
    names = {frozenset("0123456789"): "#", frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ"): "@"}
    found = ["".join(names.get(at, min(at)) for at in one.places) for one in number_grammars(number)]
    assert sorted(found) == (sorted(forms) or ["#######"])


def test_a_number_of_one_of_several_lengths_is_read() -> None:
    several = replace(brand("hualian"), number="(?:GC|GD)[0-9]{8}|[0-9]{12}", group=(4, 4, 4), pin=None)
    for printed in ("GD20260917", "202609171234"):
        found = fields_in([Line(f"卡号 {printed}", 0.99, Box(0, 0, 300, 30))], {several.code: several}, several.code)
        assert {one.name: one.value for one in found}[FieldName.NUMBER] == printed
