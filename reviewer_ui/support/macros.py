"""The leads' page of macros: several acts on a ticket under one name."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.support import desk as reads
from database.reads.work.queue import reason_words
from database.tables.support.desk import ReplyTemplateRow, TicketMacroRow
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.support.macros import AfterMacro, MacroSteps
from domain.support.tickets import TicketCategory
from domain.work.reason_codes import ReasonedAct
from domain.work.task import Priority
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell

router = APIRouter(prefix="/support/macros")
Lead = Annotated[Person, Depends(allowed(Permission.LEAD_SUPPORT))]
Reader = Annotated[Person, Depends(allowed(Permission.ANSWER_TICKETS))]
NEW = "new"
STEP_MAX = 2_200
_LISTS = (ReasonedAct.SOLVE_TICKET, ReasonedAct.TICKET_CAUSE, ReasonedAct.ESCALATE)


@dataclass(frozen=True)
class MacroLine:
    """A macro with its steps."""

    row: TicketMacroRow
    steps: MacroSteps


@dataclass(frozen=True)
class TypedMacro:
    """What was entered and not taken, and for which macro (`of`; empty: for a new one)."""

    of: str
    name: str
    steps: MacroSteps


@dataclass(frozen=True)
class MacrosContext:
    """The page; agents read it, leads change it."""

    shell: Shell
    lines: tuple[MacroLine, ...]
    templates: tuple[ReplyTemplateRow, ...]
    agents: tuple[tuple[str, str], ...]
    reasons: dict[str, tuple[ReasonView, ...]]
    may_write: bool
    typed: TypedMacro | None
    refusal: Refusal | None
    kept: bool
    categories: tuple[TicketCategory, ...] = tuple(TicketCategory)
    priorities: tuple[Priority, ...] = tuple(Priority)
    afters: tuple[AfterMacro, ...] = tuple(AfterMacro)
    blank: MacroSteps = field(default_factory=MacroSteps)


@router.get("")
async def show(request: Request, console: At, person: Reader, kept: Annotated[bool, Query()] = False) -> Response:
    """Show every macro, those out of use at the end."""
    return await _render(request, console, person, kept=kept)


@router.post("/{macro_id}")
async def save(request: Request, console: At, person: Lead, macro_id: str) -> Response:
    """Write a macro; `new` makes one. What is refused stays in its form."""
    form = await request.form()
    given = {one.name: str(form.get(one.name, ""))[:STEP_MAX].strip() for one in fields(MacroSteps)}
    steps, name = MacroSteps(**{**given, "after": given["after"] or AfterMacro.OPEN.value}), str(form.get("name", ""))
    written, revision = "" if macro_id == NEW else macro_id, str(form.get("revision", ""))
    try:
        read = int(revision) if revision.isascii() and revision.isdigit() else 0
        await console.tickets.macros.save(person.id, written, name, steps, read)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _render(request, console, person, refusal=refusal, typed=TypedMacro(written, name, steps))
    return see_other("/support/macros?kept=true")


@router.post("/{macro_id}/use")
async def use(request: Request, console: At, person: Lead, macro_id: str) -> Response:
    """Take it out of use, or back into it."""
    on = (await request.form()).get("on") == "yes"
    await console.tickets.macros.use(person.id, macro_id, on=on)
    return see_other("/support/macros?kept=true")


async def _render(
    request: Request, console: Console, person: Person, *, refusal: Refusal | None = None,
    typed: TypedMacro | None = None, kept: bool = False,
) -> Response:  # fmt: skip
    request.state.back = "/support/macros"
    async with console.services.database.transaction() as session:
        rows = await reads.macros(session, all_of_them=True)
        templates, agents = await reads.templates(session), await reads.agents(session, "")
        reasons = await reason_words(session)
    listed = {
        act.value: tuple(reason_view(one) for one in reasons.values() if one.act == act and one.active)
        for act in _LISTS
    }
    lines = tuple(MacroLine(row, MacroSteps.of(row.steps)) for row in rows)
    may = person.may(Permission.LEAD_SUPPORT)
    context = MacrosContext(shell(request, person), lines, templates, agents, listed, may, typed, refusal, kept)
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "support/macros.html", context, status=status)
