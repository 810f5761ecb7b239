"""A macro does all of its acts or none, exactly as its preview said, and once."""

from __future__ import annotations

import pytest

from database.tables.support.tickets import TicketEventRow
from database.tables.work import CommentRow
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.support import ChangedMeanwhile, VariablesMissing
from domain.errors.work import ReasonUnknown, TaskHeldByAnother, TaskNotHeld
from domain.support.macros import MacroSteps
from domain.support.tickets import TicketCategory, TicketState
from domain.work.task import Priority
from services.support.templates import TemplateWords
from tests.builders.ticket_desk import TicketScene, a_ticket_scene, task_of
from tests.builders.world import World


@pytest.fixture
async def scene(world: World) -> TicketScene:
    return await a_ticket_scene(world)


async def a_macro(scene: TicketScene, **steps: str) -> str:
    lead = await scene.agent("support_lead")
    return await scene.desk.macros.save(lead, "", "One", MacroSteps(**steps))


async def a_template(scene: TicketScene, chinese: str = "请补照片，{ticket}") -> str:
    lead = await scene.agent("support_lead")
    return await scene.desk.templates.save(lead, "", TemplateWords("Photo", chinese, "Another photo, please"))


async def run(scene: TicketScene, agent: str, ticket_id: str, macro: str) -> None:
    seen = (await scene.read(ticket_id)).ticket.revision
    await scene.desk.macros.run(agent, ticket_id, macro, revision=1, ticket_revision=seen)


async def test_a_preview_changes_nothing_and_the_macro_does_what_it_showed(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened()
    macro = await a_macro(
        scene, category="card_rejected", cause="photo_unclear", priority="high", template_id=await a_template(scene),
        after="wait", note="asked for a photo",
    )  # fmt: skip
    await scene.held(agent, ticket_id)
    before = await scene.read(ticket_id)
    shown = await scene.desk.macros.preview(agent, ticket_id, macro)
    after = await scene.read(ticket_id)
    assert (shown.reply, shown.refusal) == (f"请补照片，{ticket_id[-6:]}", None)
    assert (after.ticket.revision, len(after.said), len(after.events)) == (
        before.ticket.revision, 1, len(before.events),
    )  # fmt: skip
    await run(scene, agent, ticket_id, macro)
    done = await scene.read(ticket_id)
    assert (done.ticket.category, done.ticket.cause) == (TicketCategory.CARD_REJECTED, "photo_unclear")
    assert (done.ticket.state, done.task.priority) == (TicketState.WAITING_CUSTOMER, Priority.HIGH)
    assert done.said[-1].words == shown.reply
    assert [one.words for one in await scene.world.rows(CommentRow, task_id=task_of(ticket_id))] == [
        "asked for a photo"
    ]


async def test_a_macro_sent_twice_is_done_once(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened()
    macro, seen = await a_macro(scene, note="looked at it"), (await scene.read(ticket_id)).ticket.revision
    await scene.held(agent, ticket_id)
    await scene.desk.macros.run(agent, ticket_id, macro, revision=1, ticket_revision=seen)
    with pytest.raises(ChangedMeanwhile):
        await scene.desk.macros.run(agent, ticket_id, macro, revision=1, ticket_revision=seen)
    assert len(await scene.world.rows(CommentRow, task_id=task_of(ticket_id))) == 1


async def test_macro_is_rolled_back_when_one_step_fails(scene: TicketScene) -> None:
    agent, ticket_id = await scene.agent(), await scene.opened(about_card=False)
    macro = await a_macro(scene, priority="high", note="n", template_id=await a_template(scene, "{card}"))
    await scene.held(agent, ticket_id)
    assert isinstance((await scene.desk.macros.preview(agent, ticket_id, macro)).refusal, VariablesMissing)
    with pytest.raises(VariablesMissing):
        await run(scene, agent, ticket_id, macro)
    assert (await scene.read(ticket_id)).task.priority is Priority.NORMAL
    assert await scene.world.rows(CommentRow, task_id=task_of(ticket_id)) == []


async def test_macro_requires_holding_the_ticket(scene: TicketScene) -> None:
    agent, colleague, ticket_id = await scene.agent(), await scene.agent(), await scene.opened()
    macro = await a_macro(scene, priority="high")
    with pytest.raises(TaskNotHeld):
        await run(scene, agent, ticket_id, macro)
    await scene.held(colleague, ticket_id)
    with pytest.raises(TaskHeldByAnother):
        await run(scene, agent, ticket_id, macro)


async def test_a_macro_escalates_assigns_or_solves(scene: TicketScene) -> None:
    agent, colleague = await scene.agent(), await scene.agent()
    one, two, three = [await scene.opened() for _ in range(3)]
    for ticket_id in (one, two, three):
        await scene.held(agent, ticket_id)
    await run(scene, agent, one, await a_macro(scene, escalate="unsure"))
    await run(scene, agent, two, await a_macro(scene, assign_to=colleague))
    await run(scene, agent, three, await a_macro(scene, after="solve", solution="explained"))
    assert [(await scene.read(one)).task.escalated, (await scene.read(two)).task.assigned_to] == [True, colleague]
    assert (await scene.read(three)).ticket.state is TicketState.SOLVED
    whats = {row.what for row in await scene.world.rows(TicketEventRow, ticket_id=three)}
    assert {"macro_run", "solved"} <= whats


@pytest.mark.parametrize(
    ("steps", "refusal"),
    [
        (MacroSteps(), FieldInvalid),
        (MacroSteps(category="nonsense"), FieldInvalid),
        (MacroSteps(after="solve"), ReasonUnknown),
        (MacroSteps(after="solve", solution="explained", escalate="unsure"), FieldInvalid),
        (MacroSteps(template_id="nothing"), FieldInvalid),
        (MacroSteps(cause="nothing"), ReasonUnknown),
        (MacroSteps(assign_to="nobody"), FieldInvalid),
    ],
    ids=["nothing", "category", "no_solution", "solved_and_escalated", "template", "cause", "person"],
)
async def test_steps_that_cannot_be_done_are_refused(
    scene: TicketScene, steps: MacroSteps, refusal: type[Exception]
) -> None:
    lead = await scene.agent("support_lead")
    with pytest.raises(refusal):
        await scene.desk.macros.save(lead, "", "One", steps)


async def test_only_leads_write_macros(scene: TicketScene) -> None:
    agent = await scene.agent()
    with pytest.raises(NotAllowed):
        await scene.desk.macros.save(agent, "", "One", MacroSteps(priority="high"))
