"""What must stand in our own rows before money leaves; each missing piece alone holds it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.cards.card import CardStatus, CardType
from domain.rules.payable import PaymentProof, why_not_payable

BOUGHT_BY_MACHINE = PaymentProof(
    card_type=CardType.ECOMMERCE,
    brands_type=CardType.ECOMMERCE,
    ended=False,
    accepted=True,
    quoted_as_it_is=True,
    status=CardStatus.ACTIVE,
    open_reasons=frozenset(),
    approved=frozenset(),
    code_proved=False,
    rate_locked=False,
    confirmed=True,
)


def of(card_type: CardType, **more: Any) -> PaymentProof:
    return replace(BOUGHT_BY_MACHINE, card_type=card_type, brands_type=card_type, **more)


@pytest.mark.parametrize(
    "card",
    [
        BOUGHT_BY_MACHINE,
        of(CardType.ECOMMERCE, status=CardStatus.PARTLY_USED),
        of(CardType.SUPERMARKET, code_proved=True),
        of(CardType.SUPERMARKET, status=CardStatus.UNKNOWN, approved=frozenset({"issuer_unknown"}), confirmed=False),
        of(CardType.CROSSBORDER, rate_locked=True),
        of(CardType.DINING, approved=frozenset({"card_type"}), confirmed=False),
        of(CardType.REGIONAL, status=CardStatus.UNKNOWN, approved=frozenset({"outlet_silent"}), confirmed=False),
        of(CardType.DINING, status=CardStatus.NOT_ACTIVATED, approved=frozenset({"card_type"}), confirmed=False),
    ],
)
def test_what_was_verified_reviewed_accepted_and_confirmed_is_paid(card: PaymentProof) -> None:
    assert why_not_payable(card) is None


@pytest.mark.parametrize(
    ("card", "missing"),
    [
        (replace(BOUGHT_BY_MACHINE, ended=True), "ended"),
        (replace(BOUGHT_BY_MACHINE, accepted=False), "not_accepted"),
        (replace(BOUGHT_BY_MACHINE, brands_type=CardType.DINING), "card_type"),
        (replace(BOUGHT_BY_MACHINE, quoted_as_it_is=False), "fields_changed"),
        (replace(BOUGHT_BY_MACHINE, open_reasons=frozenset({"high_value"})), "not_reviewed"),
        (replace(BOUGHT_BY_MACHINE, status=CardStatus.UNKNOWN), "not_verified"),
        (replace(BOUGHT_BY_MACHINE, status=CardStatus.FROZEN), "not_verified"),
        (replace(BOUGHT_BY_MACHINE, confirmed=False), "not_confirmed"),
        (replace(BOUGHT_BY_MACHINE, secured=False), "not_secured"),
        (of(CardType.SUPERMARKET), "code"),
        (of(CardType.SUPERMARKET, approved=frozenset({"high_value"})), "code"),
        (of(CardType.CROSSBORDER), "rate"),
    ],
)
def test_each_missing_piece_holds_the_money_back(card: PaymentProof, missing: str) -> None:
    assert why_not_payable(card) == missing
