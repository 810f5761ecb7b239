"""A seller pays a claim back themselves: once, never more than is left, taken back by two people, and found on a statement."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from database.invariants.base import Look
from database.invariants.two_people import ClaimsByTwo
from database.reads.finance import wallet
from database.tables.columns import now
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.rollback import ClaimReceiptRow
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow
from database.tables.people import AuditRow
from database.tables.platform import OutboxRow
from domain.errors.finance import ClaimOver, ClaimOwesLess, ReceiptOver, ReceiptReconciled
from domain.errors.general import FieldInvalid, IdempotencyKeyReused
from domain.errors.people import NotAllowed
from domain.errors.sales import ReferenceTaken
from domain.errors.work import OwnWork
from domain.finance.breaks import BreakState
from domain.finance.rails import Rail
from domain.finance.rollback import RollbackState
from domain.finance.statements import LineState
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.places import business_day
from services.finance.claim_receipts import ClaimReceipts, PaidBack
from services.finance.proof_files import ProofFile
from services.notices.outbox_delivery import message_text
from tests.builders.claiming import Claiming
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.reconciling import BANK, WECHAT, FinanceDesk
from tests.builders.world import World

world = own_world("claim_receipts")

PRICE, HALF = 465_00, 232_50


def said(minor: int = PRICE, **more: Any) -> PaidBack:
    """What arrived at the bank today, under a reference of its own."""
    given: dict[str, Any] = {
        "amount": Money(minor), "rail": Rail.BANK, "reference": f"B-{new_id()}", "received_on": business_day(now()),
        "evidence": ProofFile("advice.pdf", PDF),
    }  # fmt: skip
    return PaidBack(**(given | more))


@pytest_asyncio.fixture(loop_scope="session")
async def scene(world: World) -> Claiming:
    return await Claiming.begun(world)


@pytest.fixture
def receipts(world: World) -> ClaimReceipts:
    return ClaimReceipts(world.database, world.keyring)


async def received(scene: Claiming, receipts: ClaimReceipts, claim: str, paid: PaidBack) -> str:
    """A person of finance records it; returns the payment's id."""
    return await receipts.record(await scene.world.a_person("finance"), claim, new_id(), paid, scene.world.photos)


async def taken_back(scene: Claiming, receipts: ClaimReceipts, receipt: str) -> None:
    """Two people of finance find that it was an error."""
    await receipts.ask_reversal(await scene.world.a_person("finance"), receipt, "Another seller's.")
    await receipts.reverse(await scene.world.a_person("finance"), receipt)


async def test_claim_is_repaid_in_parts_until_closed(scene: Claiming, receipts: ClaimReceipts) -> None:
    claim, cash = await scene.claimed(), await scene.case.balance("cash:bank")
    person, key, part = await scene.world.a_person("finance"), new_id(), said(HALF)
    first = await receipts.record(person, claim, key, part, scene.world.photos)
    assert await receipts.record(person, claim, key, part, scene.world.photos) == first  # Pressed twice.
    assert (await scene.owes(), (await scene.row(claim)).state) == ((HALF, 0), RollbackState.CLAIMED)
    await scene.sound()
    await received(scene, receipts, claim, said(HALF))
    row = await scene.row(claim)
    assert (await scene.owes(), row.state, row.ended_at is not None) == ((0, 0), RollbackState.SETTLED, True)
    assert await scene.case.balance("cash:bank") - cash == PRICE
    await scene.sound()
    (step,) = await scene.world.rows(LedgerTransactionRow, key=f"claim_receipt:{first}")
    assert (step.card_id, step.cause, step.what) == (scene.card, f"claim_receipt:{first}", "claim_paid_back")
    assert (await scene.world.story(scene.card))[-2:] == ["rollback.paid", "rollback.paid"]
    order = await scene.case.order(await scene.offset())
    assert order is not None
    assert order.offset_minor == 0  # It is over, so nothing more is offset.
    news = await scene.world.rows(OutboxRow, destination=scene.case.owner, topic="claim_paid")
    assert sorted(one.payload["state"] for one in news) == ["part", "whole"]
    for one in news:
        for language in ("en", "zh_CN"):
            assert "¥232.50" in message_text(one.topic, one.payload, language, "https://shop.example")
    async with scene.world.database.transaction() as session:
        seen = await wallet.wallet(session, scene.case.owner, now())
        lines = (await wallet.statement(session, scene.case.owner, f"{business_day(now()):%Y-%m}")).lines
    assert (seen.owes, seen.claims[0].received, seen.claims[0].left) == (Money(0), Money(PRICE), Money(0))
    assert [one.amount for one in lines if one.what == "claim_paid_back"] == [Money(HALF), Money(HALF)]


async def test_repayment_above_the_rest_is_refused_with_the_amount(scene: Claiming, receipts: ClaimReceipts) -> None:
    claim, finance = await scene.proposed(), await scene.world.a_person("finance")
    with pytest.raises(ClaimOver):
        await received(scene, receipts, claim, said())
    await scene.claims.agree(finance, claim)
    await scene.offset()
    with pytest.raises(ClaimOwesLess) as refused:
        await received(scene, receipts, claim, said(HALF + 1))
    assert refused.value.data == {"there": "¥232.50"}
    two = [received(scene, receipts, claim, said(HALF)) for _ in range(2)]
    done = await asyncio.gather(*two, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["ClaimOwesLess", "str"]
    with pytest.raises(ClaimOwesLess):
        await received(scene, receipts, claim, said(1))
    assert await scene.owes() == (0, 0)
    await scene.sound()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"amount": Money(0)}, "amount"), ({"amount": Money(-1)}, "amount"), ({"reference": " "}, "reference"),
        ({"amount": Money(1_00, Currency.USD)}, "amount"), ({"evidence": None}, "evidence"),
        ({"received_on": business_day(now()) + timedelta(days=1)}, "received_on"),
        ({"received_on": business_day(now()) - timedelta(days=200)}, "received_on"),
    ],
)  # fmt: skip
async def test_impossible_receipt_is_refused(
    scene: Claiming, receipts: ClaimReceipts, changed: dict[str, Any], field: str
) -> None:
    claim = await scene.claimed()
    with pytest.raises(FieldInvalid) as refused:
        await received(scene, receipts, claim, replace(said(1_00), **changed))
    assert refused.value.data["field"] == field
    assert await scene.owes() == (PRICE, 0)


async def test_key_and_reference_are_unique(scene: Claiming, receipts: ClaimReceipts) -> None:
    claim, person, key, part = await scene.claimed(), await scene.world.a_person("finance"), new_id(), said(1_00)
    await receipts.record(person, claim, key, part, scene.world.photos)
    with pytest.raises(IdempotencyKeyReused):
        await receipts.record(person, claim, key, replace(part, amount=Money(2_00)), scene.world.photos)
    with pytest.raises(ReferenceTaken):
        await received(scene, receipts, claim, part)
    with pytest.raises(NotAllowed):
        await receipts.record(await scene.world.a_person("compliance"), claim, new_id(), said(), scene.world.photos)
    assert await scene.owes() == (PRICE - 1_00, 0)


async def test_two_people_reverse_an_error_and_the_claim_is_owed_again(
    scene: Claiming, receipts: ClaimReceipts
) -> None:
    claim, first = await scene.claimed(), await scene.world.a_person("finance")
    receipt = await received(scene, receipts, claim, said())
    with pytest.raises(ReceiptOver):
        await receipts.reverse(first, receipt)
    await receipts.ask_reversal(first, receipt, "Another seller's.")
    with pytest.raises(OwnWork):
        await receipts.reverse(first, receipt)
    await receipts.keep(await scene.world.a_person("finance"), receipt)
    assert await scene.owes() == (0, 0)
    await receipts.ask_reversal(first, receipt, "Another seller's.")
    second = await scene.world.a_person("finance")
    for _ in range(2):  # Pressed twice.
        await receipts.reverse(second, receipt)
    assert (await scene.owes(), (await scene.row(claim)).state) == ((PRICE, 0), RollbackState.CLAIMED)
    (back,) = await scene.world.rows(LedgerTransactionRow, key=f"claim_receipt:{receipt}:reversed")
    assert back.reverses is not None
    news = await scene.world.rows(OutboxRow, destination=scene.case.owner, topic="claim_paid")
    assert sorted(one.payload["state"] for one in news) == ["undone", "whole"]
    await scene.sound()
    async with scene.world.database.transaction() as session:
        assert await ClaimsByTwo().broken(session, Look()) == []
        row = await session.get_one(ClaimReceiptRow, receipt)
        row.reverse_askers = [second]
        await session.flush()
        assert await ClaimsByTwo().broken(session, Look()) != []
        row.reverse_askers = [first]
    await scene.offset()
    assert await scene.owes() == (HALF, 0)  # Owed as before, so the next order takes its part.
    await scene.sound()


async def written_off(scene: Claiming, claim: str) -> None:
    """Two people of finance give up what is left."""
    await scene.claims.ask_write_off(await scene.world.a_person("finance"), claim, "Gone.")
    await scene.claims.write_off(await scene.world.a_person("finance"), claim)


async def test_recovery_is_capped_at_the_write_off(scene: Claiming, receipts: ClaimReceipts) -> None:
    claim, cash = await scene.claimed(), await scene.case.balance("cash:bank")
    await scene.offset()
    await written_off(scene, claim)
    with pytest.raises(ClaimOwesLess) as refused:
        await received(scene, receipts, claim, said(HALF + 1))
    assert refused.value.data == {"there": "¥232.50"}
    first = await received(scene, receipts, claim, said(HALF - 1_00))
    assert (await scene.moved())["write_off"] == 1_00
    assert await scene.case.balance("cash:bank") - cash == HALF - 1_00
    (step,) = await scene.world.rows(LedgerTransactionRow, key=f"claim_receipt:{first}")
    assert (step.card_id, step.what) == (scene.card, "claim_recovered")
    (kept,) = await scene.world.rows(AuditRow, act="console:claim:receive", subject=claim)
    assert kept.facts["written_off"] == f"rollback-{claim}:written_off"
    assert await scene.world.rows(LedgerTransactionRow, key=kept.facts["written_off"])
    await scene.sound()
    two = [received(scene, receipts, claim, said(1_00)) for _ in range(2)]
    done = await asyncio.gather(*two, return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["ClaimOwesLess", "str"]
    assert (await scene.owes(), (await scene.row(claim)).state) == ((0, 0), RollbackState.WRITTEN_OFF)
    assert "write_off" not in await scene.moved()
    await scene.sound()
    async with scene.world.database.transaction() as session:
        seen = (await wallet.wallet(session, scene.case.owner, now())).claims[0]
    assert (seen.recovered, seen.unrecovered, seen.left) == (Money(HALF), Money(0), Money(0))
    for one in await scene.world.rows(OutboxRow, destination=scene.case.owner, topic="claim_paid"):
        assert "nothing is left" not in message_text(one.topic, one.payload, "en", "https://shop.example")
        assert "no longer claim" in message_text(one.topic, one.payload, "en", "https://shop.example")


async def test_a_recovery_recorded_in_error_is_taken_back_and_the_loss_is_ours_again(
    scene: Claiming, receipts: ClaimReceipts
) -> None:
    claim = await scene.claimed()
    await written_off(scene, claim)
    await taken_back(scene, receipts, await received(scene, receipts, claim, said()))
    assert (await scene.owes(), await scene.moved()) == ((0, 0), {"write_off": PRICE})
    assert (await scene.row(claim)).state is RollbackState.WRITTEN_OFF
    news = await scene.world.rows(OutboxRow, destination=scene.case.owner, topic="claim_paid")
    assert sorted(one.payload["state"] for one in news) == ["recovered", "recovered_undone"]
    await received(scene, receipts, claim, said())  # It can be recovered again.
    await scene.sound()


async def test_reopened_debt_is_paid_before_the_recovery(scene: Claiming, receipts: ClaimReceipts) -> None:
    claim = await scene.claimed()
    part = await received(scene, receipts, claim, said(HALF))
    await written_off(scene, claim)
    await taken_back(scene, receipts, part)
    assert await scene.owes() == (HALF, 0)
    both = await received(scene, receipts, claim, said(HALF + 10_00))
    (row,) = await scene.world.rows(ClaimReceiptRow, id=both)
    assert (row.recovered, await scene.owes()) == (Money(10_00), (0, 0))
    assert await scene.moved() == {"write_off": HALF - 10_00}
    await scene.sound()


async def test_a_claim_that_is_paid_back_while_its_objection_waits_can_still_be_dropped(
    scene: Claiming, receipts: ClaimReceipts
) -> None:
    claim = await scene.claimed()
    await scene.objected(claim)
    await received(scene, receipts, claim, said())
    assert (await scene.row(claim)).state is RollbackState.CLAIMED
    await scene.claims.drop(await scene.world.a_person("finance"), claim)
    assert (await scene.owes(), await scene.moved()) == ((0, PRICE), {"inventory": PRICE})
    assert (await scene.payment(claim)).amount_minor == PRICE
    await scene.sound()


async def test_a_claim_that_is_paid_back_while_its_objection_waits_ends_when_it_is_upheld(
    scene: Claiming, receipts: ClaimReceipts
) -> None:
    claim = await scene.claimed()
    await scene.objected(claim)
    await received(scene, receipts, claim, said())
    await scene.claims.uphold(await scene.world.a_person("finance"), claim)
    assert (await scene.row(claim)).state is RollbackState.SETTLED


async def line_of(desk: FinanceDesk, world: World, reference: str) -> StatementLineRow:
    async with world.database.transaction() as session:
        found = select(StatementLineRow).where(StatementLineRow.reference == reference)
        return (await session.execute(found)).scalar_one()


async def expected(world: World, receipt: str) -> list[ExpectationRow]:
    async with world.database.transaction() as session:
        found = select(ExpectationRow).where(ExpectationRow.cause == f"claim_receipt:{receipt}")
        return list((await session.execute(found.order_by(ExpectationRow.entry_id))).scalars())


async def breaks_of(world: World, *entries: int) -> list[BreakRow]:
    async with world.database.transaction() as session:
        found = select(BreakRow).where(BreakRow.entry_id.in_(entries)).order_by(BreakRow.id)
        return list((await session.execute(found)).scalars())


async def test_line_of_a_reversed_receipt_can_be_matched_again(
    scene: Claiming, receipts: ClaimReceipts, world: World
) -> None:
    desk, claim = FinanceDesk(world), await scene.claimed()
    moved = desk.moved("", PRICE, kind="C")
    receipt = await received(scene, receipts, claim, said(reference=moved.reference))
    await desk.imported(desk.bill([moved], BANK))
    assert (await line_of(desk, world, moved.reference)).state is LineState.AUTO
    await taken_back(scene, receipts, receipt)
    await desk.matching.run(BANK)
    made, back = await expected(world, receipt)
    assert (made.cancelled_by, back.cancelled_by) == (back.entry_id, made.entry_id)
    assert (await line_of(desk, world, moved.reference)).state is LineState.OPEN
    assert await breaks_of(world, made.entry_id, back.entry_id) == []
    again = await received(scene, receipts, claim, said(reference=moved.reference))
    await desk.matching.run(BANK)
    (right,) = await expected(world, again)
    line = await line_of(desk, world, moved.reference)
    assert (line.state, line.entry_id) == (LineState.AUTO, right.entry_id)
    await scene.sound()


async def test_an_error_that_no_statement_shows_leaves_no_break(
    scene: Claiming, receipts: ClaimReceipts, world: World
) -> None:
    desk, claim = FinanceDesk(world), await scene.claimed()
    receipt = await received(scene, receipts, claim, said(rail=Rail.WECHAT))
    await desk.reconciled([desk.moved("", -1_00)])
    (made,) = await expected(world, receipt)
    assert [one.state for one in await breaks_of(world, made.entry_id)] == [BreakState.OPEN]
    await taken_back(scene, receipts, receipt)
    await desk.matching.run(WECHAT)
    _, back = await expected(world, receipt)
    assert [one.state for one in await breaks_of(world, made.entry_id, back.entry_id)] == [BreakState.CLOSED]


async def test_receipt_reconciled_by_a_person_cannot_be_reversed(
    scene: Claiming, receipts: ClaimReceipts, world: World
) -> None:
    desk, claim = FinanceDesk(world), await scene.claimed()
    receipt = await received(scene, receipts, claim, said())
    await desk.matching.run(BANK)
    (made,) = await expected(world, receipt)
    async with world.database.transaction() as session:
        (await session.get_one(ExpectationRow, made.entry_id)).break_id = new_id()
    with pytest.raises(ReceiptReconciled):
        await receipts.ask_reversal(await world.a_person("finance"), receipt, "Another seller's.")
