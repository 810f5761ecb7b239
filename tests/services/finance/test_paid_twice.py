"""A seller who was paid twice owes the second payment: claimed by two people from a contradiction, offset as any claim."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import pytest_asyncio

from database.invariants import Look
from database.invariants.payments import WordsAgree
from database.reads.finance import attention
from database.reads.finance.claims import left_of
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import ContradictionRow
from database.tables.finance.rollback import RollbackRow
from database.tables.finance.statements import ExpectationRow
from database.tables.platform import OutboxRow
from domain.errors.finance import NotClaimable
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.returns import NotPaidTwice
from domain.errors.work import OwnWork
from domain.finance.payout import RETURNED, Heard, PayoutOutcome
from domain.finance.rollback import RollbackKind, RollbackState
from domain.finance.statements import LineState
from domain.identifiers import payout_key
from domain.support.tickets import TicketCategory, TicketChannel
from services.finance.claimed_stock import require_unclaimed
from services.finance.paid_twice import PaidTwice, Twice
from services.finance.proof_files import ProofFile
from services.finance.rollbacks import Finding, Rollbacks
from services.support.desk import SupportDesk
from services.support.opening import NewTicket, Opening
from tests.builders.claiming import SOUND, USED
from tests.builders.owing import Refused, refused
from tests.builders.own_world import own_world
from tests.builders.paying import PDF, Paying, with_claims
from tests.builders.reconciling import ALIPAY, FinanceDesk
from tests.builders.world import World

world = own_world("paid_twice")
PRICE = 465_00
FOUND = Twice("Both payments are on the bill.", ProofFile("bill.pdf", PDF))


@dataclass
class Doubled:
    """A card whose first order was refused and is said to be paid after all, and whose second order paid it."""

    world: World
    case: Refused
    finance: str
    compliance: str

    @property
    def key(self) -> str:
        return payout_key(self.case.card, 1)

    @property
    def twice(self) -> PaidTwice:
        return PaidTwice(self.world.database, self.world.keyring)

    @property
    def claims(self) -> Rollbacks:
        return Rollbacks(self.world.database, self.world.keyring)

    @property
    def paying(self) -> Paying:
        return Paying(self.world, self.case.owner)

    async def pays_second(self) -> None:
        await self.case.payees.correct(self.case.owner, self.case.card, "13800000099", "王明")
        await self.case.pay(self.world, 2)

    async def said(self, said: PayoutOutcome = PayoutOutcome.PAID) -> None:
        stands = PayoutOutcome.REFUSED if said is PayoutOutcome.PAID else PayoutOutcome.PAID
        async with self.world.database.transaction() as session:
            session.add(ContradictionRow(key=self.key, said=said, stands=stands, heard=Heard.NOTICE))

    async def proposed(self) -> str:
        return await self.twice.propose(self.compliance, self.key, FOUND, self.world.photos)

    async def claimed(self) -> str:
        claim = await self.proposed()
        await self.claims.agree(self.finance, claim)
        return claim

    async def stands(self) -> tuple[int, int, int]:
        """What the seller owes, our cash at Alipay, and the inventory, minor units."""
        owes = await self.paying.balance(f"seller_receivable:{self.case.owner}")
        return owes, await self.paying.balance("cash:alipay"), await self.paying.balance("inventory")

    async def faults(self) -> list[str]:
        async with self.world.database.transaction() as session:
            words = [line for line in await WordsAgree().broken(session, Look(most=100_000)) if self.key in line]
            return words + [line for one in SOUND for line in await one.broken(session, Look(most=100_000))]


@pytest_asyncio.fixture(loop_scope="session")
async def scene(world: World) -> Doubled:
    await world.calm()
    with_claims(objection_days=0)
    case = await refused(world)
    return Doubled(world, case, await world.a_person("finance"), await world.a_person("compliance"))


async def test_the_second_payment_is_owed_offset_and_matched_and_the_alarm_ends(scene: Doubled) -> None:
    await scene.pays_second()
    await scene.said()
    before = await scene.stands()
    claim = await scene.proposed()
    assert any(scene.key in line for line in await scene.faults())
    with pytest.raises(OwnWork):
        await scene.claims.agree(scene.compliance, claim)
    assert await scene.stands() == before
    for _ in range(2):  # Pressed twice.
        await scene.claims.agree(scene.finance, claim)
    assert await scene.stands() == (PRICE, before[1] - PRICE, before[2])  # The card is worth what it was.
    async with scene.world.database.transaction() as session:
        await require_unclaimed(session, scene.case.card)
        assert [one for one in await attention.contradicted(session) if one.key == scene.key] == []
    (word,) = await scene.world.rows(ContradictionRow, key=scene.key)
    assert (word.cleared_by, word.cleared_reason) == (scene.finance, FOUND.words)
    news = await scene.world.rows(OutboxRow, destination=scene.case.owner, topic="claimed_back")
    assert [one.payload["state"] for one in news] == ["paid_twice"]
    assert await scene.faults() == []
    desk = FinanceDesk(scene.world)
    row = await desk.imported(desk.bill([desk.moved(scene.key, -PRICE)], ALIPAY))
    assert [one.state for one in await desk.lines(row)] == [LineState.AUTO]
    card, quote = await scene.paying.accepted()
    assert await scene.paying.prepare(card, quote) is None
    (order,) = await scene.world.rows(PayoutRow, key=payout_key(card, 1))
    assert order.offset_minor > 0
    async with scene.world.database.transaction() as session:
        left = await left_of(session, await session.get_one(RollbackRow, claim))
    assert left == PRICE - order.offset_minor
    assert await scene.faults() == []


async def test_nothing_is_claimed_that_is_no_second_payment(scene: Doubled) -> None:
    async def why() -> str:
        with pytest.raises(NotPaidTwice) as refused:
            await scene.proposed()
        return str(refused.value.data["why"])

    with pytest.raises(NotFound):
        await scene.proposed()  # Nobody contradicts the order.
    await scene.said()
    assert await why() == "paid_once"  # Our books owe it still: it was paid by this order alone.
    await scene.pays_second()
    for wrong in (Twice(" ", FOUND.evidence), Twice("Paid twice.", None)):
        with pytest.raises(FieldInvalid):
            await scene.twice.propose(scene.compliance, scene.key, wrong, scene.world.photos)
    with pytest.raises(NotAllowed):
        await scene.twice.propose(await scene.world.a_person("support"), scene.key, FOUND, scene.world.photos)
    given = Finding(RollbackKind.PAID_TWICE, FOUND.words, FOUND.evidence)
    with pytest.raises(FieldInvalid):
        await scene.claims.propose(scene.compliance, scene.case.card, given, scene.world.photos)
    async with scene.world.database.transaction() as session:
        row = await session.get_one(PayoutRow, scene.key)
        code, row.refusal_code = row.refusal_code, RETURNED
    assert await why() == "not_contradicted"
    async with scene.world.database.transaction() as session:
        (await session.get_one(PayoutRow, scene.key)).refusal_code = code
    desk = FinanceDesk(scene.world)
    (line,) = await desk.lines(await desk.imported(desk.bill([desk.moved(scene.key, -PRICE)], ALIPAY)))
    claim = await scene.proposed()
    async with scene.world.database.transaction() as session:
        (await session.merge(line)).state = LineState.MANUAL  # A colleague explains it meanwhile.
    with pytest.raises(NotPaidTwice):
        await scene.claims.agree(scene.finance, claim)
    async with scene.world.database.transaction() as session:
        (await session.merge(line)).state = LineState.OPEN
    with pytest.raises(NotClaimable):
        await scene.proposed()  # One claim stands at a time.
    await scene.claims.decline(scene.finance, claim)
    assert any(scene.key in one for one in await scene.faults())  # Nothing came of it: the alarm goes on.


async def test_a_claim_of_a_second_payment_that_was_none_is_dropped_with_its_posting(scene: Doubled) -> None:
    await scene.pays_second()
    await scene.said()
    before = await scene.stands()
    claim = await scene.claimed()
    new = NewTicket(TicketCategory.OTHER, "Claim", "I was paid once.", (scene.case.card,))
    opening = Opening(SupportDesk(scene.world.database, scene.world.keyring, scene.world.photos))
    ticket = await opening.open(scene.case.owner, new, TicketChannel.WEB)
    await scene.claims.object(scene.case.owner, claim, ticket)
    await scene.claims.drop(scene.finance, claim)
    assert await scene.stands() == before
    await FinanceDesk(scene.world).matching.run(ALIPAY)
    expected = await scene.world.rows(ExpectationRow, key=scene.key)
    assert len(expected) == 2
    assert all(one.cancelled_by is not None for one in expected)
    assert await scene.faults() == []


async def test_the_card_itself_may_be_claimed_beside_the_second_payment(scene: Doubled) -> None:
    await scene.pays_second()
    await scene.said()
    await scene.claimed()
    inventory = (await scene.stands())[2]
    used = await scene.claims.propose(scene.compliance, scene.case.card, USED, scene.world.photos)
    await scene.claims.agree(scene.finance, used)
    owes, _, stock = await scene.stands()
    assert (owes, stock) == (2 * PRICE, inventory - PRICE)
    states = {one.kind: one.state for one in await scene.world.rows(RollbackRow, card_id=scene.case.card)}
    assert states == {RollbackKind.PAID_TWICE: RollbackState.CLAIMED, RollbackKind.USED: RollbackState.CLAIMED}
    assert await scene.faults() == []
