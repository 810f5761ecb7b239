"""A part of a payment that came back is booked by two people, owed again, and paid again; all of it in parts is the whole return."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import text

from database.reads.finance import attention, wallet
from database.reads.finance import tax as tax_reads
from database.reads.finance.order import order as order_page
from database.reads.finance.paybacks import OwedFor
from database.reads.policies import recent_money
from database.repositories import ledger
from database.tables.columns import now
from database.tables.evidence import LeafRow
from database.tables.finance.rails import ReturnRow
from database.tables.finance.tax import TaxWithholdingRow
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow
from database.tables.platform import OutboxRow
from database.tables.support.goodwill import GoodwillOrderRow
from domain.cards.card import Outcome, WaitingFor
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.returns import CameBackLess, NothingCameBack, PartReturnOver, PartReturnWaits
from domain.errors.work import OwnWork
from domain.finance.breaks import BreakState
from domain.finance.payout import RETURNED, PayoutState
from domain.finance.statements import LineState
from domain.identifiers import goodwill_key, payout_key
from domain.money import Money
from domain.notices.kinds import NoticeKind
from domain.places import business_day
from domain.support.goodwill import GoodwillState
from services.finance.goodwill_orders import returned
from services.finance.part_returns import CameBack
from services.finance.payees import Payees
from services.finance.returned import Found
from services.notices.digest_text import page_of
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill
from tests.builders.own_world import own_world
from tests.builders.parting import LETTER, PRICE, Parting, faults_of
from tests.builders.reconciling import ALIPAY, FinanceDesk
from tests.builders.tax_rules import a_row, in_force
from tests.builders.world import World

world = own_world("part_returns")
NET, PART = 372_00, 300_00  # A fifth of the price is withheld in these tests.
REST = NET - PART


@pytest_asyncio.fixture(loop_scope="session")
async def scene(world: World) -> Parting:
    in_force("tax-none", a_row("all", cost="nothing"))
    return await Parting.begun(world)


async def test_a_part_is_owed_again_net_and_paid_again_while_the_order_stays_paid(scene: Parting) -> None:
    assert await scene.said(PART) is Found.AMOUNT_DIFFERS
    assert await scene.moved() == (0, 0, 0)
    part = await scene.booked(PART)
    await scene.parts.agree(scene.two, part)  # Pressed twice.
    assert await scene.moved() == (PART, PART, 0)
    assert (await scene.order()).state is PayoutState.PAID
    assert (await scene.world.card(scene.card)).outcome is Outcome.PAID
    (tax,) = await scene.world.rows(TaxWithholdingRow, key=scene.key)
    assert tax.given_back_at is None
    assert await scene.faults() == []
    mine = await scene.seen()
    assert (mine.owed, mine.on_the_way, mine.paid) == (Money(PART), Money(0), Money(REST))
    assert [(one.card_id, one.amount, one.payback) for one in mine.waiting] == [(scene.card, Money(PART), OwedFor.PART)]
    assert [(one.key, one.amount, one.returned) for one in mine.payments] == [
        (scene.key, Money(NET), Money(PART))
    ]  # fmt: skip
    (news,) = await scene.world.rows(OutboxRow, destination=scene.case.owner, topic="part_came_back")
    assert news.payload["amount"] == str(Money(PART))
    again = await scene.paid_again(part)
    async with scene.world.database.transaction() as session:
        gifts = await recent_money.goodwill(session, now() - timedelta(days=1))
    assert scene.case.owner not in [one.owner for one in gifts]  # It is owed, and counts against no limit of gifts.
    acts = {one.act for one in await scene.world.rows(AuditRow) if part in (one.facts or {}).values()}
    assert acts == {"console:payout:book_part", "console:payout:agree_part"}
    given = (await scene.payment(part)).id
    acts = {one.act for one in await scene.world.rows(AuditRow, subject=given)}
    assert acts == {"console:owed:proposed", "console:owed:agreed"}
    (notice,) = await scene.world.rows(NoticeRow, person_id=scene.two, kind=NoticeKind.GOODWILL)
    assert page_of(notice) == f"/payouts/{again}"  # It has no ticket.
    assert await scene.moved() == (0, 0, 0)
    mine = await scene.seen()
    assert (mine.owed, mine.paid, mine.waiting) == (Money(0), Money(NET), ())
    assert {(one.key, one.payback, one.state) for one in mine.payments} == {
        (scene.key, None, PayoutState.PAID), (again, OwedFor.PART, PayoutState.PAID),
    }  # fmt: skip
    assert await scene.faults() == []


async def test_the_month_has_the_part_and_its_payment_and_the_tax_report_stays_as_it_was(scene: Parting) -> None:
    day = business_day(now())

    async def reported() -> list[object]:
        async with scene.world.database.transaction() as session:
            return [one async for one in tax_reads.lines(session, day, day, scene.case.owner)]

    before = await reported()
    await scene.said(PART)
    await scene.paid_again(await scene.booked(PART))
    assert await reported() == before
    async with scene.world.database.transaction() as session:
        found = await wallet.statement(session, scene.case.owner, f"{day:%Y-%m}")
    steps = {one.what: (one.amount, one.card_id) for one in found.lines if "part" in one.what or "payback" in one.what}
    assert steps == {
        "payout_returned_in_part": (Money(PART), scene.card), "payback_prepared": (Money(-PART), scene.card),
    }  # fmt: skip
    assert found.after == Money(0)


async def test_only_what_came_back_is_booked_and_by_two_people(scene: Parting) -> None:
    said = CameBack(Money(PART), "The bill shows it.", LETTER)
    with pytest.raises(NotFound):  # The provider says nothing yet.
        await scene.proposed(PART)
    await scene.said(PART)
    with pytest.raises(CameBackLess) as less:
        await scene.proposed(PART + 1)
    assert less.value.data == {"there": str(Money(PART))}
    with pytest.raises(NotAllowed):
        await scene.parts.propose(await scene.world.a_person("support"), scene.key, said, scene.world.photos)
    for wrong in (CameBack(Money(0), "x", LETTER), CameBack(Money(PART), " ", LETTER), CameBack(Money(PART), "x")):
        with pytest.raises(FieldInvalid):
            await scene.parts.propose(scene.one, scene.key, wrong, scene.world.photos)
    with pytest.raises(NotFound):
        await scene.parts.propose(scene.one, goodwill_key(scene.card), said, scene.world.photos)
    part = await scene.proposed(100_00)
    with pytest.raises(PartReturnWaits):
        await scene.proposed(100_00)
    with pytest.raises(PartReturnWaits):
        await scene.parts.dismiss(scene.one, scene.key, "It did not come back.")
    with pytest.raises(OwnWork):
        await scene.parts.agree(scene.one, part)
    with pytest.raises(PartReturnOver):
        await scene.parts.pay_again(scene.two, part)
    assert await scene.moved() == (0, 0, 0)
    await scene.parts.decline(scene.two, part)
    with pytest.raises(PartReturnOver):
        await scene.parts.agree(scene.two, part)
    await scene.booked(200_00)
    with pytest.raises(CameBackLess) as less:
        await scene.proposed(PART - 200_00 + 1)
    assert less.value.data == {"there": str(Money(100_00))}
    assert await scene.moved() == (200_00, 200_00, 0)


async def test_a_wrong_claim_is_dismissed_with_a_reason_until_the_provider_says_another_amount(scene: Parting) -> None:
    async def open_ones() -> tuple[int, bool]:
        async with scene.world.database.transaction() as session:
            shown = (await order_page(session, scene.key)).came_back is not None
            return (await attention.to_do(session)).returned_in_part, shown

    before, _ = await open_ones()
    await scene.said(PART)
    assert await open_ones() == (before + 1, True)
    with pytest.raises(NotAllowed):
        await scene.parts.dismiss(await scene.world.a_person("support"), scene.key, "No.")
    with pytest.raises(FieldInvalid):
        await scene.parts.dismiss(scene.one, scene.key, " ")
    await scene.parts.dismiss(scene.one, scene.key, "The bill has no such line.")
    await scene.said(PART)
    assert await open_ones() == (before, False)
    with pytest.raises(NothingCameBack):
        await scene.proposed(PART)
    (claim,) = await scene.world.rows(ReturnRow, key=scene.key)
    assert (claim.dismissed_by, claim.dismissed_reason) == (scene.one, "The bill has no such line.")
    await scene.said(PART - 1)
    assert await open_ones() == (before + 1, True)
    await scene.booked(PART - 1)
    assert await open_ones() == (before, False)


async def test_parts_that_reach_the_amount_are_the_whole_return(scene: Parting) -> None:
    await scene.said(PART)
    first = await scene.booked(PART)
    proposed = await scene.payment(first)
    assert proposed.state is GoodwillState.PROPOSED
    async with scene.world.database.transaction() as session:  # The second part, as the statement has it.
        row = await session.get_one(ReturnRow, scene.key)
        row.confirmed_minor = NET
    await scene.booked(REST)
    order = await scene.order()
    assert (order.state, order.refusal_code) == (PayoutState.REFUSED, RETURNED)
    assert await scene.moved() == (PRICE, NET, PRICE - NET)  # Owed in full: the tax goes with the next payment.
    assert (await scene.payment(first)).state is GoodwillState.WITHDRAWN
    card = await scene.world.card(scene.card)
    assert (card.outcome, card.waiting_for) == (None, WaitingFor.SELLER_PAYEE)
    assert await scene.faults() == []
    with pytest.raises(PartReturnOver):
        await scene.parts.pay_again(scene.two, first)
    payees = Payees(scene.world.database, scene.world.keyring)
    await payees.correct(scene.case.owner, scene.card, "13900009999", "王芳")
    key = payout_key(scene.card, 2)
    assert await scene.case.prepare(scene.card, order.quote_id or "", 2) is None
    await scene.world.payout.send(key)
    await scene.world.payout.conclude(key)
    assert await scene.moved() == (0, 0, 0)
    assert (await scene.world.card(scene.card)).outcome is Outcome.PAID
    assert await scene.faults() == []


async def test_the_last_part_of_a_payment_of_which_another_was_paid_again_is_paid_again_alone(scene: Parting) -> None:
    await scene.said(PART)
    await scene.paid_again(await scene.booked(PART))
    assert await scene.said(NET) is Found.AMOUNT_DIFFERS  # All of it came back now, and a part was paid again.
    last = await scene.booked(REST)
    assert (await scene.order()).state is PayoutState.PAID
    assert await scene.moved() == (REST, REST, 0)
    await scene.paid_again(last)
    assert await scene.moved() == (0, 0, 0)
    assert (await scene.world.card(scene.card)).outcome is Outcome.PAID
    assert await scene.faults() == []


async def test_the_whole_return_that_a_provider_reports_after_a_part_books_the_rest(scene: Parting) -> None:
    await scene.said(PART)
    part = await scene.booked(PART)
    assert await scene.said(NET) is Found.BOOKED
    assert await scene.moved() == (PRICE, NET, PRICE - NET)
    assert (await scene.payment(part)).state is GoodwillState.WITHDRAWN
    async with scene.world.database.transaction() as session:
        posted = [await ledger.postings_of(session, f"{scene.key}:{step}") for step in (f"part:{part}", "returned")]
    assert [sorted(minor for _, minor, _ in lines) for lines in posted] == [[-PART, PART], [-REST, REST]]
    assert await scene.faults() == []


async def test_a_payment_of_a_part_that_fails_is_proposed_again_once(scene: Parting) -> None:
    async def owed() -> int:
        async with scene.world.database.transaction() as session:
            return (await attention.to_do(session)).parts_owed

    before = await owed()
    await scene.said(PART)
    part = await scene.booked(PART)
    goodwill = Goodwill(SupportDesk(scene.world.database, scene.world.keyring, scene.world.photos))
    with pytest.raises(OwnWork):  # Who booked it proposed to pay it.
        await goodwill.agree(scene.two, (await scene.payment(part)).id)
    await goodwill.decline(scene.one, (await scene.payment(part)).id)
    assert await owed() == before + 1
    for _ in range(2):
        await scene.parts.pay_again(scene.two, part)
    assert await owed() == before
    key = await scene.agreed(part)
    await scene.world.payout.send(key)
    await scene.world.payout.conclude(key)
    async with scene.world.database.transaction() as session:
        assert await returned(session, key, Money(PART), "R2", now()) is Found.BOOKED
    assert await scene.moved() == (PART, PART, 0)
    assert await owed() == before + 1
    await scene.parts.pay_again(scene.one, part)
    assert (await scene.payment(part)).id != key
    assert len(await scene.world.rows(GoodwillOrderRow, key=key)) == 1
    assert await scene.faults() == []


async def test_a_line_of_a_part_is_kept_for_people_and_matched_with_what_they_book(scene: Parting) -> None:
    desk = FinanceDesk(scene.world)
    first, second = PART - 100_00, 100_00
    moved = [desk.moved(scene.key, -NET)] + [desk.moved(scene.key, minor, kind="退款") for minor in (first, second)]
    row = await desk.imported(desk.bill(moved, ALIPAY))
    assert [one.state for one in await desk.lines(row)] == [LineState.AUTO, LineState.OPEN, LineState.OPEN]
    (claim,) = await scene.world.rows(ReturnRow, key=scene.key)
    assert (claim.confirmed_minor, claim.returned_at) == (PART, None)
    await scene.booked(first)
    await desk.matching.run(ALIPAY)
    assert [one.state for one in await desk.lines(row)] == [LineState.AUTO, LineState.AUTO, LineState.OPEN]
    (claim,) = await scene.world.rows(ReturnRow, key=scene.key)
    assert claim.confirmed_minor == PART
    await scene.booked(second)
    await desk.matching.run(ALIPAY)
    assert {one.state for one in await desk.lines(row)} == {LineState.AUTO}
    assert {one.state for one in await desk.breaks_of(row)} <= {BreakState.CLOSED}


PLANTED = {
    "I2 a part was booked that was not posted": "UPDATE part_return SET amount_minor = amount_minor - 1 WHERE id = :part",
    "I3 a paid card is owed what no part explains": "UPDATE part_return SET agreed_at = NULL WHERE id = :part",
    "I4 more came back than was paid": "UPDATE payout SET amount_minor = 1 WHERE key = :key",
    "I4 a part is paid again by another amount": "UPDATE goodwill SET amount_minor = amount_minor + 1 WHERE part_id = :part",
    "I4 a part is paid again of an order that is not paid": "UPDATE payout SET state = 'refused' WHERE key = :key",
    "I8 one person booked it": "UPDATE part_return SET agreed_by = proposed_by WHERE id = :part",
}
WORDS = {
    "I2": "left", "I3": "ended as paid with", "I4 more": "came back in parts", "I4 a part is paid again by": "again for a part",
    "I4 a part is paid again of": "came back whole", "I8": "booked as returned by",
}  # fmt: skip


class NotKept(Exception):
    """What was planted is rolled back."""


@pytest.mark.parametrize("fault", PLANTED)
async def test_the_invariants_find_a_planted_fault_of_a_part(scene: Parting, fault: str) -> None:
    await scene.said(PART)
    part = await scene.booked(PART)
    sound, found = await scene.faults(), []
    given = {name: value for name, value in {"part": part, "key": scene.key}.items() if f":{name}" in PLANTED[fault]}
    with suppress(NotKept):
        async with scene.world.database.transaction() as session:
            await session.execute(text(PLANTED[fault]), given)
            found = await faults_of(session)
            raise NotKept
    words = next(words for start, words in WORDS.items() if fault.startswith(start))
    assert sound == []
    assert any(words in line for line in found), found


async def test_the_story_of_the_card_and_its_evidence_have_the_part(scene: Parting) -> None:
    await scene.said(PART)
    await scene.booked(PART)
    leaves = await scene.world.rows(LeafRow, card_id=scene.card)
    assert "payout.returned_in_part" in {one.what for one in leaves}
