"""Every step of a payout balances, and the steps of one card end where they should."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.finance import ledger
from domain.finance.ledger import Posting, Postings
from domain.finance.rails import Rail
from domain.money import Currency, Money

OWNER = "seller:01M82RE6M2X4GDYSTQ5JDB0Q1V"
amounts = st.integers(1, 10**12).map(Money)


def balances(*steps: Postings) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for posting in (posting for step in steps for posting in step):
        sums[posting.account.code] += posting.amount.amount_minor
    return {code: minor for code, minor in sums.items() if minor}


@given(amounts)
def test_every_step_sums_to_zero(amount: Money) -> None:
    steps = [
        ledger.owed(OWNER, amount), ledger.payout_prepared(OWNER, amount, Rail.ALIPAY), ledger.payout_paid(amount, Rail.ALIPAY),
        ledger.payout_refused(OWNER, amount, Rail.ALIPAY), ledger.issuer_cost(amount),
    ]  # fmt: skip
    for step in steps:
        assert ledger.totals(ledger.require_balanced(step)) == {Currency.CNY: 0}


def test_a_card_bought_for_465_yuan_and_paid_is_inventory_against_cash() -> None:
    price = Money(46_500)
    steps = (
        ledger.owed(OWNER, price),
        ledger.payout_prepared(OWNER, price, Rail.ALIPAY),
        ledger.payout_paid(price, Rail.ALIPAY),
    )
    assert balances(*steps) == {"inventory": 46_500, "cash:alipay": -46_500}


def test_after_a_refused_payment_the_seller_is_owed_again_and_nothing_is_in_flight() -> None:
    price = Money(46_500)
    steps = (
        ledger.owed(OWNER, price),
        ledger.payout_prepared(OWNER, price, Rail.ALIPAY),
        ledger.payout_refused(OWNER, price, Rail.ALIPAY),
    )
    assert balances(*steps) == {"inventory": 46_500, f"seller_payable:{OWNER}": -46_500}


@pytest.mark.parametrize("minor", [0, -1])
def test_an_amount_that_is_not_positive_is_refused(minor: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        ledger.owed(OWNER, Money(minor))


def test_postings_must_balance_in_each_currency_apart() -> None:
    mixed = (Posting(ledger.cash(Rail.ALIPAY), Money(100)), Posting(ledger.ISSUER_PAYABLE, Money(-100, Currency.USD)))
    with pytest.raises(ledger.Unbalanced):
        ledger.require_balanced(mixed)
    with pytest.raises(ledger.Unbalanced):
        ledger.require_balanced(())
