"""Cards and repairs that run on a real Temporal server with the world's own activities, and what a reviewer has of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.provider import Providers
from activities.repairs import RepairActivities
from database.tables.review import ReviewDecisionRow
from database.tables.work import ReviewDraftRow, WorkItemRow
from domain.cards.card import WaitingFor
from domain.cards.facts import CardToBuy, RecheckFacts
from domain.cards.review import ReviewOutcome
from domain.identifiers import new_id
from domain.ops.repairs import RepairState, ResetPoint
from jobs.repairs import RepairSender
from services.cards.terminating import Terminations
from services.finance.payees import Payees
from services.ops.repairs.resetting import from_point
from services.work import drafts
from tests.builders.repairing import Repairing
from tests.builders.world import World
from workflows.card import CardWorkflow
from workflows.client import CardClient
from workflows.policies import CARDS_QUEUE, DESK_QUEUE, PAYOUT_QUEUE, issuer_queue, store_queue
from workflows.repair import RepairWorkflow
from workflows.repair_client import RepairClient
from workflows.repairing import RepairActs
from workflows.repairing_cards import CardActs

TRIES, LOOK_S = 600, 0.05


class Recheck:
    """The second question to an issuer, before anything is paid; it is not answered while it is `away`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.away = False

    @activity.defn(name="verification.recheck")
    async def recheck(self, card_id: str, quote_id: str, attempt: int = 1) -> RecheckFacts:
        """As `Verification.recheck`."""
        if self.away:
            raise ApplicationError("issuer: http_503", type="gateway_unavailable")
        return await self._world.verification.recheck(card_id, quote_id, attempt)


class RunningCards:
    """Workers of cards and repairs, the cards that run on them, and the repairs of these cards."""

    def __init__(self, world: World, client: Client, recheck: Recheck) -> None:
        self.world = world
        self.client = client
        self.desk = CardClient(client)
        self.repairing = Repairing(world)
        self.recheck = recheck

    async def start(self, card_id: str) -> None:
        """Start the card's workflow as the starter does."""
        await self.desk.start(await self.world.intake.card_to_buy(card_id))
        await self.world.intake.mark_started(card_id)

    async def waits(self, card_id: str, party: WaitingFor) -> None:
        """Return when the card waits for that party."""
        for _ in range(TRIES):
            if (await self.world.card(card_id)).waiting_for is party:
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(await self.world.story(card_id))

    async def tries(self, card_id: str, step: str) -> None:
        """Return when that step of the card has failed at least once and is tried again."""
        handle = self.client.get_workflow_handle(f"card:{card_id}")
        for _ in range(TRIES):
            pending = (await handle.describe()).raw_description.pending_activities
            if any(one.activity_type.name == step and one.attempt > 1 for one in pending):
                return
            await asyncio.sleep(LOOK_S)
        raise AssertionError(await self.world.story(card_id))

    async def in_review(self) -> tuple[str, str, str]:
        """A card whose task one person holds with a draft; returns card, task and a decision that is not applied yet."""
        card_id = await self.world.a_card("starbucks")
        await self.start(card_id)
        await self.waits(card_id, WaitingFor.REVIEWER)
        (task,) = await self.world.rows(WorkItemRow, card_id=card_id)
        person = await self.world.a_person()
        assert await self.world.review_desk.leases.take(person, task.id)
        decision = ReviewDecisionRow(
            id=new_id(), task_id=task.id, card_id=card_id, person_id=person, outcome=ReviewOutcome.APPROVE
        )
        async with self.world.database.transaction() as session:
            await drafts.save(session, self.world.keyring, task.id, person, {"note": "half a thought"})
            session.add(decision)
        return card_id, task.id, decision.id

    async def held(self, task_id: str) -> list[dict[str, Any]]:
        """Task, lease, draft and decision as they are."""
        found: list[dict[str, Any]] = []
        for table, column in ((WorkItemRow, "id"), (ReviewDraftRow, "task_id"), (ReviewDecisionRow, "task_id")):
            rows = await self.world.rows(table, **{column: task_id})
            found += [row.values("replan", "plan_version", "warn_at", "due_at", "order_at") for row in rows]
        return found

    async def repaired(self, repair_id: str) -> RepairState:
        """Let the repair run to its end, as the loop and its workflow do it."""
        sender = RepairSender(self.world.database, RepairClient(self.client))
        for _ in range(TRIES):
            await sender.tell()
            if (row := await self.repairing.row(repair_id)).ended_at is not None:
                return row.state
            await asyncio.sleep(2 * LOOK_S)
        raise AssertionError(await self.repairing.counts(repair_id))


@asynccontextmanager
async def running_cards(
    world: World, client: Client, card_workflow: type = CardWorkflow
) -> AsyncIterator[RunningCards]:
    """Workers of cards and repairs with the world's own activities; `card_workflow` is the code that cards run on."""
    recheck = Recheck(world)
    cards = RunningCards(world, client, recheck)

    async def started(card_id: str, point: ResetPoint) -> CardToBuy:
        return from_point(await world.intake.card_to_buy(card_id), point)

    acts = RepairActs(client, cards.desk, started)
    of_cards = CardActs(cards.desk, Payees(world.database, world.keyring), Terminations(world.database))
    repairs = RepairActivities(world.database, {**acts.by_kind(), **of_cards.by_kind()}, acts.look)
    own: list[Any] = [
        world.pricing.value, world.pricing.offer, world.pricing.close, world.review.open, world.review.apply,
        world.alarms.alarm, world.alarms.replan, world.journey.move, world.journey.end, world.journey.cancel,
        world.verification.record_silence, world.payout.prepare, world.payout.settle, world.payout.conclude,
        Providers(world.database).held,
    ]  # fmt: skip
    repairing = [repairs.advance, repairs.act, repairs.look]
    queues: dict[str, dict[str, Any]] = {
        CARDS_QUEUE: {"workflows": [card_workflow], "activities": own},
        DESK_QUEUE: {"workflows": [RepairWorkflow], "activities": repairing},
        PAYOUT_QUEUE: {"activities": [world.payout.send, world.payout.reconcile]},
        issuer_queue("jd"): {"activities": [world.verification.ask_issuer, recheck.recheck]},
        store_queue("starbucks"): {"activities": [world.verification.ask_store]},
        issuer_queue("starbucks"): {"activities": [recheck.recheck]},
    }
    async with AsyncExitStack() as stack:
        for queue, more in queues.items():
            runner = UnsandboxedWorkflowRunner()
            await stack.enter_async_context(Worker(client, task_queue=queue, workflow_runner=runner, **more))
        yield cards
