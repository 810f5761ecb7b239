"""Acts on a ticket at the desk are in its history: assigned, snoozed, woken, taken over, also many at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from database.tables.evidence import LeafRow
from database.tables.work import ReasonCodeRow
from domain import identifiers
from domain.identifiers import new_id, ticket_task
from domain.work.reason_codes import ReasonedAct
from languages import LOCALES
from reviewer_ui.support.ticket_history import history_line
from services.work.bulk import Bulk
from tests.builders.ticket_desk import TicketScene
from tests.builders.world import World


@pytest.fixture
async def scene(world: World) -> TicketScene:
    owner = await world.a_seller()
    return TicketScene(world, owner, await world.a_card(owner=owner))


async def reason(scene: TicketScene, act: ReasonedAct) -> str:
    codes: list[str] = [row.code for row in await scene.world.rows(ReasonCodeRow, act=act.value) if row.active]
    return codes[0]


async def test_every_act_at_the_desk_is_in_the_tickets_history(scene: TicketScene) -> None:
    ticket_id, agent, lead = await scene.opened("Money"), await scene.agent(), await scene.agent("support_lead")
    task, acts = ticket_task(ticket_id), scene.work.tasks
    await acts.assign(lead, task, agent)
    await acts.snooze(agent, task, scene.clock() + timedelta(hours=1), await reason(scene, ReasonedAct.SNOOZE))
    await acts.wake(agent, task)
    await acts.take_over(lead, task, await reason(scene, ReasonedAct.TAKE_OVER))
    assert (await scene.history(ticket_id))[-4:] == ["assigned", "snoozed", "woken", "taken_over"]
    events = (await scene.read(ticket_id)).events[-4:]
    assert [one.actor for one in events] == [f"person:{who}" for who in (lead, agent, agent, lead)]
    said = [history_line(one, {agent: "Su", lead: "Lin"}, {}, "", locale).text for one in events for locale in LOCALES]
    assert not [one for one in said if one in ("assigned", "snoozed", "woken", "taken_over")]
    kept = [
        leaf.what
        for leaf in await scene.world.rows(LeafRow, what="ticket.taken_over")
        if leaf.body["ticket_id"] == ticket_id
    ]
    assert kept == ["ticket.taken_over"]


async def test_bulk_assignment_is_in_each_history(scene: TicketScene) -> None:
    tickets = [await scene.opened(f"Money {number}", about_card=False) for number in range(3)]
    lead, agent = await scene.agent("support_lead"), await scene.agent()
    bulk = Bulk(scene.world.database, scene.work.tasks)
    done = await bulk.assign(lead, [ticket_task(one) for one in tickets], agent)
    assert {one.code for one in (await bulk.batch(lead, done)).results} == {""}
    assert [(await scene.history(one))[-1] for one in tickets] == ["assigned"] * 3


@pytest.mark.parametrize(
    "task",
    [
        identifiers.review_task(new_id(), 1), identifiers.work_item(new_id(), "callback", 2), ticket_task(new_id()),
        identifiers.escalation_task(new_id(), "financeask"),
    ],
    ids=["review", "callback", "ticket", "question"],
)  # fmt: skip
async def test_bulk_actions_accept_items_of_every_kind(scene: TicketScene, task: str) -> None:
    bulk, lead = Bulk(scene.world.database, scene.work.tasks), await scene.agent("support_lead")
    done = await bulk.release(lead, [task])
    assert len((await bulk.batch(lead, done)).results) == 1
