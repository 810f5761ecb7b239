"""Money that comes back days after it was paid: booked on the gateway's own word, owed again, and paid to another payee."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from database.reads.finance.attention import to_do
from database.reads.finance.office import payouts
from database.reads.finance.order import order as order_page
from database.repositories import ledger
from database.tables.cards import CardRow
from database.tables.finance.rails import ReturnRow
from database.tables.platform import OutboxRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.finance.payout import RETURNED, PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key
from domain.money import Money
from services.cards.resuming import resume_of
from services.finance.payees import Payees
from services.finance.returned import Found, returned
from tests.builders.own_world import own_world
from tests.builders.rail_acts import a_batch, a_result, balance, books_fault, empty_the_bank, number_of, owed
from tests.builders.rails import Rails

world = own_world("returned")


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
    async with rails.world.database.transaction() as session:
        assert (await to_do(session)).returned_in_part == 1
        assert [one.key for one in await payouts(session, None, in_part=True)] == [key]
        assert (await order_page(session, key)).came_back == Money(46_499)
    async with rails.world.database.transaction() as session:  # The gateway is asked again: the newest amount counts.
        assert await returned(session, key, Money(46_400), "r", now + timedelta(minutes=10)) is Found.AMOUNT_DIFFERS
    (claim,) = await rails.world.rows(ReturnRow, key=key)
    assert (claim.amount_minor, claim.confirmed_minor, claim.confirmed_at) == (46_499, 46_400, now)
    assert await books_fault(rails, "I1", "I2", "I4") == []
    for expected in (Found.BOOKED, Found.KNOWN):
        async with rails.world.database.transaction() as session:
            assert await returned(session, key, Money(46_500), "r", now) is expected
    async with rails.world.database.transaction() as session:
        assert (await to_do(session)).returned_in_part == 0
        assert (await order_page(session, key)).came_back is None
    posted = [one async for one in _postings(rails, f"{key}:returned")]
    assert len(posted) == 2


async def _postings(rails: Rails, key: str) -> AsyncIterator[object]:
    async with rails.world.database.transaction() as session:
        for one in await ledger.postings_of(session, key):
            yield one
