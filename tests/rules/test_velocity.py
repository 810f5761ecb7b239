"""Caps on what is committed within an hour and a day: at the cap a machine may still buy, beyond it may not."""

from __future__ import annotations

from datetime import date

import pytest

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


def test_there_are_no_caps_before_the_first_version() -> None:
    with pytest.raises(LookupError):
        velocity_in_force(date(2019, 1, 1))
