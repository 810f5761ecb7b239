"""A goodwill payment is proposed by one, agreed to by another, paid once to a payee that was paid before, and booked exactly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from database.invariants import Look
from database.invariants.books import EntriesSumToZero
from database.invariants.payments import CardsPaidOnce, GoodwillPaidOnce
from database.invariants.seller_money import SellerMoneyAddsUp
from database.invariants.sources import PostingsHaveSources, SourcesAgree
from database.invariants.two_people import GoodwillByTwo
from database.repositories import ledger
from database.tables.notices import NoticeRow
from database.tables.people import AbsenceRow, RelativeRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.support import GoodwillOver, GoodwillTooMuch, GoodwillWaits
from domain.errors.work import OwnWork, ReasonUnknown, SecretInWords, TaskNotHeld
from domain.finance.payout import PayoutOutcome, PayoutReport
from domain.identifiers import goodwill_key, new_id
from domain.money import Money
from domain.people.roles import Permission
from domain.support.goodwill import GoodwillState
from services.finance.adoption import Adopting
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill, GoodwillProposal
from tests.builders.escalating import Escalating
from tests.builders.world import World, world_at

HOUR = timedelta(hours=1)
MONEY = (
    EntriesSumToZero(), SourcesAgree(), PostingsHaveSources(), SellerMoneyAddsUp(), CardsPaidOnce(), GoodwillPaidOnce(),
    GoodwillByTwo(),
)  # fmt: skip


class Giving(Escalating):
    """A held ticket of a seller who was paid before."""

    def __init__(self, world: World, owner: str, card_id: str, paid_key: str) -> None:
        super().__init__(world, owner, card_id)
        self.goodwill = Goodwill(SupportDesk(world.database, world.keyring, world.photos, self.clock))
        self.paid_key = paid_key

    async def proposed(self, yuan: int = 20, **more: str) -> str:
        asked = GoodwillProposal(
            Money(yuan * 100), more.get("why", "late"), more.get("key", self.paid_key), more.get("note", "")
        )
        return await self.goodwill.propose(self.agent, self.ticket_id, asked)

    async def agreed(self, yuan: int = 20) -> str:
        given = await self.proposed(yuan)
        await self.goodwill.agree(await self.world.a_person("support_lead"), given)
        return given

    async def prepared(self, yuan: int = 20) -> tuple[str, str]:
        given = await self.agreed(yuan)
        await self.world.payout.prepare_goodwill(given, goodwill_key(given))
        return given, goodwill_key(given)

    async def row(self, goodwill_id: str) -> GoodwillRow:
        async with self.world.database.transaction() as session:
            return await session.get_one(GoodwillRow, goodwill_id)

    async def balance(self, code: str) -> int:
        async with self.world.database.transaction() as session:
            return (await ledger.balance(session, code)).amount_minor

    async def nothing_is_wrong(self) -> None:
        async with self.world.database.transaction() as session:
            for one in MONEY:
                assert await one.broken(session, Look()) == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_world(
    make_migrated: Callable[[str], str], worker: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A database of these tests alone: what others plant to be found would be found here."""
    url = make_migrated(f"goodwill_{worker}")
    async with world_at(url, tmp_path_factory.mktemp("goodwill"), pool_size=4) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def scene(own_world: World) -> Giving:
    world = own_world
    await world.calm()
    card_id, key = await world.a_prepared_payout()
    await world.payout.send(key)
    await world.payout.conclude(key)
    made = Giving(world, await world.payee_of(card_id), card_id, key)
    await made.open()
    return made


async def test_a_payment_is_agreed_to_paid_once_and_booked_as_an_expense(scene: Giving) -> None:
    before = [await scene.balance(code) for code in ("goodwill", "cash:alipay", "in_flight:alipay")]
    given, key = await scene.prepared()
    assert await scene.balance("in_flight:alipay") == before[2] - 2000
    await scene.nothing_is_wrong()
    assert (await scene.world.payout.send(key)).outcome is PayoutOutcome.PAID
    await asyncio.gather(*(scene.world.payout.conclude(key) for _ in range(3)))
    await scene.world.payout.prepare_goodwill(given, key)
    after = [await scene.balance(code) for code in ("goodwill", "cash:alipay", "in_flight:alipay")]
    assert [new - old for new, old in zip(after, before, strict=True)] == [2000, -2000, 0]
    assert [one["amount_minor"] for one in await scene.world.transfers(key)] == [2000]
    assert (await scene.row(given)).state is GoodwillState.PAID
    assert [one.what for one in (await scene.found()).events[-3:]] == [
        "goodwill_proposed", "goodwill_agreed", "goodwill_paid",
    ]  # fmt: skip
    assert len(await scene.world.rows(NoticeRow, person_id=scene.agent, kind="goodwill")) == 1
    await scene.nothing_is_wrong()


async def test_refused_goodwill_is_reversed(scene: Giving) -> None:
    before = await scene.balance("goodwill")
    given, key = await scene.prepared()
    await scene.world.alipay.control(refuse="PAYEE_USER_INFO_ERROR")
    assert (await scene.world.payout.send(key)).outcome is PayoutOutcome.REFUSED
    await scene.world.payout.conclude(key)
    await scene.world.alipay.control(refuse="")
    assert (await scene.row(given)).state is GoodwillState.REFUSED
    assert await scene.balance("goodwill") == before
    await scene.nothing_is_wrong()


async def test_an_unknown_outcome_is_only_reconciled_and_arrives_once(scene: Giving) -> None:
    _, key = await scene.prepared()
    await scene.world.alipay.control(timeout_after_success_rate=1.0, hang_ms=1_000)
    with pytest.raises(ApplicationError) as unknown:
        await scene.world.payout.send(key)
    assert unknown.value.type == "payout_unknown"
    with pytest.raises(ApplicationError):
        await scene.world.payout.conclude(key)
    await scene.nothing_is_wrong()
    await scene.world.alipay.control(timeout_after_success_rate=0.0)
    assert (await scene.world.payout.reconcile(key)).outcome is PayoutOutcome.PAID
    await scene.world.payout.conclude(key)
    assert len(await scene.world.transfers(key)) == 1
    await scene.nothing_is_wrong()


async def test_a_sender_that_was_killed_before_or_after_the_transfer_sends_once(scene: Giving) -> None:
    """Killed after the order was marked and before it was sent; then after it was sent and before that was written down."""
    _, key = await scene.prepared()
    await scene.world.payout._taken_up(key)  # The marked order of a sender that died.
    assert (await scene.world.payout.send(key)).outcome is PayoutOutcome.PAID
    async with scene.world.database.transaction() as session:
        row = await session.get_one(GoodwillOrderRow, key)
        row.answered, row.gateway_reference = None, None  # As if the answer had never been written.
    assert (await scene.world.payout.send(key)).outcome is PayoutOutcome.PAID
    await scene.world.payout.conclude(key)
    assert len(await scene.world.transfers(key)) == 1
    await scene.nothing_is_wrong()


async def test_goodwill_order_needs_a_second_person_and_its_key(scene: Giving) -> None:
    given = await scene.proposed()
    with pytest.raises(ApplicationError) as waiting:
        await scene.world.payout.prepare_goodwill(given, goodwill_key(given))
    assert waiting.value.type == "not_payable"
    await scene.goodwill.agree(await scene.world.a_person("finance"), given)
    with pytest.raises(ApplicationError):
        await scene.world.payout.prepare_goodwill(given, f"{goodwill_key(given)}-2")
    assert await scene.world.rows(GoodwillOrderRow, goodwill_id=given) == []


async def test_proposer_stand_in_or_relative_cannot_agree_nor_one_person_twice(scene: Giving) -> None:
    world, now = scene.world, datetime.now(UTC)
    scene.agent = both = await world.a_person("support_lead", "finance")
    await scene.desk.tasks.take_over(both, f"ticket:{scene.ticket_id}:ticket:1", "urgent")
    given = await scene.proposed()
    with pytest.raises(OwnWork):
        await scene.goodwill.agree(both, given)
    stand_in, relative = await world.a_person("support_lead"), await world.a_person("finance")
    async with world.database.transaction() as session:
        session.add(
            AbsenceRow(
                id=new_id(), person_id=both, stand_in=stand_in, starts_at=now - HOUR, ends_at=now + HOUR, made_by=both
            )
        )
        session.add(RelativeRow(person_id=relative, seller=scene.owner))
    for person, error in ((stand_in, OwnWork), (relative, OwnWork), (await world.a_person("support"), NotAllowed)):
        with pytest.raises(error):
            await scene.goodwill.agree(person, given)
    seconds = [await world.a_person("support_lead") for _ in range(3)]
    tries = await asyncio.gather(*(scene.goodwill.agree(one, given) for one in seconds), return_exceptions=True)
    assert sorted(type(one).__name__ for one in tries) == ["GoodwillOver", "GoodwillOver", "NoneType"]
    winner = (await scene.row(given)).checked_by
    await scene.goodwill.agree(winner or "", given)  # Pressed twice: nothing changes.
    with pytest.raises(GoodwillOver):
        await scene.goodwill.decline(winner or "", given)


async def test_limits_hold_for_one_payment_and_for_payments_split_in_two(scene: Giving) -> None:
    with pytest.raises(GoodwillTooMuch) as own:
        await scene.proposed(51)
    assert own.value.data == {"limit": "own", "most": "¥50.00"}
    first = await scene.proposed(50)
    with pytest.raises(GoodwillWaits):
        await scene.proposed(10)
    assert (await scene.row(first)).needs is Permission.LEAD_SUPPORT
    await scene.goodwill.agree(await scene.world.a_person("support_lead"), first)
    second = await scene.proposed(50)  # Together as much as finance has to agree to.
    assert (await scene.row(second)).needs is Permission.AGREE_GOODWILL
    with pytest.raises(NotAllowed):
        await scene.goodwill.agree(await scene.world.a_person("support_lead"), second)
    await scene.goodwill.agree(await scene.world.a_person("finance"), second)
    for _ in range(4):
        await scene.goodwill.agree(await scene.world.a_person("finance"), await scene.proposed(50))
    with pytest.raises(GoodwillTooMuch) as sellers:
        await scene.proposed(1)
    assert sellers.value.data == {"limit": "seller", "most": "¥0.00"}
    scene.clock.passes(days=91)
    assert await scene.desk.leases.take(scene.agent, f"ticket:{scene.ticket_id}:ticket:1")
    await scene.proposed(1)


async def test_withdrawn_and_declined_goodwill_is_not_counted(scene: Giving) -> None:
    await scene.goodwill.decline(scene.agent, await scene.proposed(50))
    declined = await scene.proposed(50)
    await scene.goodwill.decline(await scene.world.a_person("support_lead"), declined)
    assert (await scene.row(declined)).state is GoodwillState.DECLINED
    assert (await scene.row(await scene.proposed(50))).needs is Permission.LEAD_SUPPORT


async def test_goodwill_goes_only_to_a_known_payee(scene: Giving) -> None:
    _, foreign = await scene.world.a_prepared_payout()
    await scene.world.payout.send(foreign)
    await scene.world.payout.conclude(foreign)
    for key in (foreign, "nothing"):
        with pytest.raises(FieldInvalid):
            await scene.proposed(key=key)
    for yuan, why, note, error in (
        (0, "late", "", FieldInvalid), (20, "nonsense", "", ReasonUnknown), (20, "late", "6222021234567890123", SecretInWords),
    ):  # fmt: skip
        with pytest.raises(error):
            await scene.proposed(yuan, why=why, note=note)
    await scene.desk.tasks.release(scene.agent, f"ticket:{scene.ticket_id}:ticket:1")
    with pytest.raises(TaskNotHeld):
        await scene.proposed()


async def test_a_payment_in_the_gateways_list_answers_its_order_after_a_restore(scene: Giving) -> None:
    given, key = await scene.prepared()
    paid = await scene.world.payout.send(key)
    async with scene.world.database.transaction() as session:
        (await session.get_one(GoodwillOrderRow, key)).answered = None  # The backup was older than the answer.
    adopting = Adopting(scene.world.database, scene.world.keyring)
    report = PayoutReport(key, paid.outcome, "20260001", Money(2000))
    assert await adopting.adopt(report) is None
    assert (
        await adopting.adopt(replace(report, key=goodwill_key(new_id())))
        == "was paid for a goodwill order that is not here"
    )
    await scene.world.payout.conclude(key)
    assert (await scene.row(given)).state is GoodwillState.PAID
    await scene.nothing_is_wrong()
