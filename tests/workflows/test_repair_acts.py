"""What repairs do to single runs, on a real Temporal server: only there are steps paused, reset and given other options."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.cards.card import CardType, Outcome, Stage, WaitingFor
from domain.cards.facts import CardToBuy, Resume
from domain.cards.review import ReviewOutcome
from domain.errors.general import TemporarilyUnavailable
from domain.identifiers import new_id
from domain.ops.candidates import Candidate, StepNow
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import Proof, RepairKind, ResetPoint
from domain.ops.runs import RunKind, StepState
from services.ops.repairs.acts import AlreadyCured, Declined, ItemAct, LookedAt, NotOffered, RunEnded
from tests.workflows.acting import until
from tests.workflows.stage import World, card, decided, playing
from workflows.client import CardClient
from workflows.repairing import RepairActs, _judged

pytestmark = pytest.mark.asyncio(loop_scope="session")
STEP = "verification.ask_issuer"


class Issuer:
    """An issuer that is down until a test restores it."""

    def __init__(self) -> None:
        self.down = True
        self.attempts: list[int] = []

    @activity.defn(name=STEP)
    async def ask(self) -> str:
        self.attempts.append(activity.info().attempt)
        if self.down:
            raise ApplicationError("issuer: http_503", type="gateway_unavailable")
        return "active"


@workflow.defn(name="OneQuestion")
class OneQuestion:
    """Asks once, with hours between two attempts."""

    @workflow.run
    async def run(self) -> str:
        return str(
            await workflow.execute_activity(
                STEP,
                start_to_close_timeout=timedelta(seconds=10),
                schedule_to_close_timeout=timedelta(hours=6),
                retry_policy=RetryPolicy(initial_interval=timedelta(hours=2)),
            )
        )


class Asked:
    """One run whose step has failed once and waits two hours."""

    def __init__(self, client: Client, issuer: Issuer, workflow_id: str) -> None:
        self.client, self.issuer, self.workflow_id = client, issuer, workflow_id
        self.acts = RepairActs(client, CardClient(client), _nobody)

    def item(self, kind: RepairKind, *, tried: bool = False, **options: Any) -> ItemAct:
        step = StepNow(StepState.FAILING, STEP, "issuer-jd", "issuer:jd", 1, None)
        candidate = Candidate(self.workflow_id, RunKind.CARD, "C1", known=True, step=step)
        given = KINDS[kind].options_of(options)
        return ItemAct("R1", 1, kind, self.workflow_id, "C1", STEP, given, candidate, tried, "provider_back", "P1", "")

    async def act(self, kind: RepairKind, *, tried: bool = False, **options: Any) -> dict[str, str]:
        return dict(await self.acts.by_kind()[kind](self.item(kind, tried=tried, **options)))

    async def pending(self) -> PendingActivityInfo | None:
        described = await self.client.get_workflow_handle(self.workflow_id).describe()
        return next(iter(described.raw_description.pending_activities), None)

    async def until(self, true: Callable[[], bool]) -> None:
        for _ in range(200):
            if true():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(self.issuer.attempts)

    async def look(self, proof: Proof = Proof.STEP) -> bool | None:
        return await self.acts.look(LookedAt(1, self.workflow_id, STEP, proof))


@asynccontextmanager
async def asked(client: Client) -> AsyncIterator[Asked]:
    issuer, queue = Issuer(), f"repair-{new_id()}"
    async with Worker(
        client, task_queue=queue, workflows=[OneQuestion], activities=[issuer.ask],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):  # fmt: skip
        run = Asked(client, issuer, f"card:{new_id()}")
        handle = await client.start_workflow("OneQuestion", id=run.workflow_id, task_queue=queue)
        await run.until(lambda: bool(issuer.attempts))
        for _ in range(100):
            if (found := await run.pending()) is not None and found.attempt == 2:
                break
            await asyncio.sleep(0.05)
        yield run
        if (await handle.describe()).close_time is None:
            await handle.terminate()


async def _nobody(_: str, __: ResetPoint) -> CardToBuy:
    raise AssertionError("nothing is started again here")


async def test_retrying_now_begins_the_step_again_at_its_first_attempt(temporal_client: Client) -> None:
    async with asked(temporal_client) as run:
        assert await run.look() is False
        run.issuer.down = False
        await run.act(RepairKind.RETRY_NOW)
        await run.until(lambda: run.issuer.attempts == [1, 1])
        await run.client.get_workflow_handle(run.workflow_id).result()
        assert await run.look() is True
        with pytest.raises(RunEnded):
            await run.act(RepairKind.RETRY_NOW)


async def test_skipping_a_back_off_retries_at_once(temporal_client: Client) -> None:
    async with asked(temporal_client) as run:
        await run.act(RepairKind.SKIP_WAIT)
        await run.until(lambda: run.issuer.attempts == [1, 2])


async def test_paused_step_is_not_tried_keeps_enough_time_and_resumes(temporal_client: Client) -> None:
    async with asked(temporal_client) as run:
        day = 24 * 3600
        said = await run.act(RepairKind.PAUSE, for_at_most_s=day)
        assert int(said["extended_s"]) > 18 * 3600
        assert await run.act(RepairKind.PAUSE, for_at_most_s=day, tried=True) == {}, "extended and paused once"
        pending = await run.pending()
        assert pending is not None
        assert pending.paused
        limit = pending.activity_options.schedule_to_close_timeout.ToTimedelta()
        assert limit > timedelta(days=1, minutes=14), "its limit does not pass during the pause"
        retried_until = pending.expiration_time.ToDatetime(UTC)
        assert ("retries_until" in said) == (retried_until < datetime.now(UTC) + timedelta(days=1))
        assert run.issuer.attempts == [1]
        await run.act(RepairKind.UNPAUSE)
        await run.until(lambda: run.issuer.attempts == [1, 2])
        await run.act(RepairKind.UNPAUSE, tried=True)


async def test_changed_retry_intervals_apply_from_the_next_attempt(temporal_client: Client) -> None:
    async with asked(temporal_client) as run:
        said = await run.act(RepairKind.CHANGE_RETRY, first_s=1, longest_s=2, extend_s=7 * 3600)
        assert int(said["extended_s"]) > 3000
        await run.until(lambda: run.issuer.attempts[:3] == [1, 2, 3])
        pending = await run.pending()
        assert pending is not None
        assert pending.activity_options.retry_policy.maximum_interval.seconds == 2


async def test_interrupted_retry_is_not_repeated(temporal_client: Client) -> None:
    async with asked(temporal_client) as run:
        run.issuer.down = False
        await run.act(RepairKind.RETRY_NOW)
        await run.until(lambda: run.issuer.attempts == [1, 1])
        await run.client.get_workflow_handle(run.workflow_id).result()
        with pytest.raises(RunEnded):
            await run.act(RepairKind.RETRY_NOW, tried=True)
        assert run.issuer.attempts == [1, 1]


async def test_a_step_that_is_not_pending_is_cured_and_a_run_that_is_not_there_has_ended(
    temporal_client: Client,
) -> None:
    async with asked(temporal_client) as run:
        other = replace(run.item(RepairKind.RETRY_NOW), step="reading.read_photos")
        with pytest.raises(AlreadyCured):
            await run.acts.retry_now(other)
        with pytest.raises(RunEnded):
            await run.acts.retry_now(replace(other, workflow_id="card:gone"))
        assert await run.acts.look(LookedAt(1, "card:gone", STEP, Proof.STEP)) is None


async def test_each_answer_of_a_server_means_something_else() -> None:
    def error(status: RPCStatusCode) -> RPCError:
        return RPCError("x", status, b"")

    assert isinstance(_judged("pause_activity", error(RPCStatusCode.UNIMPLEMENTED)), NotOffered)
    assert isinstance(_judged("pause_activity", error(RPCStatusCode.UNAVAILABLE)), TemporarilyUnavailable)
    assert isinstance(_judged("pause_activity", error(RPCStatusCode.FAILED_PRECONDITION)), Declined)


async def test_a_reset_from_rows_keeps_a_decision_that_temporals_own_reset_would_lose(temporal_client: Client) -> None:
    """Temporal re-applies the Update before the task is open, where its validator refuses it: the card waits for ever."""
    world = World(reasons=[("high_value",)], accepted=False, decisions={"yes": decided(ReviewOutcome.APPROVE)})
    one, desk = card(), CardClient(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "yes")
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        handle = temporal_client.get_workflow_handle(f"card:{one.card_id}")
        first = next(event.event_id for event in (await handle.fetch_history()).events if event.event_type == 7)
        await temporal_client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=temporal_client.namespace, workflow_execution=WorkflowExecution(workflow_id=handle.id),
                reason="test", workflow_task_finish_event_id=first, request_id=new_id(),
            )
        )  # fmt: skip
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await asyncio.sleep(0.5)
        assert (await desk.story(one.card_id)).waiting_for is WaitingFor.REVIEWER, "the decision is lost"

        async def from_rows(_: str, point: ResetPoint) -> CardToBuy:
            assert point is ResetPoint.HERE
            return replace(
                one, resume=Resume(read=True, quotes=1, tasks=1, settled=("high_value",), quote_id="quote-1")
            )

        acts = RepairActs(temporal_client, desk, from_rows)
        candidate = Candidate(handle.id, RunKind.CARD, one.card_id, known=True, stage=Stage.OFFER)
        item = ItemAct(
            "R1", 1, RepairKind.RESET, handle.id, one.card_id, "", {"point": "here"}, candidate, False, "x", "P1", ""
        )
        await acts.reset(item)
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        assert len(world.of("review.apply")) == 1, "nobody decides again"
        for _ in range(50):
            if await acts.look(LookedAt(1, handle.id, "", Proof.RUNS)):
                break
            await asyncio.sleep(0.1)
        else:
            raise AssertionError("the new run never worked")
        await handle.terminate()


async def test_repeated_report_advances_the_card_once(temporal_client: Client) -> None:
    world = World(decisions={"typed": decided(ReviewOutcome.APPROVE)})
    one, desk = card(CardType.REGIONAL), CardClient(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "typed")
        await until(desk, one.card_id, WaitingFor.OUTLET)
        candidate = Candidate(
            f"card:{one.card_id}", RunKind.CARD, one.card_id, known=True, waiting_for=WaitingFor.OUTLET,
            outlet_request=f"outlet-{one.card_id}", outlet_confirmed=True,
        )  # fmt: skip
        item = ItemAct(
            "R1",
            1,
            RepairKind.SIGNAL_AGAIN,
            candidate.workflow_id,
            one.card_id,
            "",
            {},
            candidate,
            False,
            "x",
            "P1",
            "",
        )
        acts = RepairActs(temporal_client, desk, _nobody)
        for _ in range(2):
            await acts.signal_again(item)
        ended = await temporal_client.get_workflow_handle(candidate.workflow_id).result()
        assert ended["outcome"] == Outcome.PAID
        assert len(world.of("verification.record_outlet_report")) == 1
