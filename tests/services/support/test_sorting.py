"""Type and topic of a ticket can change; each change is in its history, and its followers are notified."""

from __future__ import annotations

import pytest

from database.tables.notices import NoticeRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.work import ReasonUnknown, SecretInWords, TaskHeldByAnother
from domain.notices.kinds import NoticeKind
from domain.support.tickets import TicketCategory
from domain.work.task import Priority
from services.support.sorting import Sorted
from tests.builders.ticket_desk import TicketScene, a_ticket_scene
from tests.builders.world import World


@pytest.fixture
async def scene(world: World) -> TicketScene:
    return await a_ticket_scene(world)


async def test_only_real_changes_are_in_the_history(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened()
    to = Sorted(TicketCategory.ACCOUNT, "sign_in", Priority.HIGH, "en")
    await scene.desk.sorting.change(agent, ticket_id, to)
    await scene.desk.sorting.change(agent, ticket_id, to)
    found = await scene.read(ticket_id)
    changed = ["category_changed", "cause_changed", "priority_changed", "language_changed"]
    assert sorted(one.what for one in found.events if one.what.endswith("_changed")) == sorted(changed)
    assert (found.task.reasons, found.task.language, found.task.priority) == (["account"], "en", Priority.HIGH)
    await scene.desk.sorting.change(agent, ticket_id, Sorted(cause=""))
    assert (await scene.read(ticket_id)).ticket.cause == ""


async def test_unlisted_values_and_colleagues_tickets_are_refused(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened()
    with pytest.raises(ReasonUnknown):
        await scene.desk.sorting.change(agent, ticket_id, Sorted(cause="nothing"))
    with pytest.raises(FieldInvalid):
        await scene.desk.sorting.change(agent, ticket_id, Sorted(language="tlh"))
    await scene.held(await scene.agent(), ticket_id)
    with pytest.raises(TaskHeldByAnother):
        await scene.desk.sorting.change(agent, ticket_id, Sorted(priority=Priority.HIGH))


async def test_followers_are_notified_until_they_unfollow(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened()
    for _ in range(2):
        await scene.desk.sorting.follow(agent, ticket_id, on=True)
    await scene.hears(ticket_id)
    await scene.replied(agent, ticket_id)  # Their own act.
    await scene.desk.sorting.follow(agent, ticket_id, on=False)
    await scene.hears(ticket_id, "Still not here.")
    notified = await scene.world.rows(NoticeRow, person_id=agent, kind=NoticeKind.TICKET)
    assert [one.facts["news_of_ticket"] for one in notified] == ["customer_wrote"]
    assert [one for one in await scene.history(ticket_id) if "follow" in one] == ["followed", "unfollowed"]


async def test_cards_of_the_customer_are_linked_and_no_others(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened(about_card=False)
    for _ in range(2):
        await scene.desk.linking.card(agent, ticket_id, scene.card_id)
    assert [one.subject for one in (await scene.read(ticket_id)).links] == [scene.card_id]
    other = await scene.world.a_card()
    with pytest.raises(NotFound):
        await scene.desk.linking.card(agent, ticket_id, other)
    await scene.desk.linking.remove(agent, ticket_id, scene.card_id)
    assert (await scene.read(ticket_id)).links == ()


async def test_a_note_holds_no_secret_of_the_tickets_cards(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened()
    with pytest.raises(SecretInWords):
        await scene.desk.notes.add(agent, ticket_id, "they say 6222 0212 3456 7890 123")
    await scene.desk.notes.add(agent, ticket_id, "they call back at six")
    assert len((await scene.read(ticket_id)).said) == 1


async def test_escalated_ticket_goes_to_the_leads(scene: TicketScene) -> None:
    agent, lead, ticket_id = await scene.agent(), await scene.agent("support_lead"), await scene.opened()
    await scene.held(agent, ticket_id)
    await scene.desk.escalation_to_leads.escalate(agent, ticket_id, "unsure")
    assert (await scene.read(ticket_id)).task.leased_by is None
    assert "escalated" in await scene.history(ticket_id)
    await scene.held(lead, ticket_id)
