"""The shape of a submission: what is refused before anything is looked up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.cards.intake import Submission, SubmittedCard, check_shape, tidied
from domain.errors.general import FieldInvalid
from domain.money import Currency, Money

GOOD = Submission("partner:p", "key", (SubmittedCard("jd", number="JD1"),), "13800000021", "李雷")


@pytest.mark.parametrize("account", ["13800000021", "a.b+c@example.com", "+86 138 0000 0021"])
@pytest.mark.parametrize("name", ["李雷", "Anne-Marie O’Neill", "買買提·玉素甫", "😀 Ltd", "\U00031350", "\ue863"])
def test_a_payee_of_any_script_is_taken(account: str, name: str) -> None:
    check_shape(replace(GOOD, payee_account=account, payee_name=name))


@pytest.mark.parametrize("account", ["zzz", "not an account", "a@b", "12345", "@example.com", "1-", "a b@c.cn"])
def test_an_account_is_a_mobile_number_or_an_address(account: str) -> None:
    """Anything else is refused by the gateway after the seller has accepted, and the money stays owed."""
    with pytest.raises(FieldInvalid, match="field_invalid") as refused:
        check_shape(replace(GOOD, payee_account=account))
    assert refused.value.data["field"] == "payee_account"


@pytest.mark.parametrize("account", ["", " ", "a\nb", "а@b.cn", "１３８", "\u200b", "1" * 101, "a@b.cn\u202e"])
def test_an_account_is_visible_ascii(account: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        check_shape(replace(GOOD, payee_account=account))
    assert refused.value.data["field"] == "payee_account"


@pytest.mark.parametrize(
    "name", ["", " ", "\u3000", "\u200b", "a\r\nb", "a\x00", "\ud800", "a\u2028b", "\u202emoc", "x" * 101]
)
def test_a_name_can_be_seen_and_reads_one_way(name: str) -> None:
    with pytest.raises(FieldInvalid) as refused:
        check_shape(replace(GOOD, payee_name=name))
    assert refused.value.data["field"] == "payee_name"


def test_a_name_copied_with_marks_of_its_own_direction_is_cleaned_and_taken() -> None:
    given = tidied(replace(GOOD, payee_name="\u202d李雷\u202c"))
    check_shape(given)
    assert given.payee_name == "李雷"
    with pytest.raises(FieldInvalid):
        check_shape(tidied(replace(GOOD, payee_name="\u202e雷李\u202c")))


@pytest.mark.parametrize("floor", [Money(6000, Currency.USD), Money(0), Money(-100)])
def test_a_least_price_is_an_amount_in_the_currency_that_is_paid(floor: Money) -> None:
    """Sixty dollars taken for sixty yuan would accept a quote that the seller never wanted."""
    card = replace(GOOD.cards[0], accept_at_or_above=floor)
    with pytest.raises(FieldInvalid) as refused:
        check_shape(replace(GOOD, cards=(GOOD.cards[0], card)))
    assert refused.value.data["field"] == "cards.1.accept_at_or_above"
