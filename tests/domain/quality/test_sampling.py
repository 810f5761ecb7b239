"""The sample of second reviews: its share, its sameness, and the day it counts against."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from domain.cards.card import CardType
from domain.cards.review import ReviewOutcome
from domain.review.four_eyes import lot_of
from domain.rules.checks import sampling_policy
from domain.sealing import KeyRing

POLICY = sampling_policy(date(2026, 11, 23))


def test_about_the_share_of_the_type_is_drawn_and_the_same_ones_whenever_one_asks() -> None:
    keyring = KeyRing.generate()
    ids = [lot_of(keyring, f"card{number}", POLICY.seed) for number in range(20_000)]
    chosen = [one for one in ids if POLICY.draws(one, CardType.DINING, ReviewOutcome.APPROVE)]
    assert 0.04 < len(chosen) / len(ids) < 0.06
    assert all(POLICY.draws(one, CardType.DINING, ReviewOutcome.REJECT) for one in chosen)


def test_an_item_that_was_asked_for_is_answered_by_the_item_and_not_drawn() -> None:
    all_of_them = replace(POLICY, share_bp={"dining": 10_000})
    drawn = {outcome for outcome in ReviewOutcome if all_of_them.draws("f" * 64, CardType.DINING, outcome)}
    assert drawn == {ReviewOutcome.APPROVE, ReviewOutcome.APPROVE_CORRECTED, ReviewOutcome.REJECT}
    assert not all_of_them.draws("f" * 64, CardType.REGIONAL, ReviewOutcome.APPROVE)


def test_the_cap_is_that_of_the_offices_own_day() -> None:
    assert POLICY.day_of(datetime(2026, 11, 23, 15, 59, tzinfo=UTC)) == date(2026, 11, 23)
    assert POLICY.day_of(datetime(2026, 11, 23, 16, 1, tzinfo=UTC)) == date(2026, 11, 24)
