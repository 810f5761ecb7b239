"""What every rail keeps: one table of assertions, asked of each target with the same words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.finance.payout import AMOUNT_DIFFERS, NOT_FOUND, PayoutOutcome
from domain.money import Currency, Money
from domain.places import business_day
from gateways.errors import BillAbsent, GatewayRefused
from tests.gateways.rail_targets import Can, Target

NOT_YUAN = (Money(0), Money(-1), Money(100, Currency.USD))


@dataclass(frozen=True)
class Assertion:
    """What is asked of a target, and what the target must be able to do for it."""

    holds: Callable[[Target], Awaitable[None]]
    needs: tuple[Can, ...] = ()

    @property
    def name(self) -> str:
        """Return what it says."""
        return self.holds.__name__


async def an_order_that_was_never_sent_is_not_there(target: Target) -> None:
    report = (await target.gateway.query(target.order())).report
    assert (report.outcome, report.code) == (PayoutOutcome.UNKNOWN, NOT_FOUND)


async def sending_twice_has_one_end_and_one_reference(target: Target) -> None:
    order = target.order()
    first = (await target.gateway.transfer(order)).report
    again = (await target.gateway.transfer(order)).report
    assert first.code != NOT_FOUND
    assert (again.outcome, again.gateway_reference) == (first.outcome, first.gateway_reference)
    asked = (await target.gateway.query(order)).report
    assert (asked.outcome, asked.gateway_reference) == (first.outcome, first.gateway_reference)


async def sending_twice_has_one_effect(target: Target) -> None:
    order = target.order()
    await target.gateway.transfer(order)
    await target.pay(order)
    await target.gateway.transfer(order)
    assert await target.made(order) == 1


async def what_is_paid_is_said_with_amount_and_reference_and_stays(target: Target) -> None:
    order = target.order()
    first = await target.pay(order)
    paid = await target.certain(order)
    assert (paid.outcome, paid.amount, paid.key) == (PayoutOutcome.PAID, order.amount, order.key)
    assert paid.gateway_reference
    again = (await target.gateway.transfer(order)).report
    assert again.outcome in (first.outcome, PayoutOutcome.PAID)
    assert (await target.gateway.query(order)).report == paid


async def a_refusal_is_certain_has_a_code_and_stays(target: Target) -> None:
    order = target.order(to_refuse=True)
    await target.refuse(order)
    refused = await target.certain(order)
    assert refused.outcome is PayoutOutcome.REFUSED
    assert refused.code
    await target.gateway.transfer(order)
    assert (await target.gateway.query(order)).report.outcome is PayoutOutcome.REFUSED


async def another_amount_under_a_key_is_never_taken_for_it(target: Target) -> None:
    order = target.order()
    await target.pay(order)
    await target.certain(order)
    other = replace(order, amount=Money(order.amount.amount_minor + 1))
    assert (await target.gateway.query(other)).report.code == AMOUNT_DIFFERS
    await _is_not_paid(target, replace(order, amount=Money(order.amount.amount_minor + 1)))
    assert (await target.gateway.query(order)).report.amount == order.amount


async def another_amount_of_what_waits_is_never_taken_for_it(target: Target) -> None:
    order = target.order()
    await target.gateway.transfer(order)
    await _is_not_paid(target, replace(order, amount=Money(order.amount.amount_minor + 1)))


async def only_positive_yuan_leave(target: Target) -> None:
    for amount in NOT_YUAN:
        order = target.order(amount)
        with pytest.raises(ValueError, match="CNY"):
            await target.gateway.transfer(order)
        asked = replace(order, amount=target.amount)
        assert (await target.gateway.query(asked)).report.code == NOT_FOUND


async def calling_off_what_is_over_harms_nothing(target: Target) -> None:
    order = target.order()
    await target.pay(order)
    paid = await target.certain(order)
    await target.gateway.cancel(order)
    assert (await target.gateway.query(order)).report == paid


async def calling_off_what_was_never_sent_makes_no_order(target: Target) -> None:
    order = target.order()
    await target.gateway.cancel(order)
    assert (await target.gateway.query(order)).report.code == NOT_FOUND


async def what_is_kept_of_a_call_does_not_tell_the_payee(target: Target) -> None:
    order = target.order()
    answers = (order, await target.gateway.transfer(order), await target.gateway.query(order))
    secrets = [one for one in (target.account, target.payee_name) if one]
    assert secrets
    assert not any(secret in repr(answers) for secret in secrets)


async def what_left_is_listed_with_its_amount(target: Target) -> None:
    order, since = target.order(), datetime.now(UTC) - timedelta(minutes=5)
    await target.pay(order)
    paid = await target.certain(order)
    listed = [
        one for one in await target.gateway.listed(since, datetime.now(UTC) + timedelta(minutes=5))
        if one.key == order.key
    ]  # fmt: skip
    assert [(one.amount, one.reference) for one in listed] == [(order.amount, paid.gateway_reference)]


async def the_bill_of_a_day_that_is_over_is_there_or_is_said_to_be_absent(target: Target) -> None:
    try:
        bill = await target.gateway.bill(business_day(datetime.now(UTC)) - timedelta(days=2))
    except BillAbsent:
        return
    assert bill == b"" or bill.startswith(b"PK") or "记账时间" in bill.decode("utf-8-sig")


ASSERTIONS = (
    Assertion(an_order_that_was_never_sent_is_not_there),
    Assertion(sending_twice_has_one_end_and_one_reference, (Can.SEND,)),
    Assertion(sending_twice_has_one_effect, (Can.SEND, Can.PAY, Can.COUNT)),
    Assertion(what_is_paid_is_said_with_amount_and_reference_and_stays, (Can.SEND, Can.PAY)),
    Assertion(a_refusal_is_certain_has_a_code_and_stays, (Can.SEND, Can.REFUSE)),
    Assertion(another_amount_under_a_key_is_never_taken_for_it, (Can.SEND, Can.PAY)),
    Assertion(another_amount_of_what_waits_is_never_taken_for_it, (Can.SEND,)),
    Assertion(only_positive_yuan_leave),
    Assertion(calling_off_what_is_over_harms_nothing, (Can.SEND, Can.PAY)),
    Assertion(calling_off_what_was_never_sent_makes_no_order),
    Assertion(what_is_kept_of_a_call_does_not_tell_the_payee, (Can.SEND,)),
    Assertion(what_left_is_listed_with_its_amount, (Can.SEND, Can.PAY, Can.LIST)),
    Assertion(the_bill_of_a_day_that_is_over_is_there_or_is_said_to_be_absent, (Can.BILL,)),
)


async def _is_not_paid(target: Target, other: object) -> None:
    try:
        report = (await target.gateway.transfer(other)).report  # type: ignore[arg-type]
    except GatewayRefused:
        return
    assert report.outcome is PayoutOutcome.UNKNOWN
