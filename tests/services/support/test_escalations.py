"""An agent asks other desks: each question is work of that desk, and the answer flows back into the ticket."""

from __future__ import annotations

import asyncio

import pytest

from database.tables.notices import NoticeRow
from database.tables.people import RelativeRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.work import ClockIntervalRow, ClockPlanRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.support import EscalationOver, EscalationWaits, TicketEnded
from domain.errors.work import NotEligible, OwnWork, ReasonUnknown, SecretInWords, TaskNotHeld
from domain.support.escalations import ASKED, EscalationState
from domain.support.tickets import InsideDesk, TicketState
from domain.work.deadlines import ClockOwner
from domain.work.task import Band, CameBack
from services.support.conversation import AfterReply, Reply
from services.work.item_clocks import OwnClocks
from tests.builders.escalating import DESKS, Escalating, a_held_ticket
from tests.builders.world import World


@pytest.fixture
async def scene(world: World) -> Escalating:
    return await a_held_ticket(world)


ANSWER = {InsideDesk.OPS: "mended", InsideDesk.FINANCE: "paid", InsideDesk.COMPLIANCE: "may_proceed"}


@pytest.mark.parametrize("desk", list(DESKS), ids=lambda desk: desk.value)
async def test_a_question_is_work_of_that_desk_and_its_answer_opens_the_ticket_again(
    scene: Escalating, desk: InsideDesk
) -> None:
    asked = await scene.ask(desk, card_id=scene.card_id)
    waiting, item = await scene.found(), await scene.item(asked, desk)
    assert (waiting.ticket.state, waiting.ticket.inside_desk) == (TicketState.WAITING_INSIDE, desk)
    assert (waiting.task.waiting, waiting.task.assigned_to) == (True, scene.agent)
    assert (item.kind, item.team, item.reasons) == (ASKED[desk].code, desk.value, ["payout_late"])
    (plan,) = await scene.world.rows(ClockPlanRow, task_id=item.id)
    assert (plan.policy, plan.calendar) == (f"asked-{desk.value}", "office")
    await scene.answered(asked, ANSWER[desk])
    back = await scene.found()
    assert (back.ticket.state, back.ticket.inside_desk, back.task.waiting) == (TicketState.NEW, None, False)
    assert (back.task.came_back, back.task.band) == (CameBack.ANSWERED_INSIDE, Band.CAME_BACK)
    assert back.task.came_back_reason.endswith(f":{ANSWER[desk]}")
    assert (await scene.item(asked, desk)).closed_at is not None
    assert [one.what for one in back.events[-2:]] == ["desk_asked", "escalation_answered"]
    (notice,) = await scene.world.rows(NoticeRow, person_id=scene.agent, kind="answered_inside")
    assert notice.facts == {"desk": desk.value}


async def test_a_ticket_waits_until_the_last_desk_has_answered(scene: Escalating) -> None:
    ops, finance = await scene.ask(InsideDesk.OPS), await scene.ask(InsideDesk.FINANCE)
    await scene.answered(finance, "being_cleared")
    assert ((await scene.found()).ticket.state, (await scene.found()).ticket.inside_desk) == (
        TicketState.WAITING_INSIDE, InsideDesk.OPS,
    )  # fmt: skip
    await scene.answered(ops, "mended")
    assert (await scene.found()).ticket.state is TicketState.NEW


async def test_the_same_question_is_put_to_a_desk_once(scene: Escalating) -> None:
    first = await asyncio.gather(*(scene.ask(InsideDesk.OPS) for _ in range(4)), return_exceptions=True)
    assert [type(one) for one in first if not isinstance(one, str)] == [EscalationWaits] * 3
    await scene.ask(InsideDesk.OPS, card_id=scene.card_id)
    assert len(await scene.world.rows(TicketEscalationRow, ticket_id=scene.ticket_id)) == 2


async def test_withdrawn_question_cannot_be_answered(scene: Escalating) -> None:
    asked = await scene.ask(InsideDesk.OPS)
    person = await scene.world.a_person("ops")
    item = await scene.item(asked, InsideDesk.OPS)
    assert await scene.desk.leases.take(person, item.id)
    await scene.escalations.withdraw(scene.agent, asked)
    assert (await scene.item(asked, InsideDesk.OPS)).closed_at is not None
    assert (await scene.found()).ticket.state is TicketState.NEW
    with pytest.raises(EscalationOver):
        await scene.escalations.answer(person, asked, "mended")
    with pytest.raises(EscalationOver):
        await scene.escalations.withdraw(scene.agent, asked)


async def test_solved_ticket_withdraws_its_questions(scene: Escalating) -> None:
    asked = await scene.ask(InsideDesk.OPS)
    await scene.conversation.reply(scene.agent, scene.ticket_id, Reply("Done.", AfterReply.SOLVE, "explained"))
    row, ticket = await scene.question(asked), (await scene.found()).ticket
    assert (row.state, ticket.state, ticket.inside_desk) == (EscalationState.WITHDRAWN, TicketState.SOLVED, None)
    assert (await scene.item(asked, InsideDesk.OPS)).closed_at is not None
    with pytest.raises(TicketEnded):
        await scene.ask(InsideDesk.FINANCE)


async def test_reply_during_a_question_keeps_the_ticket_waiting(scene: Escalating) -> None:
    asked = await scene.ask(InsideDesk.OPS)
    reply = await scene.conversation.reply(scene.agent, scene.ticket_id, Reply("We are asking.", AfterReply.WAIT))
    assert (await scene.found()).ticket.state is TicketState.WAITING_INSIDE
    await scene.conversation.take_back(scene.agent, reply)
    assert (await scene.found()).ticket.state is TicketState.WAITING_INSIDE
    await scene.answered(asked, "mended")
    assert (await scene.found()).ticket.state is TicketState.NEW, "the only reply was taken back"


async def test_question_time_counts_for_its_desk(scene: Escalating) -> None:
    asked = await scene.ask(InsideDesk.FINANCE)
    owners = [
        row.owner for row in await scene.world.rows(ClockIntervalRow, task_id=f"ticket:{scene.ticket_id}:ticket:1")
    ]
    assert owners[-1] is ClockOwner.FINANCE
    item = await scene.item(asked, InsideDesk.FINANCE)
    (interval,) = await scene.world.rows(ClockIntervalRow, task_id=item.id)
    assert (interval.owner, interval.ended_at) == (ClockOwner.FINANCE, None)
    scene.clock.passes(days=10)
    clocks = OwnClocks(scene.world.database, scene.clock)
    while await clocks.ring(100):
        pass
    late = await scene.item(asked, InsideDesk.FINANCE)
    assert (late.breached_at is not None, late.escalated) == (True, False)


async def test_asker_and_other_desks_cannot_answer(scene: Escalating) -> None:
    world = scene.world
    scene.agent = both = await world.a_person("support_lead", "ops")
    await scene.desk.tasks.take_over(both, f"ticket:{scene.ticket_id}:ticket:1", "urgent")
    asked = await scene.ask(InsideDesk.OPS, card_id=scene.card_id)
    item = await scene.item(asked, InsideDesk.OPS)
    with pytest.raises(OwnWork):
        await scene.desk.leases.take(both, item.id)
    finance = await world.a_person("finance")
    with pytest.raises(NotAllowed):
        await scene.desk.leases.take(finance, item.id)
    with pytest.raises(NotAllowed):
        await scene.escalations.answer(finance, asked, "paid")
    relative = await world.a_person("ops")
    async with world.database.transaction() as session:
        session.add(RelativeRow(person_id=relative, seller=scene.owner))
    with pytest.raises(NotEligible):
        await scene.desk.leases.take(relative, item.id)
    colleague = await world.a_person("ops")
    with pytest.raises(TaskNotHeld):
        await scene.escalations.answer(colleague, asked, "mended")


async def test_bad_questions_and_answers_are_refused(scene: Escalating) -> None:
    for question, error in (
        ("  ", FieldInvalid),
        ("x" * 2001, FieldInvalid),
        ("It is 6222021234567890123", SecretInWords),
    ):
        with pytest.raises(error):
            await scene.ask(InsideDesk.OPS, question)
    with pytest.raises(ReasonUnknown):
        await scene.ask(InsideDesk.OPS, why="nonsense")
    with pytest.raises(NotFound):
        await scene.ask(InsideDesk.OPS, card_id=await scene.world.a_card())
    await scene.desk.tasks.release(scene.agent, f"ticket:{scene.ticket_id}:ticket:1")
    with pytest.raises(TaskNotHeld):
        await scene.ask(InsideDesk.OPS)
