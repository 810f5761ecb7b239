"""A ticket is handed over by consent: it stays with who offers it until it is accepted, and an offer expires."""

from __future__ import annotations

import pytest

from database.tables.notices import NoticeRow
from database.tables.people import PersonRow
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.support import HandOverEnded, HandOverOpen
from domain.errors.work import TaskNotHeld
from domain.notices.kinds import NoticeKind
from domain.places import business_day
from domain.rules.tickets import tickets_in_force
from services.support.conversation import AfterReply, Reply
from tests.builders.ticket_desk import TicketScene, a_ticket_scene
from tests.builders.world import World


@pytest.fixture
async def scene(world: World) -> TicketScene:
    return await a_ticket_scene(world)


async def news(scene: TicketScene, person: str) -> list[str]:
    rows = await scene.world.rows(NoticeRow, person_id=person, kind=NoticeKind.HAND_OVER)
    return [str(one.facts["news_of_ticket"]) for one in rows]


async def test_offered_ticket_stays_with_its_agent_until_accepted(scene: TicketScene) -> None:
    giver, receiver, ticket_id = await scene.agent(), await scene.agent(), await scene.opened()
    await scene.held(giver, ticket_id)
    offer = await scene.desk.handing.offer(giver, ticket_id, receiver, "knows_better", "they sold before")
    found = await scene.read(ticket_id)
    assert found.task.assigned_to == giver
    offered = next(event for event in found.events if event.what == "hand_over_offered")
    assert offered.facts["policy"] == tickets_in_force(business_day(offered.at)).version
    with pytest.raises(HandOverOpen):
        await scene.desk.handing.offer(giver, ticket_id, receiver, "knows_better")
    await scene.desk.handing.accept(receiver, offer)
    task = (await scene.read(ticket_id)).task
    assert (task.leased_by, task.assigned_to) == (receiver, receiver)
    assert (await news(scene, receiver), await news(scene, giver)) == (["hand_over_offered"], ["hand_over_accepted"])
    with pytest.raises(HandOverEnded):
        await scene.desk.handing.accept(receiver, offer)


async def test_only_the_asked_agent_accepts_or_declines_with_a_reason(scene: TicketScene) -> None:
    giver, receiver, ticket_id = await scene.agent(), await scene.agent(), await scene.opened()
    with pytest.raises(TaskNotHeld):
        await scene.desk.handing.offer(giver, ticket_id, receiver, "shift_ends")
    await scene.held(giver, ticket_id)
    offer = await scene.desk.handing.offer(giver, ticket_id, receiver, "shift_ends")
    for other in (giver, await scene.agent()):
        with pytest.raises(NotAllowed):
            await scene.desk.handing.accept(other, offer)
    with pytest.raises(FieldInvalid):
        await scene.desk.handing.decline(receiver, offer, "  ")
    await scene.desk.handing.decline(receiver, offer, "I leave in five minutes")
    assert (await scene.read(ticket_id)).task.assigned_to == giver
    assert await news(scene, giver) == ["hand_over_declined"]


async def test_unaccepted_offer_expires_and_the_ticket_stays(scene: TicketScene) -> None:
    giver, receiver, ticket_id = await scene.agent(), await scene.agent(), await scene.opened()
    await scene.held(giver, ticket_id)
    offer = await scene.desk.handing.offer(giver, ticket_id, receiver, "shift_ends")
    assert not await scene.expire(ticket_id)
    scene.clock.passes(minutes=31)
    with pytest.raises(HandOverEnded):
        await scene.desk.handing.accept(receiver, offer)
    assert (await scene.expire(ticket_id), await scene.expire(ticket_id)) == (True, False)
    assert (await scene.read(ticket_id)).task.assigned_to == giver
    assert (await news(scene, giver))[-1] == "hand_over_expired"
    assert (await scene.history(ticket_id))[-1] == "hand_over_expired"


async def test_expired_offer_blocks_no_new_one(scene: TicketScene) -> None:
    giver, ticket_id = await scene.agent(), await scene.opened()
    await scene.held(giver, ticket_id)
    await scene.desk.handing.offer(giver, ticket_id, await scene.agent(), "shift_ends")
    scene.clock.passes(minutes=31)
    await scene.held(giver, ticket_id)
    await scene.desk.handing.offer(giver, ticket_id, await scene.agent(), "shift_ends")
    assert (await news(scene, giver)) == ["hand_over_expired"]


async def test_the_offer_of_an_agent_who_left_the_company_returns_to_the_queue(scene: TicketScene) -> None:
    giver, ticket_id = await scene.agent(), await scene.opened()
    await scene.held(giver, ticket_id)
    await scene.desk.handing.offer(giver, ticket_id, await scene.agent(), "shift_ends")
    async with scene.world.database.transaction() as session:
        (await session.get_one(PersonRow, giver)).active = False
    scene.clock.passes(minutes=31)
    assert await scene.expire(ticket_id)
    assert (await scene.read(ticket_id)).task.assigned_to is None


async def test_only_leads_accept_offers_to_leads(scene: TicketScene) -> None:
    giver, lead, ticket_id = await scene.agent(), await scene.agent("support_lead"), await scene.opened()
    await scene.held(giver, ticket_id)
    offer = await scene.desk.handing.offer(giver, ticket_id, None, "decision_needed")
    with pytest.raises(NotAllowed):
        await scene.desk.handing.accept(await scene.agent(), offer)
    await scene.desk.handing.accept(lead, offer)
    assert (await scene.read(ticket_id)).task.leased_by == lead


async def test_an_offer_is_withdrawn_and_ends_with_its_ticket(scene: TicketScene) -> None:
    giver, receiver, ticket_id = await scene.agent(), await scene.agent(), await scene.opened()
    await scene.held(giver, ticket_id)
    await scene.desk.handing.withdraw(giver, await scene.desk.handing.offer(giver, ticket_id, receiver, "other"))
    offer = await scene.desk.handing.offer(giver, ticket_id, receiver, "other")
    await scene.desk.conversation.reply(giver, ticket_id, Reply("Done.", AfterReply.SOLVE, "explained"))
    with pytest.raises(HandOverEnded):
        await scene.desk.handing.accept(receiver, offer)
    assert await scene.expire(ticket_id)


@pytest.mark.parametrize("receiver", ["themselves", "reviewer", "nobody"])
async def test_a_ticket_is_offered_to_agents_alone(scene: TicketScene, receiver: str) -> None:
    giver, ticket_id = await scene.agent(), await scene.opened()
    await scene.held(giver, ticket_id)
    to = {"themselves": giver, "reviewer": await scene.world.a_person("reviewer"), "nobody": "NOBODY"}[receiver]
    with pytest.raises(FieldInvalid):
        await scene.desk.handing.offer(giver, ticket_id, to, "other")
