"""Bulk actions: assign, snooze or release many tasks, and show the result of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.people import accounts
from database.reads.work import queue as reads
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.people.roles import Permission
from domain.work.eligibility import Ineligible
from domain.work.kinds import kinds, page_at
from domain.work.queue_filter import Wanted
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.queue_place import FILTER_COOKIE
from reviewer_ui.reason_words import said
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, require_sees, see_other, shell, signed_in
from reviewer_ui.work.snooze import snoozed_until
from services.work.bulk import ITEMS_MAX, Done
from web.locale import locale_of

router = APIRouter(prefix="/review/bulk")
Line = Annotated[str, Form(max_length=120)]
Query = Annotated[str, Form(max_length=2000)]
TASK_CHARACTERS_MAX = 80


async def bulk_worker(request: Request) -> Person:
    """Require a person who may do at least one of the actions; which of them is checked per task. Refuses NotAllowed."""
    person = await signed_in(request)
    if not (person.may(Permission.ASSIGN) or any(person.may(kind.take) for kind in kinds())):
        raise NotAllowed(permission=Permission.ASSIGN.value)
    return person


BulkWorker = Annotated[Person, Depends(bulk_worker)]


@dataclass(frozen=True)
class Outcome:
    """One task's line: done, or the key of the sentence it was refused with, and what that sentence needs."""

    task_id: str
    card_id: str
    page: str
    done: bool
    code: str
    data: dict[str, Any]
    why: tuple[Ineligible, ...]
    holder: str


@dataclass(frozen=True)
class BulkContext:
    """The answer page. `to` is a name, `reason` words; `back` is the filter that the tasks were chosen in."""

    shell: Shell
    act: str
    to: str
    until: datetime | None
    reason: str
    outcomes: tuple[Outcome, ...]
    done: int
    refused: int
    capped: bool
    most: int
    back: str


@dataclass(frozen=True)
class RefusedContext:
    """The page of a refusal that concerns all of them: nothing was done."""

    shell: Shell
    refusal: Refusal
    back: str


@dataclass(frozen=True)
class _Asked:
    """What was chosen below the queue."""

    act: str
    tasks: tuple[str, ...]
    to: str
    reason: str
    moment: str
    until: str


@router.post("")
async def act(
    request: Request,
    console: At,
    person: BulkWorker,
    task: Annotated[list[str] | None, Form()] = None,
    filter: Query = "",  # noqa: A002
    everything: Line = "",
    act: Line = "",
    to: Line = "",
    reason: Line = "",
    moment: Line = "",
    until: Line = "",
) -> Response:
    """Does it, task by task, and shows what became of each."""
    given = tuple(one[:TASK_CHARACTERS_MAX] for one in task or ())
    tasks, capped = (await _all_found(console, person, filter)) if everything == "yes" else (given, False)
    try:
        batch = await _done(console, person, _Asked(act, tasks, to, reason, moment, until))
    except Refusal as refusal:
        refused = RefusedContext(shell(request, person), refusal, _back(request))
        return await console.answer(request, "work/bulk_refused.html", refused, status=refusal.http_status)
    return see_other(f"/review/bulk/{batch}" + ("?capped=true" if capped else ""))


@router.get("/{batch_id}")
async def show(request: Request, console: At, person: BulkWorker, batch_id: str, capped: bool = False) -> Response:
    """Show the result of each task; only to the person who requested it."""
    batch = await console.bulk.batch(person.id, batch_id)
    async with console.services.database.transaction() as session:
        names, reasons = await accounts.all_names(session), await reads.reason_words(session)
    until = batch.facts.get("until")
    context = BulkContext(
        shell=shell(request, person),
        act=batch.act,
        to=names.get(batch.facts.get("to", ""), ""),
        until=datetime.fromisoformat(until) if until else None,
        reason=said(reasons, ReasonedAct.SNOOZE, batch.facts.get("reason", ""), locale_of(request)),
        outcomes=tuple(_outcome(result, names) for result in batch.results),
        done=sum(not result.code for result in batch.results),
        refused=sum(bool(result.code) for result in batch.results),
        capped=capped,
        most=ITEMS_MAX,
        back=_back(request),
    )
    return await console.answer(request, "work/bulk_done.html", context)


async def _done(console: Console, person: Person, asked: _Asked) -> str:
    match asked.act:
        case "assign":
            return await console.bulk.assign(person.id, asked.tasks, asked.to)
        case "snooze":
            until = await snoozed_until(console, person, asked.moment, asked.until)
            return await console.bulk.snooze(person.id, asked.tasks, until, asked.reason)
        case "release":
            return await console.bulk.release(person.id, asked.tasks)
        case _:
            raise FieldInvalid(field="act", why="missing")


def _back(request: Request) -> str:
    """The queue as it was last looked at."""
    kept = Wanted.from_query(request.cookies.get(FILTER_COOKIE, "")).query()
    return f"/review?{kept or 'all=yes'}"


async def _all_found(console: Console, person: Person, query: str) -> tuple[tuple[str, ...], bool]:
    """The ids of what the filter finds in its order, and whether there is more than is done at once."""
    wanted = Wanted.from_query(query)
    require_sees(person, wanted.kind)
    async with console.services.database.transaction() as session:
        page = await reads.queue(session, wanted, None, person.id, now(), ITEMS_MAX)
    return tuple(entry.task.id for entry in page.entries), page.after is not None


def _outcome(result: Done, names: dict[str, str]) -> Outcome:
    why = result.data.get("why")
    return Outcome(
        task_id=result.task_id,
        card_id=result.task_id.split(":")[1] if result.task_id.count(":") == 3 else "",
        page=page_at(result.task_id, None) or "/review",
        done=not result.code,
        code=result.code,
        data=result.data,
        why=tuple(Ineligible(one) for one in why) if isinstance(why, list) else (),
        holder=names.get(str(result.data.get("holder", "")), ""),
    )
