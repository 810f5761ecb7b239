"""I11 of tickets is quiet over true clocks, and names each way in which they can be untrue."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from database.clock_invariant import untrue_clocks
from database.ticket_clock_invariant import untrue_ticket_clocks
from services.support.conversation import AfterReply
from tests.builders.ticket_clocks import HOUR, TicketScene
from tests.builders.ticket_clocks import scene as scene
from tests.builders.ticket_clocks import ticket_url as ticket_url
from tests.builders.ticket_clocks import ticket_world as ticket_world

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLANTED = {
    "a deadline that nobody can calculate": ("where", "UPDATE work_item SET due_at = due_at + interval '1 minute' WHERE id = :task"),
    "a promise at another moment": ("follows", "UPDATE ticket_clock SET due_at = due_at - interval '1 minute' WHERE ticket_id = :ticket"),
    "another budget": ("follows", "UPDATE ticket_clock SET budget_s = budget_s + 60 WHERE ticket_id = :ticket"),
    "a promise that was forgotten": ("has open", "DELETE FROM ticket_clock WHERE ticket_id = :ticket AND kind = 'resolution'"),
    "a pause of nobody's": ("is the time of support", "UPDATE ticket SET state = 'waiting_customer' WHERE id = :ticket"),
    "an end while a promise is open": ("is open", "UPDATE ticket SET state = 'solved' WHERE id = :ticket"),
    "the customer's time while it is ours": (
        "is the time of customer", "UPDATE clock_interval SET owner = 'customer', runs = false WHERE task_id = :task AND ended_at IS NULL",
    ),
    "a promise both kept and void": ("both", "UPDATE ticket_clock SET met_at = now(), void_at = now() WHERE ticket_id = :ticket"),
}  # fmt: skip


@pytest.mark.parametrize(("said", "planted"), PLANTED.values(), ids=PLANTED)
async def test_each_violation_is_named(scene: TicketScene, said: str, planted: str) -> None:
    ticket_id = await scene.opened()
    values = {"ticket": ticket_id, "task": f"ticket:{ticket_id}:ticket:1"}
    async with scene.world.database.transaction() as session:
        nested = await session.begin_nested()
        await session.execute(text(planted), {name: value for name, value in values.items() if f":{name}" in planted})
        found = await untrue_ticket_clocks(session)
        await nested.rollback()
    assert [one for one in found if said in one and ticket_id in one]


async def test_paused_late_solved_and_reopened_tickets_are_true(scene: TicketScene) -> None:
    paused, solved, late = [await scene.opened() for _ in range(3)]
    await scene.replied(paused)
    await scene.replied(solved, AfterReply.SOLVE)
    scene.now += 30 * HOUR
    await scene.advanced(late)
    await scene.heard(solved)
    async with scene.world.database.transaction() as session:
        assert await untrue_ticket_clocks(session) == []
        assert await untrue_clocks(session) == [], "the check of other items leaves tickets alone"
