"""Stuck runs by cause, the runs of one cause, and one run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import submissions
from database.reads.ops import repairs
from database.reads.ops import stuck as reads
from database.reads.ops.deliveries import undelivered
from database.repositories import cards
from database.tables.columns import now
from database.tables.ops.repairs import RepairItemRow, RepairRow
from domain.errors.general import NotFound
from domain.money import Money
from domain.ops.runs import RunKind, subject_of
from domain.people.roles import Permission
from reviewer_ui.brand_names import brand_names
from reviewer_ui.ops.health import Strip, strip
from reviewer_ui.ops.page_mark import mark_of, place_of
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Shell, allowed, see_other, shell
from services.ops.watch import Look
from web.story import Moment, moments

router = APIRouter(prefix="/operations")
Operator = Annotated[Person, Depends(allowed(Permission.SEE_OPERATIONS))]
# A look that is older than this is said to be old: what the page shows may have changed since.
OLD_AFTER = {Look.STUCK: timedelta(seconds=15), Look.QUEUES: timedelta(seconds=30)}
TREND_WIDTH, TREND_HEIGHT = 120, 24


@dataclass(frozen=True)
class CauseView:
    """One cause, its address, and its trend as the points of a line."""

    seen: reads.StuckCause
    href: str
    points: str
    rising: bool


@dataclass(frozen=True)
class StuckContext:
    """The list of causes; `stale_since` is when the rows were last judged, `unseen_since` when Temporal last answered."""

    shell: Shell
    causes: tuple[CauseView, ...]
    undelivered: int  # Webhooks and messages that fail.
    runs: int
    value: Money
    stale_since: datetime | None
    unseen_since: datetime | None
    drift: Drift
    health: Strip
    brands: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Drift:
    """What Temporal's list and our rows did not agree on at the last comparison."""

    compared_at: datetime | None
    missing: tuple[str, ...]
    missing_count: int
    unexpected: tuple[str, ...]
    unexpected_count: int


@dataclass(frozen=True)
class CauseContext:
    """The runs of one cause; `view` is None once no run is stuck by it any more."""

    shell: Shell
    view: CauseView | None
    runs: tuple[reads.StuckRun, ...]
    more: str
    brands: dict[str, dict[str, str]]
    may_repair: bool


@dataclass(frozen=True)
class RunContext:
    """One run: its pending step, the card's story, and its page in Temporal."""

    shell: Shell
    workflow_id: str
    card_id: str
    brand: str
    stage: str
    waiting_for: str
    since: datetime
    until: datetime | None
    owner: str
    ended: bool
    step: reads.PendingStep | None
    story: tuple[Moment, ...]
    temporal_url: str
    brands: dict[str, dict[str, str]]
    repairs: tuple[tuple[RepairRow, RepairItemRow], ...]
    may_repair: bool


@router.get("")
async def show(request: Request, console: At, person: Operator) -> Response:
    """Every cause, those with the most runs first."""
    moment = now()
    async with console.services.database.transaction() as session:
        found = await reads.causes(session, moment)
        looks = await reads.looks(session)
        behind = await undelivered(session, moment)
        health = await strip(session, moment)
    context = StuckContext(
        shell(request, person),
        tuple(_view(one) for one in found),
        sum(one.failing for one in behind),
        sum(one.runs for one in found),
        Money(sum(one.value.amount_minor for one in found)),
        old(looks, Look.STUCK, moment),
        old(looks, Look.QUEUES, moment),
        _drift(looks.get(Look.SWEEP)),
        health,
        brand_names(),
    )
    return await console.answer(request, "ops/stuck.html", context, block="causes")


@router.get("/stuck/{cause}")
async def one_cause(
    request: Request, console: At, person: Operator, cause: str, after: Annotated[str, Query(max_length=120)] = ""
) -> Response:
    """Show the runs of one cause, a page at a time."""
    moment = now()
    async with console.services.database.transaction() as session:
        seen = await reads.cause(session, cause, moment)
        runs = await reads.runs(session, cause, place_of(after), reads.PAGE + 1)
    more = mark_of(runs[reads.PAGE - 1].since, runs[reads.PAGE - 1].workflow_id) if len(runs) > reads.PAGE else ""
    view = None if seen is None else _view(seen)
    may_repair = person.may(Permission.REPAIR)
    context = CauseContext(shell(request, person), view, tuple(runs[: reads.PAGE]), more, brand_names(), may_repair)
    return await console.answer(request, "ops/cause.html", context)


@router.get("/runs/{workflow_id}")
async def one_run(request: Request, console: At, person: Operator, workflow_id: str) -> Response:
    """One run. Refuses NotFound for what is no run of ours."""
    subject = subject_of(workflow_id)
    if subject is None:
        raise NotFound(run=workflow_id[:40])
    kind, card_id = subject
    if kind is RunKind.REPAIR:
        return see_other(f"/operations/repairs/{card_id}")
    if kind is RunKind.TICKET:
        return see_other(f"/tickets/{card_id}")
    if kind is RunKind.SETTLEMENT:
        party, _, period = card_id.partition(":")
        return see_other(f"/settlements?party={party}&period={period}")
    async with console.services.database.transaction() as session:
        card = await cards.load(session, card_id)
        step = await reads.pending(session, workflow_id)
        story = await submissions.story(session, card_id)
        owner = (await reads.owners(session, [card_id])).get(card_id, "")
        repaired = await repairs.repairs_of_card(session, card_id)
    context = RunContext(
        shell(request, person), workflow_id, card_id, card.brand, card.stage.value, card.waiting_for.value, card.since,
        card.until, owner, card.outcome is not None, step, moments(story),
        _in_temporal(console.services.temporal_url, workflow_id), brand_names(), tuple(repaired),
        person.may(Permission.REPAIR),
    )  # fmt: skip
    return await console.answer(request, "ops/run.html", context)


def _view(seen: reads.StuckCause) -> CauseView:
    most = max(1, *seen.trend)
    last = len(seen.trend) - 1
    points = " ".join(
        f"{TREND_WIDTH * place / last:.1f},{TREND_HEIGHT - (TREND_HEIGHT - 2) * count / most - 1:.1f}"
        for place, count in enumerate(seen.trend)
    )
    return CauseView(
        seen, "/operations/stuck/" + quote(seen.cause.key, safe=""), points, seen.trend[-1] > seen.trend[-6]
    )


def old(looks: dict[str, reads.Looked], look: Look, moment: datetime) -> datetime | None:
    """When a look last ended, if that is too long ago; the beginning of time where it never did."""
    seen = looks.get(look)
    if seen is None:
        return None
    return seen.ended_at if seen.ended_at < moment - OLD_AFTER[look] else None


def _drift(seen: reads.Looked | None) -> Drift:
    found = {} if seen is None else seen.found
    return Drift(
        None if seen is None else seen.ended_at,
        tuple(found.get("card_missing", ())), int(found.get("card_missing_count", 0)),
        tuple(found.get("card_unexpected", ())), int(found.get("card_unexpected_count", 0)),
    )  # fmt: skip


def _in_temporal(url: str, workflow_id: str) -> str:
    return f"{url}/workflows/{quote(workflow_id, safe='')}" if url else ""
