"""Money in suspense that a seller paid of a claim: the claim, the wallet and the statement have it as any repayment, and it can be taken back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
import pytest_asyncio

from database.invariants.base import Look
from database.invariants.two_people import ClaimsByTwo
from database.reads.finance import wallet
from database.tables.columns import now
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.rollback import ClaimReceiptRow
from database.tables.finance.statements import ExpectationRow
from database.tables.finance.suspense import SuspenseClearingRow
from database.tables.people import AuditRow, RelativeRow
from database.tables.platform import OutboxRow
from domain.errors.finance import ClaimOver, ClaimOwesLess
from domain.errors.general import FieldInvalid
from domain.errors.sales import ReferenceTaken
from domain.errors.suspense import ReceiptOfSuspense
from domain.errors.work import OwnWork
from domain.finance.rails import Rail
from domain.finance.reversals import ReversalOf
from domain.finance.rollback import RollbackState
from domain.finance.suspense import ClearedAs
from domain.identifiers import new_id
from domain.money import Money
from domain.places import business_day
from services.finance.claim_receipts import ClaimReceipts, PaidBack
from services.finance.proof_files import ProofFile
from services.finance.reversals import Reversals
from services.finance.suspense import Found, Suspense
from tests.builders.claiming import Claiming
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.reconciling import FinanceDesk
from tests.builders.suspense import in_suspense, standing
from tests.builders.world import World

world = own_world("suspense_claims")
PROOF = ProofFile("bank-letter.pdf", PDF)
PRICE, HALF = 465_00, 232_50


@pytest_asyncio.fixture(loop_scope="session")
async def scene(world: World) -> Claiming:
    return await Claiming.begun(world)


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


async def said(desk: FinanceDesk, world: World, claim: str, minor: int, came: int | None = None) -> Found:
    """Money in suspense that the bank's letter says is the seller's."""
    entry = await in_suspense(desk, world, came or minor)
    return Found(
        entry.entry_id, ClearedAs.CLAIM, Money(minor), "The seller wrote the card's number on it.", claim=claim, evidence=PROOF
    )  # fmt: skip


def acts_of(desk: FinanceDesk, world: World) -> Suspense:
    return Suspense(world.database, world.keyring, desk.clock)


async def cleared(desk: FinanceDesk, world: World, found: Found) -> str:
    acts = acts_of(desk, world)
    clearing = await acts.propose(await world.a_person("finance"), found, world.photos)
    await acts.agree(await world.a_person("finance"), clearing)
    return clearing


async def stands(world: World, entry_id: int) -> int:
    return next((one.stands.amount_minor for one in await standing(world) if one.entry_id == entry_id), 0)


async def written_off(scene: Claiming, claim: str) -> None:
    await scene.claims.ask_write_off(await scene.world.a_person("finance"), claim, "Gone.")
    await scene.claims.write_off(await scene.world.a_person("finance"), claim)


async def test_a_repayment_leaves_suspense_by_one_posting_and_is_shown_as_any_other(
    scene: Claiming, desk: FinanceDesk, world: World
) -> None:
    claim = await scene.claimed()
    found = await said(desk, world, claim, PRICE - 1_00, came=PRICE)
    suspense, cash = await desk.balance("suspense:wechat"), await desk.balance("cash:wechat")
    clearing = await cleared(desk, world, found)
    assert (await desk.balance("suspense:wechat"), await desk.balance("cash:wechat")) == (suspense + PRICE - 1_00, cash)
    assert (await scene.owes(), await stands(world, found.entry_id)) == ((1_00, 0), 1_00)
    (posted,) = await world.rows(LedgerTransactionRow, cause=f"suspense:{clearing}")
    assert (posted.what, posted.card_id) == ("claim_paid_back", scene.card)
    (paid,) = await world.rows(ClaimReceiptRow, claim_id=claim)
    assert (paid.clearing_id, paid.amount, paid.rail) == (clearing, Money(PRICE - 1_00), Rail.WECHAT)
    assert (paid.received_on, paid.reference != "") == (desk.today, True)
    assert await world.rows(ExpectationRow, cause=f"suspense:{clearing}") == []  # Its line was matched when it came.
    await scene.sound()
    await cleared(desk, world, replace(found, amount=Money(1_00)))  # Another part of the same money.
    assert (await scene.owes(), (await scene.row(claim)).state) == ((0, 0), RollbackState.SETTLED)
    assert (await world.story(scene.card))[-2:] == ["rollback.paid", "rollback.paid"]
    news = await world.rows(OutboxRow, destination=scene.case.owner, topic="claim_paid")
    assert sorted(one.payload["state"] for one in news) == ["part", "whole"]
    async with world.database.transaction() as session:
        seen = await wallet.wallet(session, scene.case.owner, now())
        lines = (await wallet.statement(session, scene.case.owner, f"{business_day(now()):%Y-%m}")).lines
    assert (seen.owes, seen.claims[0].received, len(seen.claims[0].receipts)) == (Money(0), Money(PRICE), 2)
    assert [one.amount for one in lines if one.what == "claim_paid_back"] == [Money(PRICE - 1_00), Money(1_00)]
    await scene.sound()


async def test_no_more_than_the_claim_owes_leaves_suspense_for_it_also_at_once(
    scene: Claiming, desk: FinanceDesk, world: World
) -> None:
    claim, acts = await scene.proposed(), acts_of(desk, world)
    found = await said(desk, world, claim, PRICE, came=PRICE * 2)
    first, second = await world.a_person("finance"), await world.a_person("finance")
    with pytest.raises(ClaimOver):
        await acts.propose(first, found, world.photos)
    await scene.claims.agree(await world.a_person("finance"), claim)
    with pytest.raises(ClaimOwesLess) as refused:
        await acts.propose(first, replace(found, amount=Money(PRICE + 1)), world.photos)
    assert refused.value.data == {"there": "¥465.00"}
    with pytest.raises(FieldInvalid) as missing:
        await acts.propose(first, replace(found, claim=""), world.photos)
    assert missing.value.data["field"] == "claim"
    two = [await acts.propose(first, found, world.photos) for _ in range(2)]
    done = await asyncio.gather(*(acts.agree(second, one) for one in two), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["ClaimOwesLess", "NoneType"]
    assert (await scene.owes(), await stands(world, found.entry_id)) == ((0, 0), PRICE)
    (waits,) = [one for one in await world.rows(SuspenseClearingRow, claim_id=claim) if one.agreed_at is None]
    await acts.decline(second, waits.id)
    await scene.sound()


async def test_what_was_said_is_reversed_and_the_claim_is_owed_again(
    scene: Claiming, desk: FinanceDesk, world: World
) -> None:
    claim, receipts = await scene.claimed(), ClaimReceipts(world.database, world.keyring)
    found = await said(desk, world, claim, PRICE)
    clearing = await cleared(desk, world, found)
    (paid,) = await world.rows(ClaimReceiptRow, claim_id=claim)
    with pytest.raises(ReceiptOfSuspense):
        await receipts.ask_reversal(await world.a_person("finance"), paid.id, "Another seller's.")
    acts, first = Reversals(world.database, world.keyring, desk.clock), await world.a_person("finance")
    asked = await acts.ask(first, ReversalOf.CLEARING, clearing, "Another seller's.")
    await acts.agree(second := await world.a_person("finance"), asked)
    await acts.agree(second, asked)  # Pressed twice.
    assert (await scene.owes(), await stands(world, found.entry_id)) == ((PRICE, 0), PRICE)
    assert (await scene.row(claim)).state is RollbackState.CLAIMED
    (paid,) = await world.rows(ClaimReceiptRow, claim_id=claim)
    assert (paid.reverse_asked_by, paid.reversed_by, paid.reverse_reason) == (first, second, "Another seller's.")
    (back,) = [one for one in await world.rows(LedgerTransactionRow, cause=f"suspense:{clearing}") if one.reverses]
    assert back.what == "claim_receipt_reversed"
    news = await world.rows(OutboxRow, destination=scene.case.owner, topic="claim_paid")
    assert sorted(one.payload["state"] for one in news) == ["undone", "whole"]
    async with world.database.transaction() as session:
        assert await ClaimsByTwo().broken(session, Look()) == []
    await cleared(desk, world, found)  # It may be said again.
    await scene.sound()


async def test_after_a_write_off_it_recovers_what_was_lost(scene: Claiming, desk: FinanceDesk, world: World) -> None:
    claim = await scene.claimed()
    await scene.offset()
    found = await said(desk, world, claim, HALF, came=PRICE)
    waits = await acts_of(desk, world).propose(await world.a_person("finance"), found, world.photos)
    await written_off(scene, claim)  # Meanwhile.
    await acts_of(desk, world).agree(await world.a_person("finance"), waits)
    assert (await scene.owes(), (await scene.row(claim)).state) == ((0, 0), RollbackState.WRITTEN_OFF)
    assert "write_off" not in await scene.moved()
    (posted,) = await world.rows(LedgerTransactionRow, cause=f"suspense:{waits}")
    assert posted.what == "claim_recovered"
    with pytest.raises(ClaimOwesLess):
        await cleared(desk, world, replace(found, amount=Money(1)))
    await scene.sound()
    acts = Reversals(world.database, world.keyring, desk.clock)
    asked = await acts.ask(await world.a_person("finance"), ReversalOf.CLEARING, waits, "Another seller's.")
    await acts.agree(await world.a_person("finance"), asked)
    assert (await scene.moved())["write_off"] == HALF
    await scene.sound()


async def test_the_same_money_is_on_a_claim_once_by_whichever_way(
    scene: Claiming, desk: FinanceDesk, world: World
) -> None:
    claim, receipts = await scene.claimed(), ClaimReceipts(world.database, world.keyring)
    found, person = await said(desk, world, claim, 1_00), await world.a_person("finance")
    await cleared(desk, world, found)
    (paid,) = await world.rows(ClaimReceiptRow, claim_id=claim)
    typed = PaidBack(Money(1_00), paid.rail, paid.reference, business_day(now()), PROOF)
    with pytest.raises(ReferenceTaken):
        await receipts.record(person, claim, new_id(), typed, world.photos)
    other = await said(desk, world, claim, 2_00)
    named = next(one.reference for one in await standing(world) if one.entry_id == other.entry_id)
    await receipts.record(person, claim, new_id(), replace(typed, reference=named), world.photos)
    with pytest.raises(ReferenceTaken):
        await cleared(desk, world, other)
    assert (await scene.owes())[0] == PRICE - 2_00


async def test_people_on_the_sellers_side_and_the_first_person_do_not_agree(
    scene: Claiming, desk: FinanceDesk, world: World
) -> None:
    claim, acts = await scene.claimed(), acts_of(desk, world)
    found, first = await said(desk, world, claim, 1_37), await world.a_person("finance")
    kin = await world.a_person("finance")
    async with world.database.transaction() as session:
        session.add(RelativeRow(person_id=kin, seller=scene.case.owner))
    with pytest.raises(OwnWork):
        await acts.propose(kin, found, world.photos)
    clearing = await acts.propose(first, found, world.photos)
    for person in (first, kin):
        with pytest.raises(OwnWork):
            await acts.agree(person, clearing)
    await acts.agree(await world.a_person("finance"), clearing)
    reversals = Reversals(world.database, world.keyring, desk.clock)
    with pytest.raises(OwnWork):
        await reversals.ask(kin, ReversalOf.CLEARING, clearing, "Mine.")
    (kept,) = await world.rows(AuditRow, act="console:suspense:agree", subject=str(found.entry_id))
    assert kept.facts["claim"] == claim
