"""Each order on its own rail, and the receiver's turn on WeChat Pay; nothing ever goes to another rail."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError

from activities.payout import Payout
from database.tables.cards import SubmissionRow
from database.tables.finance.payout import PaymentNotificationRow, PayoutRow
from database.tables.finance.rails import BankLineRow, ConfirmationRow
from database.tables.platform import OutboxRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.cards.facts import PayoutFacts
from domain.errors.cards import NotExpectedNow
from domain.errors.finance import AmountMismatch
from domain.errors.general import NotFound, SignatureInvalid
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.identifiers import bill_number, payout_key
from services.finance.confirmations import Confirmations
from services.finance.payees import Payees
from tests.builders.own_world import own_world
from tests.builders.rail_acts import books_fault, owed, waits
from tests.builders.rails import Rails
from tests.gateways.partners import eventually

world = own_world("rails")


@pytest.mark.parametrize("rail", list(Rail))
async def test_an_order_is_sent_on_its_own_rail_only(rails: Rails, rail: Rail) -> None:
    card_id, key = await rails.a_prepared(rail)
    assert (await rails.order(key)).rail is rail
    sent = await rails.payout.send(key)
    seen = {
        Rail.ALIPAY: len(await rails.world.transfers(key)),
        Rail.WECHAT: sum(one["out_bill_no"] == bill_number(key) for one in (await rails.wechat.plain.get("/transfers")).json()),
        Rail.BANK: len(await rails.world.rows(BankLineRow, key=key)),
    }  # fmt: skip
    assert seen == {one: int(one is rail) for one in Rail}
    assert sent.outcome is (PayoutOutcome.PAID if rail is Rail.ALIPAY else PayoutOutcome.UNKNOWN)
    assert await owed(rails, card_id) == 0
    assert await rails.payout.send(key) == sent
    alone = Payout(rails.world.database, rails.world.keyring, {Rail.ALIPAY: rails.gateways[Rail.ALIPAY]})
    if rail is not Rail.ALIPAY:
        with pytest.raises(ApplicationError, match=f"NO_RAIL_{rail.value.upper()}"):
            await alone.reconcile(key)


async def test_the_receiver_is_asked_and_confirms(rails: Rails) -> None:
    card_id, key = await rails.a_prepared(Rail.WECHAT)
    assert (await rails.payout.send(key)).outcome is PayoutOutcome.UNKNOWN
    assert await waits(rails, card_id) is WaitingFor.SELLER_CONFIRM
    card = await rails.card(card_id)
    assert card.until is not None
    assert timedelta(hours=23) < card.until - datetime.now(UTC) <= timedelta(hours=24)
    heard = [one.topic for one in await rails.world.rows(OutboxRow) if one.payload.get("card_id") == card_id]
    assert sorted(heard) == ["confirm_asked", "confirm_expiring"]
    (row,) = await rails.world.rows(ConfirmationRow, key=key)
    async with rails.world.database.transaction() as session:
        seen = await Confirmations(rails.world.database, rails.world.keyring).of_card(session, card_id)
    assert seen is not None
    assert seen.package
    assert seen.package.encode() not in row.package_sealed
    with pytest.raises(ApplicationError) as wait:
        await rails.payout.reconcile(key)
    assert wait.value.type == "payout_waits"
    await rails.press(key, "confirm")
    assert (await rails.payout.reconcile(key)).outcome is PayoutOutcome.PAID
    await rails.payout.conclude(key)
    assert (await rails.card(card_id)).outcome is Outcome.PAID
    (row,) = await rails.world.rows(ConfirmationRow, key=key)
    assert row.closed_at is not None
    assert await books_fault(rails, "I1", "I2", "I4", "I5") == []


async def test_a_confirmed_transfer_that_is_still_under_way_waits_for_the_gateway(rails: Rails) -> None:
    await rails.wechat.control(processing_ms=60_000)
    card_id, key = await rails.a_prepared(Rail.WECHAT)
    await rails.payout.send(key)
    await waits(rails, card_id)
    await rails.press(key, "confirm")
    with pytest.raises(ApplicationError) as unknown:
        await rails.payout.reconcile(key)
    assert unknown.value.type == "payout_unknown"
    assert (await rails.card(card_id)).waiting_for is WaitingFor.GATEWAY
    assert "payout.confirmed" in await rails.world.story(card_id)


async def test_time_over_is_refused_and_the_seller_may_choose_another_rail(rails: Rails) -> None:
    await rails.wechat.control(closing_ms=300)
    card_id, key = await rails.a_prepared(Rail.WECHAT)
    await rails.payout.send(key)
    await waits(rails, card_id)
    amount = (await rails.order(key)).amount_minor
    await rails.press(key, "expire")
    with pytest.raises(ApplicationError):
        await rails.payout.reconcile(key)
    refused = await eventually(lambda: answered_at_last(rails, key), lambda one: one is not None)
    assert refused is not None
    assert refused.code == "OVERDUE_CLOSE"
    await rails.payout.conclude(key)
    card = await rails.card(card_id)
    assert (card.stage, card.waiting_for) == (Stage.PAYOUT, WaitingFor.SELLER_PAYEE)
    assert await owed(rails, card_id) == amount
    owner = await rails.world.payee_of(card_id)
    payees = Payees(rails.world.database, rails.world.keyring)
    await payees.correct(owner, card_id, "6222020200112233445 中国工商银行", "王芳", Rail.BANK)
    quote_id = (await rails.order(key)).quote_id
    assert quote_id is not None
    again = payout_key(card_id, 2)
    await rails.world.verification.recheck(card_id, quote_id, 2)
    await rails.payout.prepare(card_id, quote_id, again)
    assert (await rails.order(again)).rail is Rail.BANK
    assert (await rails.payout.send(again)).outcome is PayoutOutcome.UNKNOWN
    assert await waits(rails, card_id) is WaitingFor.BANK
    assert len([one for one in (await rails.wechat.plain.get("/transfers")).json() if one["out_bill_no"] == bill_number(again)]) == 0  # fmt: skip


async def answered_at_last(rails: Rails, key: str) -> PayoutFacts | None:
    try:
        return await rails.payout.reconcile(key)
    except ApplicationError:
        return None


async def test_a_seller_has_the_transfer_called_off_and_it_counts_only_when_it_is_closed(rails: Rails) -> None:
    await rails.wechat.control(closing_ms=500)
    card_id, key = await rails.a_prepared(Rail.WECHAT)
    await rails.payout.send(key)
    await waits(rails, card_id)
    owner = await rails.world.payee_of(card_id)
    confirmations = Confirmations(rails.world.database, rails.world.keyring)
    with pytest.raises(NotFound):
        await confirmations.cancel(await rails.world.a_seller(), card_id)
    assert await confirmations.cancel(owner, card_id) == key
    assert await confirmations.cancel(owner, card_id) == key
    with pytest.raises(ApplicationError):
        await rails.payout.reconcile(key)
    assert (await rails.card(card_id)).waiting_for is WaitingFor.GATEWAY
    with pytest.raises(NotExpectedNow):
        await confirmations.cancel(owner, card_id)
    facts = await eventually(lambda: answered_at_last(rails, key), lambda one: one is not None)
    assert facts is not None
    assert facts.code == "CANCELLED"
    await rails.payout.conclude(key)
    assert (await rails.card(card_id)).waiting_for is WaitingFor.SELLER_PAYEE
    assert (await rails.world.story(card_id)).count("payout.cancel_asked") == 1


async def refused_after(rails: Rails, act: str) -> str:
    """A card of a seller who was paid by Alipay before, whose transfer by WeChat Pay was refused so; returns the card."""
    owner = await rails.world.a_seller()
    _, paid = await rails.a_prepared(Rail.ALIPAY, owner)
    assert (await rails.payout.send(paid, concludes=True)).outcome is PayoutOutcome.PAID
    if act == "freeze":
        await rails.wechat.control(refuse="ACCOUNT_FROZEN")
    card_id, key = await rails.a_prepared(Rail.WECHAT, owner)
    await rails.payout.send(key)
    await rails.wechat.control(refuse="")
    if act == "cancel":
        await waits(rails, card_id)
        await Confirmations(rails.world.database, rails.world.keyring).cancel(owner, card_id)
    else:
        await rails.press(key, "confirm" if act == "freeze" else act)
    assert await eventually(lambda: answered_at_last(rails, key), lambda one: one is not None)
    assert (await rails.payout.conclude(key)).outcome is PayoutOutcome.REFUSED
    return card_id


@pytest.mark.parametrize(
    ("act", "next_rail"), [("cancel", Rail.WECHAT), ("expire", Rail.WECHAT), ("freeze", Rail.ALIPAY)]
)
async def test_who_called_a_transfer_off_or_did_not_confirm_it_chooses_the_next_payee_and_any_other_refusal_falls_over(
    rails: Rails, act: str, next_rail: Rail
) -> None:
    card_id = await refused_after(rails, act)
    card = await rails.card(card_id)
    assert (card.stage, card.waiting_for) == (Stage.PAYOUT, WaitingFor.SELLER_PAYEE)
    (submission,) = await rails.world.rows(SubmissionRow, id=card.submission_id)
    assert submission.payee_rail is next_rail
    assert ("payout.fell_over" in await rails.world.story(card_id)) is (next_rail is Rail.ALIPAY)


async def test_a_lost_answer_leaves_the_confirmation_to_the_app_and_nothing_is_sent_again(rails: Rails) -> None:
    card_id, key = await rails.a_prepared(Rail.WECHAT)
    await rails.wechat.control(timeout_after_success_rate=1.0, hang_ms=1_000)
    with pytest.raises(ApplicationError):
        await rails.payout.send(key)
    await rails.wechat.control(timeout_after_success_rate=0.0)
    assert (await rails.payout.send(key)).code == "WAIT_USER_CONFIRM"
    assert await waits(rails, card_id) is WaitingFor.SELLER_CONFIRM
    (row,) = await rails.world.rows(ConfirmationRow, key=key)
    assert row.package_sealed is None
    posts = [one for one in (await rails.wechat.plain.get("/requests")).json() if one["method"] == "POST"]
    assert len(posts) == 1


async def test_callbacks_of_one_rail_never_count_for_an_order_on_another(rails: Rails) -> None:
    card_id, key = await rails.a_prepared(Rail.BANK)
    await rails.payout.send(key)
    facts = {"mch_id": "1900000109", "out_bill_no": bill_number(key), "state": "SUCCESS", "transfer_amount": 46_500}
    keys = rails.wechat.program.keys
    body = keys.callback(facts)
    with pytest.raises(NotFound):
        await rails.notices.receive(body, Rail.WECHAT, lower(keys.signed(body)))
    assert (await rails.order(key)).state is PayoutState.UNKNOWN
    (kept,) = await rails.world.rows(PaymentNotificationRow, key=key)
    assert (kept.rail, kept.verdict) == (Rail.WECHAT, "unknown_order")
    assert (await rails.card(card_id)).outcome is None


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"transfer_amount": 1}, AmountMismatch),
        ({"out_bill_no": "C" + "0" * 26 + "N1"}, NotFound),
        ({}, SignatureInvalid),
    ],
)
async def test_wechat_callbacks_that_are_wrong_change_nothing(
    rails: Rails, change: dict[str, object], refusal: type[Exception]
) -> None:
    card_id, key = await rails.a_prepared(Rail.WECHAT)
    await rails.payout.send(key)
    await waits(rails, card_id)
    facts = {
        "mch_id": "1900000109",
        "out_bill_no": bill_number(key),
        "state": "SUCCESS",
        "transfer_amount": 46_500,
    } | change
    keys = rails.wechat.program.keys
    body = keys.callback(facts)
    with pytest.raises(refusal):
        await rails.notices.receive(body, Rail.WECHAT, lower(keys.signed(body, genuine=bool(change))))
    assert (await rails.order(key)).state is PayoutState.UNKNOWN
    good = keys.callback(facts | {"out_bill_no": bill_number(key), "transfer_amount": 46_500})
    assert (await rails.notices.receive(good, Rail.WECHAT, lower(keys.signed(good)))).waited_for


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


async def test_the_payee_of_each_rail_stays_sealed_and_is_shown_masked(rails: Rails) -> None:
    card_id, key = await rails.a_prepared(Rail.BANK)
    order = await rails.order(key)
    assert order.payee_masked is not None
    assert order.payee_masked.startswith("622****")
    assert order.payee_masked.endswith("中国工商银行")
    card = await rails.card(card_id)
    (submission,) = await rails.world.rows(SubmissionRow, id=card.submission_id)
    assert (submission.payee_rail, order.rail) == (Rail.BANK, Rail.BANK)
    assert isinstance(order, PayoutRow)
