"""A refused payee is corrected by the seller alone or by two people, and the money that is owed is paid once."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from database import invariants
from database.reads.finance.office import owed
from database.repositories import ledger
from database.tables.cards import SubmissionRow
from database.tables.finance.payout import PayeeCorrectionRow, PayoutRow
from database.tables.people import AuditRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.errors.cards import NotExpectedNow
from domain.errors.finance import CorrectionOver, CorrectionWaits
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork, ReasonUnknown
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.identifiers import payout_key
from jobs.payees import CorrectionSender
from services.finance.payees import Payees
from tests.builders.looping import Desk
from tests.builders.owing import ACCOUNT, NAME, refused
from tests.builders.world import World
from tests.slowness import patience


async def balance(world: World, owner: str) -> int:
    async with world.database.transaction() as session:
        return (await ledger.balance(session, f"seller_payable:{owner}")).amount_minor


async def test_a_refused_payee_leaves_the_card_waiting_with_its_money_owed(world: World) -> None:
    case = await refused(world)
    row = await world.card(case.card)
    assert (row.stage, row.waiting_for, row.outcome, row.live) == (Stage.PAYOUT, WaitingFor.SELLER_PAYEE, None, True)
    assert await balance(world, case.owner) == -465_00
    async with world.database.transaction() as session:
        (entry,) = [one for one in await owed(session, 10_000) if one.card_id == case.card]
    assert (entry.amount.amount_minor, entry.attempts, entry.refusal_code) == (465_00, 1, "PAYEE_USER_INFO_ERROR")


async def test_the_seller_names_another_payee_who_is_paid_once_under_a_key_of_its_own(world: World) -> None:
    case = await refused(world)
    correction = await case.payees.correct(case.owner, case.card, f" {ACCOUNT} ", NAME)
    assert correction in {one.correction_id for one in await case.payees.untold(1_000)}
    assert (await case.pay(world, 2)).outcome is PayoutOutcome.PAID
    assert (await case.pay(world, 2)).outcome is PayoutOutcome.PAID
    first, second = await world.transfers(payout_key(case.card, 1)), await world.transfers(payout_key(case.card, 2))
    assert [one["status"] for one in (*first, *second)] == ["FAIL", "SUCCESS"]
    assert second[0]["payee"] == "138***88"
    orders = sorted(await world.rows(PayoutRow, card_id=case.card), key=lambda one: one.attempt)
    assert [(one.attempt, one.state) for one in orders] == [(1, PayoutState.REFUSED), (2, PayoutState.PAID)]
    assert orders[0].payee_masked != orders[1].payee_masked == "138****0088"
    assert ((await world.card(case.card)).outcome, await balance(world, case.owner)) == (Outcome.PAID, 0)
    assert (await world.story(case.card))[-3:] == ["payout.payee_corrected", "payout.prepared", "payout.paid"]
    async with world.database.transaction() as session:
        broken = await invariants.violations(session, world.keyring.evidence_public_key)
    assert [one for one in broken if case.card in one.what] == []


async def test_an_order_keeps_its_payee_whatever_is_corrected_afterwards(world: World) -> None:
    case = await refused(world)
    await case.payees.correct(case.owner, case.card, ACCOUNT, NAME)
    key = payout_key(case.card, 2)
    await world.payout.prepare(case.card, case.quote, key)
    card = await world.card(case.card)
    async with world.database.transaction() as session:  # Somebody with the database changes the submission's payee.
        submission = await session.get_one(SubmissionRow, card.submission_id)
        aad = f"submission:{submission.id}:payee_account"
        submission.payee_account_sealed = world.keyring.seal_text("13900000000", purpose="submission", aad=aad)
    await world.payout.send(key)
    assert (await world.transfers(key))[0]["payee"] == "138***88"


@pytest.mark.parametrize("attempt", [1, 3])
async def test_there_is_no_other_attempt_than_the_next_one(world: World, attempt: int) -> None:
    case = await refused(world)
    key = payout_key(case.card, attempt)
    if attempt == 1:
        await world.payout.prepare(case.card, case.quote, key)  # Prepared long ago: nothing is written.
        assert (await world.payout.send(key)).outcome is PayoutOutcome.REFUSED
    else:
        with pytest.raises(ApplicationError, match="not all refused"):
            await world.payout.prepare(case.card, case.quote, key)
    assert len(await world.rows(PayoutRow, card_id=case.card)) == 1


async def test_while_an_order_is_unknown_there_is_no_second_one(world: World) -> None:
    card_id, quote_id = await world.a_confirmed_quote()
    key = payout_key(card_id, 1)
    await world.payout.prepare(card_id, quote_id, key)
    await world.alipay.control(processing_ms=60_000)
    assert (await world.payout.send(key)).outcome is PayoutOutcome.UNKNOWN
    with pytest.raises(ApplicationError, match="not all refused"):
        await world.payout.prepare(card_id, quote_id, payout_key(card_id, 2))
    await world.alipay.control(processing_ms=0)


async def test_two_people_correct_a_payee_and_no_one_alone(world: World) -> None:
    case = await refused(world)
    first, second = await world.a_person("senior"), await world.a_person("finance")
    await case.payees.propose(first, case.card, ACCOUNT, NAME, "seller_called")
    (row,) = await world.rows(PayeeCorrectionRow, proposed_by=f"person:{first}")
    assert await case.payees.untold(1_000) == () or row.id not in {
        one.correction_id for one in await case.payees.untold(1_000)
    }
    with pytest.raises(OwnWork):
        await case.payees.agree(first, case.card, row.id)
    with pytest.raises(CorrectionWaits):
        await case.payees.propose(second, case.card, "13900000000", NAME, "seller_called")
    await case.payees.agree(second, case.card, row.id)
    await case.payees.agree(second, case.card, row.id)  # Pressed twice.
    with pytest.raises(CorrectionOver):
        await case.payees.agree(await world.a_person("finance"), case.card, row.id)
    assert (await case.pay(world, 2)).outcome is PayoutOutcome.PAID
    acts = {row.act for row in await world.rows(AuditRow, subject=case.card)}
    assert acts >= {"console:payee:propose", "console:payee:agree"}


async def test_proposal_is_declined_or_superseded_by_the_seller(world: World) -> None:
    case = await refused(world)
    person = await world.a_person("finance")
    await case.payees.propose(person, case.card, ACCOUNT, NAME, "typing_error")
    (row,) = await world.rows(PayeeCorrectionRow, proposed_by=f"person:{person}")
    await case.payees.refuse(person, case.card, row.id)
    for late in (case.payees.refuse, case.payees.agree):
        with pytest.raises(CorrectionOver):
            await late(await world.a_person("finance"), case.card, row.id)
    await case.payees.propose(person, case.card, ACCOUNT, NAME, "typing_error")
    await case.payees.correct(case.owner, case.card, "13700000000", NAME)
    rows = await world.rows(PayeeCorrectionRow, proposed_by=f"person:{person}")
    assert all(one.refused_at is not None and one.applied_at is None for one in rows)
    assert len(rows) == 2


async def test_who_may_not_correct_a_payee(world: World) -> None:
    case = await refused(world)
    for role in ("reviewer", "support", "ops", "compliance", "admin"):
        with pytest.raises(NotAllowed):
            await case.payees.propose(await world.a_person(role), case.card, ACCOUNT, NAME, "typing_error")
    with pytest.raises(ReasonUnknown):
        await case.payees.propose(await world.a_person("senior"), case.card, ACCOUNT, NAME, "because")
    with pytest.raises(NotFound):
        await case.payees.correct(await world.a_seller(), case.card, ACCOUNT, NAME)
    for account, name in (("", NAME), (ACCOUNT, ""), ("支付宝", NAME), (ACCOUNT, "\u202e")):
        with pytest.raises(FieldInvalid):
            await case.payees.correct(case.owner, case.card, account, name)
    assert (await world.card(case.card)).waiting_for is WaitingFor.SELLER_PAYEE


async def test_a_card_that_waits_for_no_payee_takes_none(world: World) -> None:
    card_id, _ = await world.a_prepared_payout()
    payees = Payees(world.database, world.keyring)
    with pytest.raises(NotExpectedNow):
        await payees.correct(await world.payee_of(card_id), card_id, ACCOUNT, NAME)


async def test_concurrent_corrections_pay_once_by_the_last_one(world: World) -> None:
    case = await refused(world)
    await asyncio.gather(*(case.payees.correct(case.owner, case.card, ACCOUNT, NAME) for _ in range(3)))
    assert (await case.pay(world, 2)).outcome is PayoutOutcome.PAID
    assert len(await world.transfers(payout_key(case.card, 2))) == 1


async def test_the_card_is_notified_until_it_confirms(world: World) -> None:
    class Hears(Desk):
        async def correct_payee(self, card_id: str, correction_id: str) -> None:  # noqa: ARG002
            self._ask(card_id)

    case = await refused(world)
    await case.payees.correct(case.owner, case.card, ACCOUNT, NAME)
    desk = Hears()
    teller = CorrectionSender(world.database, case.payees, desk)
    await teller.tell()
    await teller.tell()
    assert desk.asked.count(case.card) == 2
    await case.pay(world, 2)
    await teller.tell()
    assert desk.asked.count(case.card) == 2


async def test_a_card_whose_workflow_waits_a_moment_later_than_its_row_is_asked_again_within_seconds(
    world: World,
) -> None:
    class Early(Desk):
        async def correct_payee(self, card_id: str, correction_id: str) -> None:  # noqa: ARG002
            self._ask(card_id)
            if self.asked.count(card_id) == 1:
                raise NotExpectedNow

    case = await refused(world)
    await case.payees.correct(case.owner, case.card, ACCOUNT, NAME)
    desk = Early()
    teller = CorrectionSender(world.database, case.payees, desk)
    await teller.tell()
    async with asyncio.timeout(patience(10)):
        while desk.asked.count(case.card) < 2:
            await asyncio.sleep(0.2)
            await teller.tell()
    await case.pay(world, 2)
