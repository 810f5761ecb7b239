"""A settlement run's workflow: it continues from its rows, answers people and partners by Updates, and survives what interrupts it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

import pytest
import pytest_asyncio
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.settlement import SettlementActivities
from database.tables.finance.settlement import (
    CounterpartyRow,
    SettlementLineRow,
    SettlementRunRow,
    SettlementStatementRow,
)
from domain.cards.facts import PayoutFacts
from domain.errors.settlement import SettlementMoved, StatementReplaced
from domain.finance.payout import PayoutOutcome
from domain.finance.settlement import SettlementAnswer, SettlementDeed, SettlementEnding, SettlementState
from domain.finance.settlement_acts import NextStep, SettlementAct, SettlementStep
from domain.identifiers import new_id, settlement_key, settlement_workflow
from jobs.settlements import SettlementSender
from services.support.desk import SupportDesk
from tests.builders.settling import Settling, nothing_is_wrong, story
from tests.builders.world import World, world_at
from tests.slowness import patience
from tests.workflows.histories import keep
from tests.workflows.once import OncePerCommand
from workflows.policies import DESK_QUEUE, PAYOUT_QUEUE
from workflows.settlement import SettlementWorkflow
from workflows.settlement_client import SettlementClient

pytestmark = pytest.mark.asyncio(loop_scope="session")
ANSWER, APPROVAL, PAYING, CLOSED = (
    SettlementState.ANSWER, SettlementState.APPROVAL, SettlementState.PAYING, SettlementState.CLOSED,
)  # fmt: skip
PAID, UNKNOWN = PayoutFacts(PayoutOutcome.PAID, None), PayoutFacts(PayoutOutcome.UNKNOWN, None)
REFUSED = PayoutFacts(PayoutOutcome.REFUSED, "PAYEE_NOT_EXIST")
WAITING = SettlementStep(ANSWER, NextStep.WAIT)


class Rows:
    """What the rows say in order, the last again and again, and what the gateway answers; remembers every call."""

    def __init__(self, *steps: SettlementStep, sent: PayoutFacts = PAID) -> None:
        self.steps, self.sent = list(steps), sent
        self.calls: list[str] = []
        self.waiting = asyncio.Event()

    @activity.defn(name="settlement.look")
    async def look(self, _: str) -> SettlementStep:
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if step.next is NextStep.WAIT:
            self.waiting.set()
        return step

    @activity.defn(name="settlement.collect")
    async def collect(self, _: str) -> None:
        self.calls.append("collect")

    @activity.defn(name="settlement.state")
    async def state(self, _: str) -> None:
        self.calls.append("state")

    @activity.defn(name="settlement.act")
    async def act(self, wanted: SettlementAct) -> SettlementState:
        self.calls.append(wanted.deed.value)
        if wanted.version != 1:
            raise ApplicationError("late", {"version": 2}, type="statement_replaced", non_retryable=True)
        return APPROVAL

    @activity.defn(name="settlement.prepare")
    async def prepare(self, _: str, key: str) -> None:
        self.calls.append(f"prepare {key[-8:]}")

    @activity.defn(name="payout.send")
    async def send(self, _: str) -> PayoutFacts:
        self.calls.append("send")
        return self.sent

    @activity.defn(name="payout.reconcile")
    async def reconcile(self, key: str) -> PayoutFacts:
        if not key.startswith("card-"):  # Other tests of the process may have left one of a card to the server.
            self.calls.append("reconcile")
        return PAID

    @activity.defn(name="payout.conclude")
    async def conclude(self, _: str) -> PayoutFacts:
        self.calls.append("conclude")
        return self.sent if self.sent is not UNKNOWN else PAID

    @asynccontextmanager
    async def playing(self, client: Client) -> AsyncIterator[None]:
        own: list[Callable[..., Any]] = [self.look, self.collect, self.state, self.act, self.prepare, self.conclude]
        cards = Worker(
            client, task_queue=DESK_QUEUE, workflows=[SettlementWorkflow], activities=own, interceptors=[OncePerCommand()]
        )  # fmt: skip
        async with cards, Worker(client, task_queue=PAYOUT_QUEUE, activities=[self.send, self.reconcile]):
            yield


def an_act(deed: SettlementDeed = SettlementDeed.CONFIRM, version: int = 1) -> SettlementAct:
    return SettlementAct("RUN", deed, "partner:P", version)


async def paid(client: Client, rows: Rows) -> list[str]:
    """Run a period until it is over, confirmed while it waits; return what was called."""
    party, run_id, door = new_id(), new_id(), SettlementClient(client)
    async with rows.playing(client):
        await door.tell(run_id, party, "2026-11")
        await asyncio.wait_for(rows.waiting.wait(), patience(30))
        assert await door.act(party, "2026-11", an_act()) is APPROVAL
        await door.payment_reported(party, "2026-11")
        run = client.get_workflow_handle(settlement_workflow(party, "2026-11"))
        await asyncio.wait_for(run.result(), patience(30))
        with pytest.raises(SettlementMoved) as over:
            await door.act(party, "2026-11", an_act())
        assert over.value.data == {"state": "closed"}
    await keep(client, settlement_workflow(party, "2026-11"))
    return rows.calls


def steps_to(*more: SettlementStep) -> tuple[SettlementStep, ...]:
    first = SettlementStep(SettlementState.COLLECTING, NextStep.COLLECT)
    return (first, SettlementStep(SettlementState.COLLECTING, NextStep.STATE), WAITING, *more)


def pay(attempt: int = 1) -> SettlementStep:
    return SettlementStep(PAYING, NextStep.PAY, key=settlement_key("RUN", attempt))


OVER = SettlementStep(CLOSED, NextStep.OVER)


async def test_a_settlement_is_confirmed_and_paid_once(temporal_client: Client) -> None:
    calls = await paid(temporal_client, Rows(*steps_to(pay(), OVER)))
    assert calls == ["collect", "state", "confirm", "prepare payout-1", "send", "conclude"]


async def test_an_unknown_settlement_is_reconciled_and_never_sent_again(temporal_client: Client) -> None:
    calls = await paid(temporal_client, Rows(*steps_to(pay(), OVER), sent=UNKNOWN))
    assert [call for call, _ in groupby(calls)][-4:] == ["prepare payout-1", "send", "reconcile", "conclude"]
    assert calls.count("send") == 1


async def test_a_refused_settlement_is_ordered_again_under_another_key(temporal_client: Client) -> None:
    calls = await paid(temporal_client, Rows(*steps_to(pay(), pay(2), OVER), sent=REFUSED))
    assert calls[-6:] == ["prepare payout-1", "send", "conclude", "prepare payout-2", "send", "conclude"]


async def test_a_disputed_settlement_is_stated_again(temporal_client: Client) -> None:
    again = SettlementStep(ANSWER, NextStep.STATE)
    rows, party, run_id = Rows(*steps_to(again, WAITING, OVER)), new_id(), new_id()
    door = SettlementClient(temporal_client)
    async with rows.playing(temporal_client):
        await door.tell(run_id, party, "2026-11")
        await asyncio.wait_for(rows.waiting.wait(), patience(30))
        with pytest.raises(StatementReplaced) as replaced:
            await door.act(party, "2026-11", an_act(version=7))
        assert replaced.value.data == {"version": 2}
        rows.waiting.clear()
        await door.act(party, "2026-11", an_act(SettlementDeed.DISPUTE))
        await asyncio.wait_for(rows.waiting.wait(), patience(30))
        await door.tell(run_id, party, "2026-11")
        await asyncio.wait_for(
            temporal_client.get_workflow_handle(settlement_workflow(party, "2026-11")).result(), patience(30)
        )
    assert rows.calls == ["collect", "state", "confirm", "dispute", "state"]
    await keep(temporal_client, settlement_workflow(party, "2026-11"))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def settling_world(
    make_migrated: Callable[[str], str], worker: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A database of these tests alone."""
    url = make_migrated(f"settling_flow_{worker}")
    async with world_at(url, tmp_path_factory.mktemp("settling_flow"), pool_size=4) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def scene(settling_world: World) -> Settling:
    world = settling_world
    await world.calm()
    return Settling(world.database, world.keyring, world.photos, world.payout)


class Played:
    """A real run under its real workflow on a server whose time jumps; `broken` steps fail as a killed worker's would."""

    def __init__(self, scene: Settling, world: World, environment: WorkflowEnvironment, begun: datetime) -> None:
        self.scene, self.world, self.environment = scene, world, environment
        self._shift = scene.clock() - begun

    async def _now(self) -> datetime:
        self.scene.clock.moment = await self.environment.get_current_time() + self._shift
        return self.scene.clock.moment

    async def _own(self) -> SettlementActivities:
        moment, scene = await self._now(), self.scene
        return SettlementActivities(SupportDesk(scene.database, scene.keyring, scene.photos, lambda: moment))

    @activity.defn(name="settlement.look")
    async def look(self, run_id: str) -> SettlementStep:
        return await (await self._own()).look(run_id)

    @activity.defn(name="settlement.collect")
    async def collect(self, run_id: str) -> None:
        await (await self._own()).collect(run_id)

    @activity.defn(name="settlement.state")
    async def state(self, run_id: str) -> None:
        await (await self._own()).state(run_id)

    @activity.defn(name="settlement.act")
    async def act(self, wanted: SettlementAct) -> SettlementState:
        return await (await self._own()).act(wanted)

    @activity.defn(name="settlement.prepare")
    async def prepare(self, run_id: str, key: str) -> None:
        await (await self._own()).prepare(run_id, key)

    @asynccontextmanager
    async def working(self, *, stating: bool = True) -> AsyncIterator[None]:
        """Workers of the run; without `stating`, no statements are made, as when the worker died before that."""
        payout, client = self.world.payout, self.environment.client
        own: list[Callable[..., Any]] = [self.look, self.collect, self.act, self.prepare, payout.conclude]
        own += [self.state] if stating else []
        cards = Worker(
            client, task_queue=DESK_QUEUE, workflows=[SettlementWorkflow], activities=own, max_cached_workflows=0
        )  # fmt: skip
        async with cards, Worker(client, task_queue=PAYOUT_QUEUE, activities=[payout.send, payout.reconcile]):
            yield

    async def until(self, run_id: str, reached: Callable[[SettlementRunRow], bool]) -> SettlementRunRow:
        """Wait until the rows have come so far."""
        for _ in range(600):
            if reached(run := await self.scene.run(run_id)):
                return run
            await asyncio.sleep(0.05)
        raise AssertionError(f"{run.state} after {await story(self.scene, run_id)}")


async def begun(played: Played) -> tuple[CounterpartyRow, SettlementRunRow]:
    """A due run of a counterparty, started by the job that starts them."""
    party = await played.scene.a_party()
    await played.scene.owes(party, 150_00, date(2026, 11, 5))
    (run,) = await played.scene.begun(party)
    sender = SettlementSender(played.scene.database, SettlementClient(played.environment.client))
    assert (await sender.tell(), await sender.tell()) == (1, 0)
    return party, run


async def test_interrupted_run_continues_and_silence_confirms_at_the_deadline(
    scene: Settling, settling_world: World, time_skipping: WorkflowEnvironment
) -> None:
    played = Played(scene, settling_world, time_skipping, await time_skipping.get_current_time())
    async with played.working(stating=False):  # Its process dies after the entries were taken.
        party, run = await begun(played)
        await played.until(run.id, lambda row: row.collected_at is not None)
    async with played.working():
        stated = await played.until(run.id, lambda row: row.state is ANSWER)
        assert stated.deadline_at is not None
        await time_skipping.sleep(stated.deadline_at - scene.clock() + timedelta(seconds=5))
        silent = await played.until(run.id, lambda row: row.state is APPROVAL)
        assert silent.answer is SettlementAnswer.SILENCE
        approving = SettlementAct(run.id, SettlementDeed.APPROVE, f"person:{await scene.a_person()}", 1)
        door = SettlementClient(time_skipping.client)
        together = await asyncio.gather(*(door.act(party.id, run.period, approving) for _ in range(2)))
        assert set(together) <= {PAYING, CLOSED}
        ended = await played.until(run.id, lambda row: row.state is CLOSED)
    assert ended.ending is SettlementEnding.PAID
    assert len(await scene.rows(SettlementLineRow, run_id=run.id)) == 1
    assert len(await scene.rows(SettlementStatementRow, run_id=run.id)) == 1
    assert len(await settling_world.transfers(settlement_key(run.id, 1))) == 1
    assert await story(scene, run.id) == [
        "begun", "collected", "stated", "answered_silence", "approved", "to_be_paid", "ordered", "payment_paid",
        "closed_paid",
    ]  # fmt: skip
    await nothing_is_wrong(scene)
