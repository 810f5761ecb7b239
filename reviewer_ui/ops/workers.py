"""Task queues with their workers, what a deployment must continue, and one worker with its drain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import reading_wait
from database.reads.ops import queues as queue_reads
from database.reads.ops import stuck as reads
from database.reads.ops import workers as worker_reads
from database.reads.people import accounts
from database.tables.columns import now
from domain.errors.general import NotFound
from domain.ops.workers import WHY_MAX
from domain.people.roles import Permission
from reviewer_ui.ops.stuck import Operator, old
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Shell, allowed, see_other, shell
from services.ops.watch import Look
from services.ops.workers import Workers

router = APIRouter(prefix="/operations")
Drainer = Annotated[Person, Depends(allowed(Permission.DRAIN_WORKERS))]
P99 = 0.99


@dataclass(frozen=True)
class QueueView:
    """One task queue: Temporal's account of it, and our workers' of its slots and waits. Shares are 0 to 1, waits seconds."""

    seen: queue_reads.QueueSeen
    slots: worker_reads.QueueSlots
    at_once: float | None
    wait_p99_s: float | None


@dataclass(frozen=True)
class WorkerView:
    """One worker process and the address of its page."""

    seen: worker_reads.WorkerProcess
    href: str


@dataclass(frozen=True)
class QueuesContext:
    """Every task queue, every worker process, and the builds that open runs were worked on by."""

    shell: Shell
    queues: tuple[QueueView, ...]
    workers: tuple[WorkerView, ...]
    builds: tuple[worker_reads.WorkerBuild, ...]
    unseen_since: datetime | None
    photos: reading_wait.ReadingWait


@dataclass(frozen=True)
class WorkerContext:
    """One worker process; `drained_by` is the name of who drained it."""

    shell: Shell
    view: WorkerView
    drained_by: str
    may_drain: bool
    why_max: int


@router.get("/queues")
async def queues(request: Request, console: At, person: Operator) -> Response:
    """Every task queue with its workers."""
    moment = now()
    async with console.services.database.transaction() as session:
        found = await queue_reads.queues(session)
        processes = await worker_reads.processes(session, moment)
        builds = await worker_reads.builds(session, processes)
        looks = await reads.looks(session)
        photos = await reading_wait.of_all(session, moment)
    slots = worker_reads.slots(processes)
    context = QueuesContext(
        shell(request, person),
        tuple(_queue(one, slots) for one in found),
        tuple(_view(one) for one in processes),
        builds,
        old(looks, Look.QUEUES, moment),
        photos,
    )
    return await console.answer(request, "ops/queues.html", context, block="queues")


@router.get("/queues/workers/{name}")
async def one_worker(request: Request, console: At, person: Operator, name: str) -> Response:
    """One worker process. Refuses NotFound for an unknown name."""
    async with console.services.database.transaction() as session:
        found = await worker_reads.process(session, name, now())
        names = await accounts.all_names(session)
    if found is None:
        raise NotFound(worker=name[:80])
    context = WorkerContext(
        shell(request, person),
        _view(found),
        names.get(found.drain_by, found.drain_by),
        person.may(Permission.DRAIN_WORKERS),
        WHY_MAX,
    )
    return await console.answer(request, "ops/worker.html", context, block="worker")


@router.post("/queues/workers/{name}/drain")
async def drain(console: At, person: Drainer, name: str, why: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """Let the worker finish what runs and end."""
    await Workers(console.services.database).drain(person.id, name, why)
    return see_other(_address(name))


@router.post("/queues/workers/{name}/undrain")
async def undrain(console: At, person: Drainer, name: str) -> Response:
    """Let the worker start again."""
    await Workers(console.services.database).undrain(person.id, name)
    return see_other(_address(name))


def _queue(seen: queue_reads.QueueSeen, slots: Mapping[worker_reads.QueueKind, worker_reads.QueueSlots]) -> QueueView:
    own = slots.get((seen.queue, seen.kind), worker_reads.QueueSlots())
    return QueueView(seen, own, own.waits.share_at_once(), own.waits.quantile_s(P99))


def _view(seen: worker_reads.WorkerProcess) -> WorkerView:
    return WorkerView(seen, _address(seen.name))


def _address(name: str) -> str:
    return "/operations/queues/workers/" + quote(name, safe="@")
