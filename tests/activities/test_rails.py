"""Each order on its own rail: the receiver's turn, the bank's files, and money that comes back; nothing ever goes to another rail."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import update
from temporalio.exceptions import ApplicationError

from activities.payout import Payout
from database.invariants import violations
from database.repositories import ledger
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance import PaymentNotificationRow, PayoutRow
from database.tables.finance_rails import BankBatchRow, BankFileRow, BankLineRow, ConfirmationRow, ReturnRow
from database.tables.platform import OutboxRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.errors.cards import NotExpectedNow
from domain.errors.finance import AmountMismatch, BankFileRefused, BatchChanged, NothingWaits
from domain.errors.general import NotFound, SignatureInvalid
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.finance.banks import BatchState
from domain.finance.payout import RETURNED, PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.identifiers import bill_number, new_id, payout_key
from domain.money import Money
from services.cards.resuming import resume_of
from services.finance.confirmations import Confirmations
from services.finance.payees import Payees
from services.finance.returned import Found, returned
from simulators.bank import Bank
from simulators.bills import Result, bank_format, bank_result
from simulators.program import Setup
from tests.builders.rails import Rails, rails_of
from tests.builders.world import World
from tests.gateways.partners import eventually

DAY = date(2026, 11, 29)


@pytest_asyncio.fixture(loop_scope="session")
async def rails(world: World, tmp_path: Path) -> AsyncIterator[Rails]:
    async with rails_of(world, tmp_path / "wechat") as made:
        yield made


async def balance(rails: Rails, code: str) -> int:
    async with rails.world.database.transaction() as session:
        return (await ledger.balance(session, code)).amount_minor


async def owed(rails: Rails, card_id: str) -> int:
    return -await balance(rails, f"seller_payable:{await rails.world.payee_of(card_id)}")


async def books_fault(rails: Rails, *names: str) -> list[str]:
    async with rails.world.database.transaction() as session:
        found = await violations(session, rails.world.keyring.evidence_public_key, step_max=timedelta(days=1))
    return [f"{one.invariant} {one.what}" for one in found if one.invariant in names]


async def waits(rails: Rails, card_id: str) -> WaitingFor:
    """Record the wait as the workflow does after an unknown outcome."""
    await rails.world.journey.move(card_id, Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown")
    return (await rails.card(card_id)).waiting_for


@pytest.mark.parametrize("rail", list(Rail))
async def test_an_order_is_sent_on_its_own_rail_and_no_other_hears_of_it(rails: Rails, rail: Rail) -> None:
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
    told = [one.topic for one in await rails.world.rows(OutboxRow) if one.payload.get("card_id") == card_id]
    assert sorted(told) == ["confirm_asked", "confirm_expiring"]
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
    refused = await eventually(lambda: told_at_last(rails, key), lambda one: one is not None)
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


async def told_at_last(rails: Rails, key: str) -> object:
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
    facts = await eventually(lambda: told_at_last(rails, key), lambda one: one is not None)
    assert facts.code == "CANCELLED"
    await rails.payout.conclude(key)
    assert (await rails.card(card_id)).waiting_for is WaitingFor.SELLER_PAYEE
    assert (await rails.world.story(card_id)).count("payout.cancel_asked") == 1


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


# The bank.


async def a_batch(rails: Rails, *, bank: str = "harbour", orders: int = 1) -> tuple[list[tuple[str, str]], str, str]:
    """Orders of so many cards in a batch that was let out and taken: cards with keys, the batch's id, who took it."""
    made = [await rails.a_prepared(Rail.BANK) for _ in range(orders)]
    for card_id, key in made:
        await rails.payout.send(key)
        await waits(rails, card_id)
    one, two = await rails.world.a_person("finance"), await rails.world.a_person("finance")
    batch_id = await rails.batches.propose(one, bank)
    await rails.batches.approve(two, batch_id)
    await rails.batches.file(two, batch_id)
    return made, batch_id, two


async def number_of(rails: Rails, batch_id: str) -> str:
    (row,) = await rails.world.rows(BankBatchRow, id=batch_id)
    return str(row.number)


async def empty_the_bank(rails: Rails) -> None:
    """Orders of earlier tests wait no more."""
    async with rails.world.database.transaction() as session:
        await session.execute(
            update(BankLineRow).where(BankLineRow.outcome.is_(None)).values(outcome=PayoutOutcome.REFUSED)
        )


@pytest.mark.parametrize("bank", ["harbour", "union"])
async def test_a_batch_goes_to_the_bank_and_its_answer_pays_and_refuses(rails: Rails, bank: str) -> None:
    await empty_the_bank(rails)
    made = [await rails.a_prepared(Rail.BANK) for _ in range(3)]
    for card_id, key in made:
        await rails.payout.send(key)
        assert await waits(rails, card_id) is WaitingFor.BANK
    one, two = await rails.world.a_person("finance"), await rails.world.a_person("finance")
    with pytest.raises(NotAllowed):
        await rails.batches.propose(await rails.world.a_person("senior"), bank)
    batch_id = await rails.batches.propose(one, bank)
    with pytest.raises(NothingWaits):
        await rails.batches.propose(two, bank)
    with pytest.raises(BatchChanged):
        await rails.batches.file(one, batch_id)
    with pytest.raises(OwnWork):
        await rails.batches.approve(one, batch_id)
    await rails.batches.approve(two, batch_id)
    await rails.batches.approve(two, batch_id)
    name, content = await rails.batches.file(two, batch_id)
    assert name.endswith(f"-{bank}.txt")
    assert (await rails.batches.file(one, batch_id))[1] == content
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Bank(Setup()).app), base_url="http://bank") as counter:
        await counter.post("/controls", json={"refuse_every": 3, "leave_out_every": 2})
        assert (await counter.post("/batches", content=content)).status_code == 201
        number = await number_of(rails, batch_id)
        first = (await counter.get(f"/batches/{number}/result")).content
        await counter.post("/controls", json={"refuse_every": 3, "leave_out_every": 0})
        second = (await counter.get(f"/batches/{number}/result")).content
    found = await rails.batches.take_in(two, batch_id, first)
    assert (found.lines, found.news, found.missing) == (2, 2, 1)
    assert set(found.cards) == {made[0], made[2]}
    again = await rails.batches.take_in(two, batch_id, first)
    assert (again.news, again.cards) == (0, ())
    with pytest.raises(ApplicationError) as still:
        await rails.payout.reconcile(made[1][1])
    assert still.value.type == "payout_waits"
    assert (await rails.batches.take_in(one, batch_id, second)).missing == 0
    outcomes = [(await rails.payout.reconcile(key)).outcome.value for _, key in made]
    assert outcomes == ["paid", "paid", "refused"]
    for _, key in made:
        await rails.payout.conclude(key)
    assert (await rails.card(made[0][0])).outcome is Outcome.PAID
    assert (await rails.card(made[2][0])).waiting_for is WaitingFor.SELLER_PAYEE
    (batch,) = await rails.world.rows(BankBatchRow, id=batch_id)
    assert batch.state is BatchState.FINISHED
    assert batch.sha256 == hashlib.sha256(content).hexdigest()
    assert len(await rails.world.rows(BankFileRow, batch_id=batch_id)) == 2
    assert await books_fault(rails, "I1", "I4") == []


async def test_a_dropped_batch_frees_its_orders_and_one_that_was_let_out_never_does(rails: Rails) -> None:
    await empty_the_bank(rails)
    card_id, key = await rails.a_prepared(Rail.BANK)
    await rails.payout.send(key)
    one, two = await rails.world.a_person("finance"), await rails.world.a_person("finance")
    first = await rails.batches.propose(one, "harbour")
    await rails.batches.drop(two, first)
    await rails.batches.drop(two, first)
    with pytest.raises(BatchChanged):
        await rails.batches.approve(two, first)
    second = await rails.batches.propose(two, "union")
    await rails.batches.approve(one, second)
    with pytest.raises(BatchChanged):
        await rails.batches.drop(one, second)
    (line,) = await rails.world.rows(BankLineRow, key=key)
    assert line.batch_id == second
    with pytest.raises(BatchChanged):
        await rails.batches.take_in(one, second, b"")
    assert (await rails.card(card_id)).outcome is None


def a_result(number: str, key: str, *, amount: int = 46_500, state: str = "00", reason: str = "") -> bytes:
    form = bank_format("harbour")
    return bank_result(form, number, DAY, [Result(1, key, amount, state, reason, "R1")])


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda number, key: a_result("CL20200101-1", key), "batch"),
        (lambda number, key: a_result(number, key, amount=1), "amount"),
        (lambda number, key: a_result(number, "card-X-payout-1"), "not_in_batch"),
        (lambda number, key: a_result(number, key, state="77"), "state"),
        (lambda number, key: a_result(number, key, amount=0), "amount"),
        (lambda number, key: a_result(number, key).replace(b"T|1|465.00", b"T|2|465.00"), "count"),
        (lambda number, key: a_result(number, key).replace(b"T|1|465.00", b"T|1|465.01"), "sum"),
        (lambda number, key: a_result(number, key).replace(b"|465.00|00", b"|1,465.00|00"), "amount"),
        (lambda number, key: a_result(number, key).replace(b"|465.00|00", "|４６５.00|00".encode("gbk")), "amount"),
        (lambda number, key: a_result(number, key).replace(b"|465.00|00", b"|-0|00"), "amount"),
        (lambda number, key: a_result(number, key).partition(b"\r\n")[0] + b"\r\n", "empty"),
        (lambda number, key: a_result(number, key) + b"\xff\xff", "encoding"),
        (lambda number, key: b"", "empty"),
        (lambda number, key: "批次号,x".encode("utf-8-sig"), "empty"),
    ],
    ids=[
        "another batch", "another amount", "not in it", "unknown state", "nothing", "count", "sum", "commas", "full width",
        "minus zero", "cut off", "encoding", "empty", "another bank's",
    ],
)  # fmt: skip
async def test_a_file_that_is_not_right_is_refused_whole(
    rails: Rails, spoil: Callable[[str, str], bytes], why: str
) -> None:
    await empty_the_bank(rails)
    [(_, key)], batch_id, person = await a_batch(rails)
    with pytest.raises(BankFileRefused) as refused:
        await rails.batches.take_in(person, batch_id, spoil(await number_of(rails, batch_id), key))
    assert refused.value.data["why"] == why
    (line,) = await rails.world.rows(BankLineRow, key=key)
    assert line.outcome is None
    assert await rails.world.rows(BankFileRow, batch_id=batch_id) == []


async def test_a_later_file_that_contradicts_the_bank_is_refused(rails: Rails) -> None:
    await empty_the_bank(rails)
    [(_, key)], batch_id, person = await a_batch(rails)
    number = await number_of(rails, batch_id)
    await rails.batches.take_in(person, batch_id, a_result(number, key))
    with pytest.raises(BankFileRefused) as refused:
        await rails.batches.take_in(person, batch_id, a_result(number, key, state="01"))
    assert refused.value.data == {"why": "contradicts", "line": 2}


# Money that comes back.


async def test_a_bank_return_days_later_is_owed_again_and_paid_to_another_payee_once(rails: Rails) -> None:
    await empty_the_bank(rails)
    [(card_id, key)], batch_id, person = await a_batch(rails)
    number = await number_of(rails, batch_id)
    await rails.batches.take_in(person, batch_id, a_result(number, key))
    await rails.payout.reconcile(key)
    await rails.payout.conclude(key)
    cash = await balance(rails, "cash:bank")
    assert (await rails.batches.take_in(person, batch_id, a_result(number, key, state="90"))).news == 1
    assert (await rails.batches.take_in(person, batch_id, a_result(number, key, state="90"))).news == 0
    assert await owed(rails, card_id) == 0  # Said by a file; asked of the gateway's book before it is booked.
    assert await rails.returns.look(100) >= 1
    assert await rails.returns.look(100) == 0
    assert await owed(rails, card_id) == 46_500
    assert await balance(rails, "cash:bank") == cash + 46_500
    order = await rails.order(key)
    assert (order.state, order.refusal_code) == (PayoutState.REFUSED, RETURNED)
    await goes_on(rails, card_id, key)


async def goes_on(rails: Rails, card_id: str, key: str) -> None:
    """The card waits for another payee, its journey can start from its rows, and it is paid under the next key."""
    card = await rails.card(card_id)
    assert (card.outcome, card.stage, card.waiting_for) == (None, Stage.PAYOUT, WaitingFor.SELLER_PAYEE)
    assert card.started_at is None
    async with rails.world.database.transaction() as session:
        resume = await resume_of(session, await session.get_one(CardRow, card_id))
    assert (resume.accepted, resume.attempt, resume.outcome) == (True, 1, None)
    assert resume.quote_id is not None
    await rails.world.verification.recheck(card_id, resume.quote_id, 1)
    await rails.payout.prepare(card_id, resume.quote_id, key)
    assert (await rails.payout.send(key)).outcome is PayoutOutcome.REFUSED
    assert (await rails.payout.conclude(key)).outcome is PayoutOutcome.REFUSED
    await Payees(rails.world.database, rails.world.keyring).correct(
        await rails.world.payee_of(card_id), card_id, f"139{int(datetime.now(UTC).timestamp()) % 10**8:08d}", "王芳"
    )
    again = payout_key(card_id, 2)
    assert (await rails.world.verification.recheck(card_id, resume.quote_id, 2)).end_reason is None
    await rails.payout.prepare(card_id, resume.quote_id, again)
    assert (await rails.payout.send(again)).outcome is PayoutOutcome.PAID
    await rails.payout.conclude(again)
    assert (await rails.card(card_id)).outcome is Outcome.PAID
    assert await owed(rails, card_id) == 0
    assert await books_fault(rails, "I1", "I2", "I4") == []


async def test_a_refund_that_alipay_reports_is_booked_on_its_own_word_alone(rails: Rails) -> None:
    card_id, key = await rails.a_prepared(Rail.ALIPAY)
    await rails.payout.send(key)
    await rails.payout.conclude(key)
    notice = refund_notice(rails, key)
    heard = await rails.notices.receive(notice)
    assert heard.key == key
    await rails.returns.look(100)
    assert await owed(rails, card_id) == 0  # Reported, and Alipay itself says that it was paid.
    assert len(await rails.world.rows(ReturnRow, key=key)) == 1
    await rails.world.alipay.plain.post(f"/transfers/{key}/refund")
    assert await rails.returns.look(100) == 1
    assert await owed(rails, card_id) == 46_500
    await rails.notices.receive(refund_notice(rails, key))
    assert await rails.returns.look(100) == 0
    told = [one.topic for one in await rails.world.rows(OutboxRow) if one.payload.get("card_id") == card_id]
    assert told[-1] == "payee_asked"
    await goes_on(rails, card_id, key)


def refund_notice(rails: Rails, key: str) -> bytes:
    content = {"out_biz_no": key, "order_id": "20260001", "status": "REFUND", "trans_amount": "465.00"}
    facts = {
        "notify_id": new_id(), "msg_method": "alipay.fund.trans.order.changed", "app_id": "2021000000000001",
        "version": "1.1", "charset": "UTF-8", "utc_timestamp": "1", "biz_content": json.dumps(content),
    }  # fmt: skip
    body, _ = rails.world.alipay_program._signed_notice(facts, True)
    return body


async def test_what_is_no_return_of_ours_is_not_booked(rails: Rails) -> None:
    card_id, key = await rails.a_prepared(Rail.ALIPAY)
    now = datetime.now(UTC)
    async with rails.world.database.transaction() as session:
        assert await returned(session, key, Money(46_500), "r", now) is Found.NOT_PAID
        assert await returned(session, payout_key(new_id(), 1), Money(46_500), "r", now) is Found.NO_ORDER
    await rails.payout.send(key)
    await rails.payout.conclude(key)
    async with rails.world.database.transaction() as session:
        assert await returned(session, key, Money(46_499), "r", now) is Found.AMOUNT_DIFFERS
    assert (await rails.card(card_id)).outcome is Outcome.PAID
    for expected in (Found.BOOKED, Found.KNOWN):
        async with rails.world.database.transaction() as session:
            assert await returned(session, key, Money(46_500), "r", now) is expected
    posted = [one async for one in _postings(rails, f"{key}:returned")]
    assert len(posted) == 2


async def _postings(rails: Rails, key: str) -> AsyncIterator[object]:
    async with rails.world.database.transaction() as session:
        for one in await ledger.postings_of(session, key):
            yield one


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
