"""The seller is paid exactly once, whatever the gateway does; unknown is only ever cleared up by asking."""

import asyncio
import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from database.repositories import ledger
from database.session import DatabaseUnavailable
from database.tables.cards import QuoteRow
from database.tables.finance.payout import PaymentNotificationRow, PayoutRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.cards.facts import NotificationVerdict
from domain.errors.finance import AmountMismatch
from domain.errors.general import NotFound, SignatureInvalid
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.identifiers import new_id, payout_key
from domain.money import Money
from tests.builders.world import APP_ID, World


async def balances(world: World, card_id: str) -> tuple[int, int]:
    """What is owed to the card's owner, and what is in flight for nobody else."""
    async with world.database.transaction() as session:
        owed = await ledger.balance(session, f"seller_payable:{await world.payee_of(card_id)}")
        posted = await ledger.postings_of(session, f"{payout_key(card_id, 1)}:settled")
    return owed.amount_minor, len(posted)


def a_notice(
    world: World, key: str, amount: str, *, notify_id: str = "", genuine: bool = True, status: str = "SUCCESS"
) -> bytes:
    """A notification signed as the gateway signs."""
    content = {"out_biz_no": key, "order_id": "20260001", "status": status, "trans_amount": amount}
    facts = {
        "notify_id": notify_id or new_id(), "msg_method": "alipay.fund.trans.order.changed", "app_id": APP_ID,
        "version": "1.1", "charset": "UTF-8", "utc_timestamp": "1", "biz_content": json.dumps(content),
    }  # fmt: skip
    body, _ = world.alipay_program._signed_notice(facts, genuine)
    return body


async def test_an_accepted_quote_is_paid_and_the_card_ends_with_it(world: World) -> None:
    card_id, key = await world.a_prepared_payout()
    assert (await balances(world, card_id))[0] == 0
    sent = await world.payout.send(key)
    assert sent.outcome is PayoutOutcome.PAID
    assert await world.payout.conclude(key) == sent
    assert await world.payout.conclude(key) == sent
    row = await world.card(card_id)
    assert (row.stage, row.outcome, row.waiting_for, row.live) == (Stage.ENDED, Outcome.PAID, WaitingFor.NOBODY, True)
    (payout,) = await world.rows(PayoutRow, key=key)
    assert (payout.state, payout.amount_minor) == (PayoutState.PAID, 465_00)
    assert payout.gateway_reference
    assert [one["amount_minor"] for one in await world.transfers(key)] == [465_00]
    assert (await world.story(card_id))[-2:] == ["payout.prepared", "payout.paid"]
    assert await world.payout.send(key) == sent


async def test_a_step_that_concludes_posts_a_certain_answer_and_leaves_an_unknown_one(world: World) -> None:
    card_id, key = await world.a_prepared_payout()
    await world.alipay.control(processing_ms=60_000)
    assert (await world.payout.send(key, True)).outcome is PayoutOutcome.UNKNOWN
    assert (await world.card(card_id)).outcome is None
    card_id, key = await world.a_prepared_payout()
    await world.alipay.control(processing_ms=0)
    assert (await world.payout.send(key, True)).outcome is PayoutOutcome.PAID
    assert (await world.card(card_id)).outcome is Outcome.PAID


async def test_an_answer_that_could_not_be_posted_is_posted_by_the_next_attempt_which_sends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    card_id, key = await world.a_prepared_payout()
    settle, failures = world.payout._settle, [DatabaseUnavailable("it went away")]

    async def settled(*given: Any) -> None:
        if failures:
            raise failures.pop()
        await settle(*given)

    monkeypatch.setattr(world.payout, "_settle", settled)
    with pytest.raises(ApplicationError):
        await world.payout.send(key, True)
    (payout,) = await world.rows(PayoutRow, key=key)
    assert (payout.answered, payout.settled_at, (await world.card(card_id)).outcome) == (PayoutOutcome.PAID, None, None)
    assert (await world.payout.send(key, True)).outcome is PayoutOutcome.PAID
    assert [one["amount_minor"] for one in await world.transfers(key)] == [465_00]
    assert (await world.story(card_id))[-2:] == ["payout.prepared", "payout.paid"]


async def test_nothing_is_paid_without_acceptance(world: World) -> None:
    card_id = await world.a_card("jd")
    await world.verification.ask_issuer(card_id)
    valued = await world.pricing.value(card_id, 1)
    with pytest.raises(ApplicationError) as refused:
        await world.payout.prepare(card_id, valued.quote_id, payout_key(card_id, 1))
    assert refused.value.non_retryable
    assert await world.rows(PayoutRow, card_id=card_id) == []


async def test_preparing_twice_at_once_makes_one_order(world: World) -> None:
    card_id, quote_id = await world.a_confirmed_quote()
    key = payout_key(card_id, 1)
    await asyncio.gather(*(world.payout.prepare(card_id, quote_id, key) for _ in range(4)))
    assert len(await world.rows(PayoutRow, card_id=card_id)) == 1
    assert (await balances(world, card_id))[0] == 0
    (accepted,) = await world.rows(QuoteRow, id=quote_id)
    assert accepted.amount_minor == 465_00


async def test_a_time_out_after_success_is_unknown_and_then_reconciled_with_one_transfer(world: World) -> None:
    card_id, key = await world.a_prepared_payout()
    await world.alipay.control(timeout_after_success_rate=1.0, hang_ms=1_000)
    with pytest.raises(ApplicationError) as unknown:
        await world.payout.send(key)
    assert (unknown.value.type, unknown.value.non_retryable) == ("payout_unknown", False)
    row = await world.card(card_id)
    assert (row.stage, row.waiting_for) == (Stage.PAYOUT, WaitingFor.GATEWAY)
    with pytest.raises(ApplicationError):
        await world.payout.reconcile(key)
    await world.alipay.control(timeout_after_success_rate=0.0)
    facts = await world.payout.reconcile(key)
    assert facts.outcome is PayoutOutcome.PAID
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID
    await world.payout.conclude(key)
    assert len(await world.transfers(key)) == 1
    assert (await world.story(card_id)).count("payout.unknown") == 1
    assert (await world.card(card_id)).outcome is Outcome.PAID


async def test_an_order_that_never_arrived_is_sent_again_under_its_key_only_when_the_gateway_has_none(
    world: World,
) -> None:
    _, key = await world.a_prepared_payout()
    await world.alipay.control(error_rate=1.0)
    with pytest.raises(ApplicationError):
        await world.payout.send(key)
    with pytest.raises(ApplicationError):
        await world.payout.send(key)
    assert await world.transfers(key) == []
    with pytest.raises(ApplicationError):
        await world.payout.reconcile(key)
    await world.alipay.control(error_rate=0.0)
    with pytest.raises(ApplicationError) as still_unknown:
        await world.payout.reconcile(key)
    assert still_unknown.value.type == "payout_unknown"
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID
    assert len(await world.transfers(key)) == 1


async def test_an_order_in_the_gateways_hands_is_left_there(world: World) -> None:
    _, key = await world.a_prepared_payout()
    await world.alipay.control(processing_ms=60_000)
    facts = await world.payout.send(key)
    assert (facts.outcome, facts.code) == (PayoutOutcome.UNKNOWN, "DEALING")
    assert (await world.payout.send(key)).outcome is PayoutOutcome.UNKNOWN
    with pytest.raises(ApplicationError) as unsettled:
        await world.payout.settle(key, facts.outcome, facts.code)
    assert unsettled.value.non_retryable
    with pytest.raises(ApplicationError) as unconcluded:
        await world.payout.conclude(key)
    assert (unconcluded.value.type, unconcluded.value.non_retryable) == ("payout_unknown", False)
    assert len(await world.transfers(key)) == 1


async def test_two_senders_at_once_make_one_transfer(world: World) -> None:
    _, key = await world.a_prepared_payout()
    sent = await asyncio.gather(*(world.payout.send(key) for _ in range(4)))
    assert {one.outcome for one in sent} == {PayoutOutcome.PAID}
    assert len(await world.transfers(key)) == 1


async def test_a_refused_payee_ended_the_cards_of_old_journeys_with_the_money_owed_again(world: World) -> None:
    card_id, key = await world.a_prepared_payout()
    await world.alipay.control(refuse="PAYEE_NOT_EXIST")
    facts = await world.payout.send(key)
    assert (facts.outcome, facts.code) == (PayoutOutcome.REFUSED, "PAYEE_NOT_EXIST")
    with pytest.raises(ApplicationError, match="did not say so"):
        await world.payout.settle(key, PayoutOutcome.PAID, None)
    await world.payout.settle(key, facts.outcome, facts.code)
    row = await world.card(card_id)
    assert (row.outcome, row.reason, row.reason_detail) == (
        Outcome.PAYMENT_REFUSED,
        EndReason.PAYEE_REFUSED,
        "PAYEE_NOT_EXIST",
    )
    assert (await balances(world, card_id))[0] == -465_00
    assert row.live


async def test_an_empty_balance_of_ours_is_tried_again_under_the_same_key_and_paid_once_when_funded(
    world: World,
) -> None:
    card_id, key = await world.a_prepared_payout()
    await world.alipay.control(refuse="PAYER_BALANCE_NOT_ENOUGH")
    for _ in range(2):
        with pytest.raises(ApplicationError) as unknown:
            await world.payout.send(key)
        assert (unknown.value.type, unknown.value.non_retryable) == ("payout_unknown", False)
    assert (await world.card(card_id)).outcome is None
    await world.alipay.control(refuse="")
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID
    assert [one["amount_minor"] for one in await world.transfers(key)] == [465_00]


async def test_a_genuine_notification_is_believed_once_and_settles_nothing_itself(world: World) -> None:
    card_id, key = await world.a_prepared_payout()
    notice = a_notice(world, key, "465.00")
    report = await world.payment_notices.receive(notice)
    assert (report.card_id, report.key, report.verdict) == (card_id, key, NotificationVerdict.ACCEPTED)
    assert not report.waited_for
    await world.awaits(card_id, Stage.PAYOUT, WaitingFor.GATEWAY)
    later = await world.payment_notices.receive(a_notice(world, key, "465.00"))
    assert later.waited_for
    assert (await world.payment_notices.receive(notice)).verdict is NotificationVerdict.DUPLICATE
    (payout,) = await world.rows(PayoutRow, key=key)
    assert (payout.state, payout.settled_at) == (PayoutState.PREPARED, None)


@pytest.mark.parametrize(
    ("amount", "genuine", "refusal", "verdict"),
    [
        ("466.00", True, AmountMismatch, NotificationVerdict.AMOUNT_MISMATCH),
        ("0.01", True, AmountMismatch, NotificationVerdict.AMOUNT_MISMATCH),
        ("465.00", False, SignatureInvalid, NotificationVerdict.SIGNATURE_INVALID),
    ],
)
async def test_a_wrong_or_forged_notification_is_kept_and_changes_nothing(
    world: World, amount: str, genuine: bool, refusal: type[Exception], verdict: NotificationVerdict
) -> None:
    card_id, key = await world.a_prepared_payout()
    before = sum(row.times for row in await world.rows(PaymentNotificationRow, verdict=verdict.value))
    story = await world.story(card_id)
    with pytest.raises(refusal):
        await world.payment_notices.receive(a_notice(world, key, amount, genuine=genuine))
    (payout,) = await world.rows(PayoutRow, key=key)
    assert (payout.state, payout.amount_minor) == (PayoutState.PREPARED, 465_00)
    after = sum(row.times for row in await world.rows(PaymentNotificationRow, verdict=verdict.value))
    assert after == before + 1
    assert await world.story(card_id) == story
    assert (await world.card(card_id)).outcome is None


async def test_forged_notifications_are_counted_and_add_no_rows(world: World) -> None:
    _, key = await world.a_prepared_payout()
    for _ in range(3):
        with pytest.raises(SignatureInvalid):
            await world.payment_notices.receive(a_notice(world, key, "465.00", genuine=False))
    kept = await world.rows(PaymentNotificationRow, verdict=NotificationVerdict.SIGNATURE_INVALID.value)
    days = {row.notify_id for row in kept}
    assert len(kept) == len(days) <= 2, "one row a day; the test may run over midnight"
    assert sum(row.times for row in kept) >= 3


async def test_a_forged_notification_does_not_use_up_the_genuine_ones_id(world: World) -> None:
    _, key = await world.a_prepared_payout()
    with pytest.raises(SignatureInvalid):
        await world.payment_notices.receive(a_notice(world, key, "465.00", notify_id="n-1", genuine=False))
    report = await world.payment_notices.receive(a_notice(world, key, "465.00", notify_id="n-1"))
    assert report.verdict is NotificationVerdict.ACCEPTED


async def test_late_stale_and_unknown_notifications_are_harmless(world: World) -> None:
    card_id, key = await world.a_prepared_payout()
    sent = await world.payout.send(key)
    await world.payout.settle(key, sent.outcome, sent.code)
    late = await world.payment_notices.receive(a_notice(world, key, "465.00", status="DEALING"))
    assert late.verdict is NotificationVerdict.ACCEPTED
    assert (await world.card(card_id)).outcome is Outcome.PAID
    with pytest.raises(NotFound):
        await world.payment_notices.receive(a_notice(world, "card-NOBODY-payout-1", "465.00"))


async def test_amounts_are_money_not_text(world: World) -> None:
    _, key = await world.a_prepared_payout(magic="90")
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID
    assert [Money(one["amount_minor"]) for one in await world.transfers(key)] == [Money(279_00)]
