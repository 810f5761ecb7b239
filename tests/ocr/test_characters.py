"""Which characters may be changed, and when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_37_36

from ocr.characters import digits_only, lookalikes, repair

CHARACTERS = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=13, max_size=13)


def test_letters_in_a_digits_place_become_their_digits() -> None:
    assert digits_only("1O2")[0] == "102"
    assert digits_only("1K2") == ()


def test_two_equally_near_values_are_both_offered_and_neither_taken() -> None:
    found = repair("AO8", True, True, lambda value: value in {"A08", "AOB"})
    assert (found.value, found.holds) == ("AO8", False)
    assert set(found.alternatives) == {"A08", "AOB"}


def test_lookalikes_come_with_fewest_changes_first() -> None:
    counts = [changes for changes, _ in lookalikes("O0B8")]
    assert counts == sorted(counts)


@given(CHARACTERS)
def test_a_number_whose_check_holds_is_never_changed(body: str) -> None:
    number = "JD" + body + mod_37_36.calc_check_digit("JD" + body)
    found = repair(number, True, True, mod_37_36.is_valid)
    assert (found.value, found.changes, found.alternatives) == (number, 0, ())


@given(CHARACTERS, st.data())
def test_a_repair_always_satisfies_the_rules_or_changes_nothing(body: str, data: st.DataObject) -> None:
    number = "JD" + body + mod_37_36.calc_check_digit("JD" + body)
    place = data.draw(st.integers(2, 15))
    misread = number[:place] + data.draw(st.sampled_from("O0I1B8S5Z2")) + number[place + 1 :]
    found = repair(misread, True, True, mod_37_36.is_valid)
    assert mod_37_36.is_valid(found.value) if found.holds else found.value == misread
