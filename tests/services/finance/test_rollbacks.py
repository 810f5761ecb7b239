"""A card that was no good is claimed by two people, with a message, offset within limits in the order's own transaction, or written off by two."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import update

from database.tables.finance.rollback import RollbackOffsetRow, RollbackRow
from database.tables.platform import OutboxRow
from domain.cards.card import WaitingFor
from domain.errors.finance import ClaimMoves, ClaimOver, NotClaimable
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.finance.payout import PayoutOutcome, PayoutReport
from domain.finance.rollback import RollbackKind, RollbackState
from domain.identifiers import new_id, payout_key
from domain.money import Money
from services.finance.adoption import Adopting
from services.finance.offsets import foreseen
from services.finance.proof_files import ProofFile
from services.finance.rollbacks import Finding, Rollbacks
from tests.builders.own_world import own_world
from tests.builders.paying import PDF, Paying, paying, with_claims
from tests.builders.world import World

world = own_world("rollbacks")

PRICE = 465_00
USED = Finding(RollbackKind.USED, "The card was spent at a till after we had paid.", ProofFile("issuer.pdf", PDF))


@pytest_asyncio.fixture(loop_scope="session")
async def case(world: World) -> Paying:
    return await paying(world)


def card_of(key: str) -> str:
    return key.split("-")[1]


async def claimed(case: Paying) -> str:
    """A claim that two people agreed to, due at once; returns its id."""
    with_claims(objection_days=0)
    claims, key = Rollbacks(case.world.database, case.world.keyring), await case.paid()
    first, second = await case.world.a_person("finance"), await case.world.a_person("compliance")
    claim = await claims.propose(first, card_of(key), USED, case.world.photos)
    await claims.agree(second, claim)
    return claim


async def row_of(case: Paying, claim: str) -> RollbackRow:
    (row,) = await case.world.rows(RollbackRow, id=claim)
    assert isinstance(row, RollbackRow)
    return row


async def receivable(case: Paying) -> int:
    return await case.balance(f"seller_receivable:{case.owner}")


async def test_claim_takes_two_people_is_posted_once_and_notifies_the_seller(case: Paying) -> None:
    claims, key = Rollbacks(case.world.database, case.world.keyring), await case.paid()
    first, second = await case.world.a_person("compliance"), await case.world.a_person("finance")
    before = await case.balance("inventory")
    claim = await claims.propose(first, card_of(key), USED, case.world.photos)
    assert await receivable(case) == 0
    with pytest.raises(NotClaimable):
        await claims.propose(second, card_of(key), USED, case.world.photos)
    with pytest.raises(OwnWork):
        await claims.agree(first, claim)
    await asyncio.gather(*(claims.agree(second, claim) for _ in range(3)))
    assert (await receivable(case), await case.balance("inventory") - before) == (PRICE, -PRICE)
    (news,) = await case.world.rows(OutboxRow, destination=case.owner, topic="claimed_back")
    assert (news.payload["state"], news.payload["amount"], news.payload["page"]) == ("used", "¥465.00", "/wallet")
    assert (await case.world.story(card_of(key)))[-1] == "rollback.claimed"
    row = await row_of(case, claim)
    assert row.offset_from is not None
    assert row.offset_from > datetime.now(UTC) + timedelta(days=6)
    async with case.world.database.transaction() as session:  # The seller has time to object first.
        assert await foreseen(session, case.owner, Money(PRICE), datetime.now(UTC)) == Money(0)


async def test_part_of_a_claim_by_policy_and_the_rest_is_our_loss(case: Paying) -> None:
    with_claims(share_bp={"used": 8000, "frozen": 10000, "charged_back": 10000})
    claims, key = Rollbacks(case.world.database, case.world.keyring), await case.paid()
    claim = await claims.propose(await case.world.a_person("finance"), card_of(key), USED, case.world.photos)
    await claims.agree(await case.world.a_person("finance"), claim)
    assert await receivable(case) == 372_00


async def test_offset_is_in_the_orders_own_posting_and_leaves_the_minimum(case: Paying) -> None:
    claim = await claimed(case)
    card, quote = await case.accepted()
    async with case.world.database.transaction() as session:
        assert await foreseen(session, case.owner, Money(PRICE), datetime.now(UTC)) == Money(232_50)
    assert await case.prepare(card, quote) is None
    assert await case.prepare(card, quote) is None  # Pressed twice.
    order = await case.order(payout_key(card, 1))
    assert order is not None
    assert (order.amount_minor, order.offset_minor) == (232_50, 232_50)
    assert (await receivable(case), await case.balance(f"seller_payable:{case.owner}")) == (232_50, 0)
    await case.world.payout.send(order.key)
    await case.world.payout.conclude(order.key)
    assert [one["amount_minor"] for one in await case.world.transfers(order.key)] == [232_50]
    (news,) = await case.world.rows(OutboxRow, destination=case.owner, topic="set_off")
    assert news.payload["amount"] == "¥232.50"
    second, quote = await case.accepted()
    assert await case.prepare(second, quote) is None
    assert await receivable(case) == 0
    assert (await row_of(case, claim)).state is RollbackState.SETTLED
    await case.books_are_right()


async def test_two_orders_at_once_offset_a_claim_once(case: Paying) -> None:
    claim = await claimed(case)
    cards = [await case.accepted() for _ in range(4)]
    await asyncio.gather(*(case.prepare(card, quote) for card, quote in cards))
    taken = await case.world.rows(RollbackOffsetRow, rollback_id=claim)
    assert sum(one.amount_minor for one in taken) == PRICE
    assert await receivable(case) == 0
    await case.books_are_right()


async def test_a_refused_order_gives_its_offset_back_and_the_next_takes_it_again(case: Paying) -> None:
    claim = await claimed(case)
    card, quote = await case.accepted()
    assert await case.prepare(card, quote) is None
    claims = Rollbacks(case.world.database, case.world.keyring)
    await claims.ask_write_off(await case.world.a_person("finance"), claim, "Too old.")
    with pytest.raises(ClaimMoves):
        await claims.write_off(await case.world.a_person("finance"), claim)
    await claims.keep(await case.world.a_person("finance"), claim)
    await case.world.alipay.control(refuse="PAYEE_USER_INFO_ERROR")
    await case.world.payout.send(payout_key(card, 1))
    await case.world.payout.conclude(payout_key(card, 1))
    await case.world.alipay.control(refuse="")
    assert (await receivable(case), await case.balance(f"seller_payable:{case.owner}")) == (PRICE, -PRICE)
    assert (await case.world.card(card)).waiting_for is WaitingFor.SELLER_PAYEE
    assert await case.prepare(card, quote, 2) is None
    assert await receivable(case) == 232_50
    await case.books_are_right()


async def test_an_objection_stops_offsets_until_another_person_has_answered_it(case: Paying) -> None:
    claim, claims = await claimed(case), Rollbacks(case.world.database, case.world.keyring)
    with pytest.raises(NotFound):
        await claims.object("seller:other", claim, "T1")
    for _ in range(2):
        await claims.object(case.owner, claim, "T1")
    card, quote = await case.accepted()
    async with case.world.database.transaction() as session:
        assert await foreseen(session, case.owner, Money(PRICE), datetime.now(UTC)) == Money(0)
    proposer = (await row_of(case, claim)).proposed_by
    with pytest.raises(OwnWork):
        await claims.uphold(proposer, claim)
    await claims.uphold(await case.world.a_person("compliance"), claim)
    assert await case.prepare(card, quote) is None
    assert await receivable(case) == 232_50
    with pytest.raises(ClaimOver):
        await claims.drop(await case.world.a_person("compliance"), claim)


async def test_a_seller_who_was_right_owes_nothing(case: Paying) -> None:
    claim, claims = await claimed(case), Rollbacks(case.world.database, case.world.keyring)
    await claims.object(case.owner, claim, "T1")
    await claims.drop(await case.world.a_person("compliance"), claim)
    assert (await receivable(case), (await row_of(case, claim)).state) == (0, RollbackState.DROPPED)
    await case.books_are_right()


async def test_a_write_off_takes_two_people_of_finance(case: Paying) -> None:
    claim, claims = await claimed(case), Rollbacks(case.world.database, case.world.keyring)
    first, second = await case.world.a_person("finance"), await case.world.a_person("finance")
    lost = await case.balance("write_off")
    with pytest.raises(NotAllowed):
        await claims.ask_write_off(await case.world.a_person("compliance"), claim, "Gone.")
    with pytest.raises(ClaimOver):
        await claims.write_off(second, claim)
    await claims.ask_write_off(first, claim, "The seller cannot be reached.")
    with pytest.raises(OwnWork):
        await claims.write_off(first, claim)
    await asyncio.gather(*(claims.write_off(second, claim) for _ in range(2)))
    assert (await receivable(case), await case.balance("write_off") - lost) == (0, PRICE)
    await case.books_are_right()


async def test_only_what_was_paid_lately_can_be_claimed_and_with_a_document(case: Paying) -> None:
    world, claims = case.world, Rollbacks(case.world.database, case.world.keyring)
    finance, key = await world.a_person("finance"), await case.paid()
    waiting, _ = await case.accepted()
    with pytest.raises(NotClaimable):
        await claims.propose(finance, waiting, USED, world.photos)
    for wrong in (Finding(RollbackKind.USED, " ", USED.evidence), Finding(RollbackKind.USED, "Spent.", None)):
        with pytest.raises(FieldInvalid):
            await claims.propose(finance, card_of(key), wrong, world.photos)
    with pytest.raises(NotAllowed):
        await claims.propose(await world.a_person("support"), card_of(key), USED, world.photos)
    with_claims(least_minor=PRICE + 1)
    with pytest.raises(NotClaimable):
        await claims.propose(finance, card_of(key), USED, world.photos)
    late = Rollbacks(world.database, world.keyring, lambda: datetime.now(UTC) + timedelta(days=181))
    with_claims()
    with pytest.raises(NotClaimable):
        await late.propose(finance, card_of(key), USED, world.photos)


async def test_a_payment_less_its_offset_is_found_again_after_a_restore(case: Paying) -> None:
    claim = await claimed(case)
    card, _ = await case.accepted()
    async with case.world.database.transaction() as session:
        await session.execute(update(RollbackRow).where(RollbackRow.id == claim).values(offset_from=datetime.now(UTC)))
    report = PayoutReport(payout_key(card, 1), PayoutOutcome.PAID, "20260001", Money(232_50))
    assert await Adopting(case.world.database, case.world.keyring).adopt(report) is None
    order = await case.order(payout_key(card, 1))
    assert order is not None
    assert (order.amount_minor, order.offset_minor, await receivable(case)) == (232_50, 232_50, 232_50)
    await case.world.payout.conclude(order.key)
    await case.books_are_right()


async def test_a_partner_is_notified_of_a_claim_its_offsets_and_its_end(case: Paying) -> None:
    partner = Paying(case.world, f"partner:{new_id()}")
    claim = await claimed(partner)
    card, quote = await partner.accepted()
    assert await partner.prepare(card, quote) is None
    await case.world.alipay.control(refuse="PAYEE_USER_INFO_ERROR")
    await case.world.payout.send(key := payout_key(card, 1))
    await case.world.payout.conclude(key)
    await case.world.alipay.control(refuse="")
    claims, one, two = Rollbacks(case.world.database, case.world.keyring), "finance", "finance"
    await claims.ask_write_off(await case.world.a_person(one), claim, "The partner has closed.")
    await claims.write_off(await case.world.a_person(two), claim)
    hooks = await case.world.rows(OutboxRow, destination=partner.owner, kind="webhook")
    heard = [
        (hook.topic, hook.payload["left"]["amount_minor"], hook.payload.get("payout", ""))
        for hook in hooks
        if hook.topic.startswith("claim.")
    ]
    assert sorted(heard) == sorted([
        ("claim.made", PRICE, ""), ("claim.offset", 232_50, key), ("claim.offset_undone", PRICE, key),
        ("claim.written_off", 0, ""),
    ])  # fmt: skip
    assert {hook.payload["claim_id"] for hook in hooks if hook.topic.startswith("claim.")} == {claim}
    assert await case.world.rows(OutboxRow, destination=case.owner, kind="webhook") == []  # Sellers get messages.
