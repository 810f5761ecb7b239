"""Caps on what is committed within an hour and a day: at the cap a machine may still buy, beyond it may not."""

from __future__ import annotations

from datetime import date

import pytest

from domain.cards.verification import CONFIRMED_BEFORE_PAYMENT
from domain.rules.limits import limits_in_force
from domain.rules.velocity import DAY, HOUR, SUBJECTS, velocity_in_force

CAPS = velocity_in_force(date(2026, 11, 22))


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("span", [HOUR, DAY])
def test_each_cap_is_kept_to_the_fen(subject: str, span: str) -> None:
    most = CAPS.most_minor[subject][span]
    assert CAPS.beyond({subject: {span: most - 465_00}}, 465_00) == ()
    assert CAPS.beyond({subject: {span: most - 465_00}}, 465_01) == (f"{subject}.{span}",)


def test_every_subject_has_both_caps_and_a_day_allows_no_less_than_an_hour() -> None:
    assert set(CAPS.most_minor) == set(SUBJECTS)
    assert all(spans[HOUR] <= spans[DAY] for spans in CAPS.most_minor.values())


def test_the_attack_of_92_535_yuan_to_one_payee_is_stopped_early() -> None:
    assert "payee.hour" in CAPS.beyond({"payee": {HOUR: 2_000_000, DAY: 2_000_000}}, 465_00)


@pytest.mark.parametrize("kind", ["seller", "partner"])
def test_a_card_that_can_be_spent_after_its_payment_has_limits_of_its_own(kind: str) -> None:
    card, day = CAPS.unsecured_minor["card"], CAPS.unsecured_minor[kind]
    assert CAPS.beyond_unsecured(kind, day - card, card) == ()
    assert CAPS.beyond_unsecured(kind, day - card, card + 1) == ("card", kind)
    assert CAPS.beyond_unsecured(kind, day, 1) == (kind,)


def test_the_limits_without_a_lock_are_below_those_with_one() -> None:
    machine = limits_in_force(date(2026, 11, 22)).machine_value_minor_max
    assert all(CAPS.unsecured_minor["card"] < machine[of.value] for of in CONFIRMED_BEFORE_PAYMENT)
    assert all(CAPS.unsecured_minor[kind] < CAPS.most_minor[kind][DAY] for kind in ("seller", "partner"))


def test_there_are_no_caps_before_the_first_version() -> None:
    with pytest.raises(LookupError):
        velocity_in_force(date(2019, 1, 1))
