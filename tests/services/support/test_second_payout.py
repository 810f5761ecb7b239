"""A refused payment gets a second attempt: asked for in a ticket, entered by the seller, agreed to by finance, paid again."""

from __future__ import annotations

import pytest

from database.tables.finance.payout import PayeeCorrectionRow
from database.tables.notices import NoticeRow
from database.tables.support.payee_requests import PayeeRequestRow
from domain.errors.cards import NotExpectedNow
from domain.errors.finance import CorrectionWaits
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.finance.payout import PayoutOutcome
from domain.support.second_payout import PayeeRequestState
from services.support.desk import SupportDesk
from services.support.second_payout import SecondPayouts
from tests.builders.escalating import Escalating, a_held_ticket
from tests.builders.owing import ACCOUNT, NAME, Refused, refused
from tests.builders.world import World


async def owed(world: World) -> tuple[Escalating, Refused, SecondPayouts]:
    """A held ticket about a card whose payee was refused."""
    case = await refused(world)
    scene = Escalating(world, case.owner, case.card)
    await scene.open()
    return scene, case, SecondPayouts(SupportDesk(world.database, world.keyring, world.photos, scene.clock))


async def the_request(world: World, request_id: str) -> PayeeRequestRow:
    (row,) = await world.rows(PayeeRequestRow, id=request_id)
    assert isinstance(row, PayeeRequestRow)
    return row


async def test_finance_agrees_to_the_sellers_payee_and_the_card_is_paid_again(world: World) -> None:
    scene, case, second = await owed(world)
    asked = await second.ask(scene.agent, scene.ticket_id, case.card, "seller_wrote")
    correction = await case.payees.correct(case.owner, case.card, ACCOUNT, NAME)
    assert (await the_request(world, asked)).state is PayeeRequestState.SUPPLIED
    assert [one for one in await case.payees.untold(1000) if one.card_id == case.card] == []
    assert await second.carry(1000) == 0
    await case.payees.agree(await world.a_person("finance"), case.card, correction)
    while await second.carry(100):
        pass
    assert (await the_request(world, asked)).state is PayeeRequestState.AGREED
    assert (await scene.found()).events[-1].what == "payee_agreed"
    assert len(await world.rows(NoticeRow, person_id=scene.agent, kind="answered_inside")) == 1
    assert (await case.pay(world, 2)).outcome is PayoutOutcome.PAID


async def test_requesting_agent_cannot_approve(world: World) -> None:
    scene, case, second = await owed(world)
    scene.agent = both = await world.a_person("support_lead", "finance")
    await scene.desk.tasks.take_over(both, f"ticket:{scene.ticket_id}:ticket:1", "urgent")
    await second.ask(both, scene.ticket_id, case.card, "seller_wrote")
    correction = await case.payees.correct(case.owner, case.card, ACCOUNT, NAME)
    with pytest.raises(OwnWork):
        await case.payees.agree(both, case.card, correction)
    with pytest.raises(NotAllowed):
        await case.payees.agree(await world.a_person("support"), case.card, correction)
    (row,) = await world.rows(PayeeCorrectionRow, id=correction)
    assert row.applied_at is None


async def test_a_refused_payee_flows_back_and_can_be_asked_for_again(world: World) -> None:
    scene, case, second = await owed(world)
    asked = await second.ask(scene.agent, scene.ticket_id, case.card, "seller_wrote")
    with pytest.raises(CorrectionWaits):
        await second.ask(scene.agent, scene.ticket_id, case.card, "seller_wrote")
    correction = await case.payees.correct(case.owner, case.card, ACCOUNT, NAME)
    await case.payees.refuse(await world.a_person("finance"), case.card, correction)
    while await second.carry(100):
        pass
    assert (await the_request(world, asked)).state is PayeeRequestState.REFUSED
    await second.ask(scene.agent, scene.ticket_id, case.card, "seller_wrote")


async def test_without_a_request_the_sellers_payee_counts_at_once(world: World) -> None:
    _, case, _ = await owed(world)
    correction = await case.payees.correct(case.owner, case.card, ACCOUNT, NAME)
    assert [one.correction_id for one in await case.payees.untold(1000) if one.card_id == case.card] == [correction]


async def test_a_card_that_waits_for_no_payee_gets_no_second_payment(world: World) -> None:
    scene = await a_held_ticket(world)
    with pytest.raises(NotExpectedNow):
        await SecondPayouts(SupportDesk(world.database, world.keyring, world.photos)).ask(
            scene.agent, scene.ticket_id, scene.card_id, "seller_wrote"
        )
