"""Ids are unique, sort by time, and can be read back by eye."""

from datetime import UTC, datetime

import time_machine

from domain import identifiers


def test_ids_are_26_crockford_characters_and_never_repeat() -> None:
    made = {identifiers.new_id() for _ in range(2_000)}
    assert len(made) == 2_000
    assert all(len(one) == 26 and set(one) <= set(identifiers.ALPHABET) for one in made)


def test_a_later_id_sorts_after_an_earlier_one() -> None:
    made = []
    for second in (1, 2, 1_000, 1_800_000_000, 1_800_000_001):
        with time_machine.travel(datetime.fromtimestamp(second, UTC), tick=False):
            made.append(identifiers.new_id())
    assert made == sorted(made)


def test_keys_of_different_effects_differ() -> None:
    keys = [
        identifiers.payout_key("01M8", 1), identifiers.payout_key("01M8", 2), identifiers.request_key("01M8", "inquire", 1),
        identifiers.review_task("01M8", 1), identifiers.quote("01M8", 1), identifiers.card_workflow("01M8"),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert all("01M8" in key for key in keys)


def test_only_what_has_the_form_of_an_id_counts_as_one() -> None:
    made = identifiers.new_id()
    assert identifiers.is_id(made)
    others = ("", "6006491234567890", "card", made.lower(), made + "0", "U" * 26)
    assert [one for one in others if identifiers.is_id(one)] == []
