"""What can be wrong with Temporal: unreachable, without our namespace or attributes, without workers, or of another time than the database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import text
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from bootstrap import repair_runs
from bootstrap.doctor.finding import Finding, attention, broken
from bootstrap.local import temporal
from bootstrap.reconciling import ON_ITS_WAY, CardState
from bootstrap.repair_runs import RepairRuns
from bootstrap.settings import Settings
from bootstrap.watching import queues
from bootstrap.words import say
from database.session import Database
from jobs.held_calls import keeps_rates
from jobs.open_runs import poller_count
from workflows.search_attributes import ALL

ASKED_S = 10.0
CALL = timedelta(seconds=5)
CLOSED_WITHIN = timedelta(days=2)
RUNS_MAX = 50_000  # Of running workflows, and of those that ended lately.
NAMED_MAX = 5  # Repairs that a sentence names.
DESCRIBED_MAX = 100  # Open cards without a running workflow that Temporal is asked about one by one.
CARDS = "WorkflowType = 'CardWorkflow'"
RUNNING, COMPLETED = WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED
Runs = Mapping[str, WorkflowExecutionStatus | None]


class Drift(StrEnum):
    """How a card's row and its workflow can contradict each other."""

    NO_CARD = "no_card"  # There is a workflow and no such card.
    ENDED_THERE = "ended_there"  # The workflow came to its end, and the card is open.
    GONE = "gone"  # The card is open, and Temporal does not know its workflow.
    STOPPED = "stopped"  # The card is open, and its workflow was ended before its end.
    RUNS_ON = "runs_on"  # The card has ended, and its workflow runs.


# What the database, having been restored to an older point, has not heard of; the rest Temporal has not.
OLDER_DATABASE = frozenset({Drift.NO_CARD, Drift.ENDED_THERE})


async def temporal_findings(settings: Settings, store: Database | None) -> list[Finding]:
    """Return what is wrong with Temporal; without a database its workflows are not compared. Raises DatabaseUnavailable."""
    try:
        async with asyncio.timeout(ASKED_S):
            client = await temporal.connect(settings)
            if not await _has_namespace(client):
                return [_no_namespace(settings)]
    except (RuntimeError, RPCError, TimeoutError):
        said = say(
            f"Temporal（{settings.temporal_target}）没有应答：处理中的卡片在等待。",
            f"Temporal does not answer at {settings.temporal_target}: cards in progress wait.",
        )
        return [broken("temporal_unreachable", said, "make up, or look at CARDLOOP_TEMPORAL_ADDRESS")]
    try:
        found = [*await _attributes(client), *await _queues(client), *no_rates(offered=await keeps_rates(client))]
        if store is None:
            return found
        of_runs = [*await _compared(client, store), *of_repairs(await repair_runs.compare(client, store))]
        return [*found, *of_runs, *await _tickets(client, store)]
    except (RuntimeError, RPCError, TimeoutError):
        said = say("Temporal 未能回答全部查询。", "Temporal did not answer every question.")
        return [broken("temporal_fails", said, "docker compose logs temporal")]


async def _has_namespace(client: Client) -> bool:
    request = DescribeNamespaceRequest(namespace=client.namespace)
    try:
        await client.workflow_service.describe_namespace(request, timeout=CALL)
    except RPCError as refused:
        if refused.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


def _no_namespace(settings: Settings) -> Finding:
    name = settings.temporal_namespace
    said = say(f"Temporal 没有命名空间 {name}。", f"Temporal has no namespace {name}.")
    return broken("namespace_missing", said, "docker/temporal-namespace.sh")


async def _attributes(client: Client) -> list[Finding]:
    request = ListSearchAttributesRequest(namespace=client.namespace)
    listed = await client.operator_service.list_search_attributes(request, timeout=CALL)
    return missing_attributes([key.name for key in ALL if key.name not in listed.custom_attributes])


def missing_attributes(names: Sequence[str]) -> list[Finding]:
    """Return the finding of search attributes that the namespace does not know."""
    if not names:
        return []
    said = say(
        f"命名空间缺少搜索属性：{'、'.join(names)}；Temporal 页面无法按其筛选。",
        f"The namespace lacks search attributes: {', '.join(names)}; Temporal's page cannot filter by them.",
    )
    return [attention("search_attributes_missing", said, "docker/temporal-namespace.sh")]


def no_rates(*, offered: bool) -> list[Finding]:
    """Return the finding of a server that cannot limit a task queue."""
    if offered:
        return []
    said = say(
        "Temporal 服务器不支持任务队列限速：维护期间由工作进程自行暂停调用，尝试次数照常累计。",
        "The Temporal server cannot limit a task queue: in maintenance the workers hold the calls themselves, and attempts are counted.",
    )
    return [attention("no_queue_rates", said, "docs/operations.md#moving-temporal-to-another-version: 1.29.1 or newer")]


async def _queues(client: Client) -> list[Finding]:
    wanted = queues()
    counts = await asyncio.gather(*(poller_count(client, queue, kind) for queue, kind in wanted))
    return idle_queues(
        [f"{queue} ({kind})" for (queue, kind), number in zip(wanted, counts, strict=True) if not number]
    )


def idle_queues(names: Sequence[str]) -> list[Finding]:
    """Return the finding of task queues that no worker polls."""
    if not names:
        return []
    said = say(
        f"没有工作进程轮询以下任务队列：{'、'.join(names)}。", f"No worker polls these task queues: {', '.join(names)}."
    )
    return [broken("no_worker", said, "python -m cli work cards, python -m cli work reading")]


async def _compared(client: Client, store: Database) -> list[Finding]:
    since = datetime.now(UTC) - CLOSED_WITHIN
    running = await _listed(client, f"{CARDS} AND ExecutionStatus = 'Running'")
    closed = await _listed(client, f"{CARDS} AND CloseTime > '{since:%Y-%m-%dT%H:%M:%SZ}'")
    runs: dict[str, WorkflowExecutionStatus | None] = {**closed, **running}
    cards = await _cards(store, list(runs))
    now = datetime.now(UTC)
    unsure = [one for one, card in cards.items() if card.started and not card.ended and one not in runs]
    settled = [one for one in unsure if cards[one].since < now - ON_ITS_WAY]
    for card_id in settled[:DESCRIBED_MAX]:
        runs[card_id] = await _status(client, card_id)
    return of_drift(contradictions(cards, runs, now))


async def _tickets(client: Client, store: Database) -> list[Finding]:
    """List open tickets with unwatched clocks: their workflow does not run."""
    query = "WorkflowType = 'TicketWorkflow' AND ExecutionStatus = 'Running'"
    running = {one.id.removeprefix("ticket:") async for one in client.list_workflows(query, limit=RUNS_MAX)}
    wanted = "SELECT id FROM ticket WHERE state <> 'closed' AND heard_revision > 0 AND opened_at < :settled ORDER BY id LIMIT :most"
    async with store.transaction() as session:
        values = {"settled": datetime.now(UTC) - ON_ITS_WAY, "most": RUNS_MAX}
        tickets = (await session.execute(text(wanted), values)).scalars().all()
    return unwatched_tickets(sum(one not in running for one in tickets))


def unwatched_tickets(number: int) -> list[Finding]:
    """Return the finding of open tickets without a running workflow."""
    if not number:
        return []
    said = say(
        f"{number} 个未关闭的客服工单没有运行中的流程，不会发出超时提醒。",
        f"{number} open tickets have no running workflow: no notification is sent when they are overdue.",
    )
    return [attention("tickets_unwatched", said, "make up: the console starts within a minute those that were lost")]


async def _listed(client: Client, query: str) -> dict[str, WorkflowExecutionStatus]:
    found: dict[str, WorkflowExecutionStatus] = {}
    async for one in client.list_workflows(query, limit=RUNS_MAX):
        found.setdefault(one.id.removeprefix("card:"), one.status or RUNNING)  # The newest run comes first.
    return found


async def _status(client: Client, card_id: str) -> WorkflowExecutionStatus | None:
    """The newest run's status; None when Temporal does not know the workflow."""
    try:
        return (await client.get_workflow_handle(f"card:{card_id}").describe(rpc_timeout=CALL)).status
    except RPCError as refused:
        if refused.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _cards(store: Database, listed: Sequence[str]) -> dict[str, CardState]:
    """The open cards, and those that Temporal lists."""
    wanted = "SELECT id, started_at IS NOT NULL, outcome IS NOT NULL, since FROM card WHERE outcome IS NULL OR id = ANY(:ids)"
    async with store.transaction() as session:
        rows = await session.execute(text(wanted), {"ids": list(listed)})
        return {card_id: CardState(started, ended, since) for card_id, started, ended, since in rows}


def contradictions(cards: Mapping[str, CardState], runs: Runs, now: datetime) -> Counter[Drift]:
    """Count the cards whose rows and workflows contradict each other; what moves at this moment is left out."""
    found: Counter[Drift] = Counter()
    for card_id, run in runs.items():
        card = cards.get(card_id)
        if card is None:
            found[Drift.NO_CARD] += 1
        elif card.since < now - ON_ITS_WAY:
            drift = _drift(card, run)
            found.update([drift] if drift is not None else [])
    return found


def _drift(card: CardState, run: WorkflowExecutionStatus | None) -> Drift | None:
    if card.ended:
        return Drift.RUNS_ON if run is RUNNING else None
    if not card.started or run is RUNNING:
        return None
    if run is None:
        return Drift.GONE
    return Drift.ENDED_THERE if run is COMPLETED else Drift.STOPPED


def of_drift(found: Counter[Drift]) -> list[Finding]:
    """Return the findings of both directions, each with the repair that fixes it."""
    older = sum(number for drift, number in found.items() if drift in OLDER_DATABASE)
    newer = {drift: number for drift, number in found.items() if drift not in OLDER_DATABASE}
    findings = []
    if older:
        said = say(
            f"数据库比 Temporal 旧：Temporal 中有 {older} 个流程的卡片在数据库中不存在或尚未结束。数据库很可能恢复到了较早时间。",
            f"The database is older than Temporal: of {older} workflows the card is unknown here or still open. The database was probably restored to an earlier point.",
        )
        findings.append(
            broken("database_older", said, "stop the workers, then: python -m cli reconcile --after-restore")
        )
    if newer:
        said = say(
            f"Temporal 比数据库旧或丢失了流程：{sum(newer.values())} 张卡片的流程不存在、被终止，或在卡片结束后仍运行（{_counts(newer)}）。",
            f"Temporal is older than the database or lost workflows: of {sum(newer.values())} cards the workflow is gone, was ended, or runs although the card has ended ({_counts(newer)}).",
        )
        findings.append(broken("temporal_older", said, "stop the workers, then: python -m cli reconcile"))
    return findings


def _counts(found: Mapping[Drift, int]) -> str:
    return ", ".join(f"{drift}: {number}" for drift, number in sorted(found.items()))


def of_repairs(found: RepairRuns) -> list[Finding]:
    """Return the findings of repairs that do not run although they are open, and of those that run although they are not."""
    findings = []
    if found.stopped:
        said = say(
            f"{len(found.stopped)} 项修复尚未结束，但其流程不在 Temporal 中运行：{_named(found.stopped)}。",
            f"{len(found.stopped)} repairs are open and their workflow does not run: {_named(found.stopped)}.",
        )
        findings.append(broken("repairs_stopped", said, "python -m cli reconcile, or suspend and resume the repair"))
    if found.stray:
        said = say(
            f"Temporal 中有 {len(found.stray)} 个修复流程仍在运行，但数据库中没有对应的未结束修复：{_named(found.stray)}。",
            f"{len(found.stray)} workflows of repairs run, and no open repair has their id: {_named(found.stray)}.",
        )
        findings.append(broken("repairs_stray", said, "python -m cli reconcile"))
    return findings


def _named(repairs: Sequence[str]) -> str:
    more = len(repairs) - NAMED_MAX
    return ", ".join(repairs[:NAMED_MAX]) + (f" … (+{more})" if more > 0 else "")
