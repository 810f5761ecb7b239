"""Repairs run by their workflow on a real server; a reviewer's task, lease, draft and pending decision survive each kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.repairs import RepairActivities
from database.tables.review import ReviewDecisionRow
from database.tables.work import ReviewDraftRow, WorkItemRow
from domain.cards.card import WaitingFor
from domain.cards.facts import CardToBuy
from domain.cards.review import ReviewOutcome
from domain.errors.ops import NothingToRepair
from domain.identifiers import new_id
from domain.ops.repairs import ItemState, Kept, RepairKind, RepairState, ResetPoint
from jobs.repairs import RepairSender
from services.ops.repairs.resetting import from_point
from services.work import drafts
from tests.builders.repairing import Repairing, a_plan
from tests.builders.world import World
from workflows.card import CardWorkflow
from workflows.client import CardClient
from workflows.policies import CARDS_QUEUE, store_queue
from workflows.repair import RepairWorkflow
from workflows.repair_client import RepairClient
from workflows.repairing import RepairActs

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOT_OF_A_REVIEW = (
    RepairKind.RETRY_NOW,
    RepairKind.SKIP_WAIT,
    RepairKind.PAUSE,
    RepairKind.UNPAUSE,
    RepairKind.CHANGE_RETRY,
)


@asynccontextmanager
async def working(world: World, client: Client) -> AsyncIterator[CardClient]:
    """Workers of cards and repairs with the world's own activities."""
    desk = CardClient(client)

    async def started(card_id: str, point: ResetPoint) -> CardToBuy:
        return from_point(await world.intake.card_to_buy(card_id), point)

    acts = RepairActs(client, desk, started)
    repairs = RepairActivities(world.database, acts.by_kind(), acts.look)
    own: list[Any] = [
        world.pricing.value, world.pricing.offer, world.pricing.close, world.review.open, world.review.apply,
        world.alarms.alarm, world.alarms.replan, world.journey.move, world.journey.end,
        world.verification.record_silence, repairs.advance, repairs.act, repairs.look,
    ]  # fmt: skip
    async with AsyncExitStack() as stack:
        for queue, more in (
            (CARDS_QUEUE, {"workflows": [CardWorkflow, RepairWorkflow], "activities": own}),
            (store_queue("starbucks"), {"activities": [world.verification.ask_store]}),
        ):
            runner = UnsandboxedWorkflowRunner()
            await stack.enter_async_context(Worker(client, task_queue=queue, workflow_runner=runner, **more))
        yield desk


async def until_it_waits(world: World, card_id: str, party: WaitingFor) -> None:
    for _ in range(400):
        if (await world.card(card_id)).waiting_for is party:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(await world.story(card_id))


async def a_card_in_review(world: World, desk: CardClient) -> tuple[str, str, str]:
    """A card whose task one person holds with a draft; returns card, task and a decision that is not applied yet."""
    card_id = await world.a_card("starbucks")
    await desk.start(await world.intake.card_to_buy(card_id))
    await world.intake.mark_started(card_id)
    await until_it_waits(world, card_id, WaitingFor.REVIEWER)
    (task,) = await world.rows(WorkItemRow, card_id=card_id)
    person = await world.a_person()
    assert await world.review_desk.leases.take(person, task.id)
    decision = ReviewDecisionRow(
        id=new_id(), task_id=task.id, card_id=card_id, person_id=person, outcome=ReviewOutcome.APPROVE
    )
    async with world.database.transaction() as session:
        await drafts.save(session, world.keyring, task.id, person, {"note": "half a thought"})
        session.add(decision)
    return card_id, task.id, decision.id


async def held(world: World, task_id: str) -> list[dict[str, Any]]:
    """Task, lease, draft and decision as they are."""
    found: list[dict[str, Any]] = []
    for table, column in ((WorkItemRow, "id"), (ReviewDraftRow, "task_id"), (ReviewDecisionRow, "task_id")):
        rows = await world.rows(table, **{column: task_id})
        found += [row.values("replan", "plan_version", "warn_at", "due_at", "order_at") for row in rows]
    return found


async def repaired(world: World, client: Client, repairing: Repairing, repair_id: str) -> RepairState:
    """Let the repair run to its end, as the loop and its workflow do it."""
    sender = RepairSender(world.database, RepairClient(client))
    for _ in range(400):
        await sender.tell()
        if (row := await repairing.row(repair_id)).ended_at is not None:
            return row.state
        await asyncio.sleep(0.1)
    raise AssertionError(await repairing.counts(repair_id))


@pytest.mark.timeout(120)
async def test_what_a_reviewer_holds_survives_each_kind_and_the_decision_still_counts(
    world: World, temporal_client: Client
) -> None:
    repairing = Repairing(world)
    by = await repairing.a_person()
    async with working(world, temporal_client) as desk:
        card_id, task_id, decision_id = await a_card_in_review(world, desk)
        before = await held(world, task_id)
        assert len(before) == 3
        for kind in NOT_OF_A_REVIEW:
            repair_id = await repairing.previewed(by, card_id, plan=a_plan(kind))
            with pytest.raises(NothingToRepair):
                await repairing.desk.submit(by, repair_id)
        async with world.database.transaction() as session:
            await session.execute(text("UPDATE work_item SET replan = true WHERE id = :id"), {"id": task_id})
        for kind in (RepairKind.SIGNAL_AGAIN, RepairKind.RESET):
            repair_id = await repairing.previewed(by, card_id, plan=a_plan(kind))
            keeps = (await repairing.item(repair_id, card_id)).found["keeps"]
            assert [one["what"] for one in keeps] == [Kept.TASK, Kept.DECISION, Kept.DRAFT, Kept.LEASE]  # type: ignore[attr-defined]
            await repairing.desk.submit(by, repair_id)
            assert await repaired(world, temporal_client, repairing, repair_id) is RepairState.DONE
            assert await repairing.counts(repair_id) == {ItemState.CURED: 1}
            assert await held(world, task_id) == before
        await desk.decide(card_id, task_id, decision_id)
        await until_it_waits(world, card_id, WaitingFor.SELLER_OFFER)
        (decision,) = await world.rows(ReviewDecisionRow, id=decision_id)
        assert decision.applied_at is not None
        assert [name for name in await world.story(card_id) if name.startswith("repair.")] == [
            "repair.signal_again",
            "repair.reset",
        ]
        await temporal_client.get_workflow_handle(f"card:{card_id}").terminate()
