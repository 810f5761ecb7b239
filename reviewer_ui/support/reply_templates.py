"""The leads' page of reply templates: words in both languages, with variables that are filled from the ticket."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.support.desk import templates
from database.tables.support.desk import ReplyTemplateRow
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.support.reply_templates import NAME_MAX, TEMPLATE_WORDS_MAX, TemplateVariable
from domain.support.tickets import TicketCategory
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.support.templates import TemplateWords
from web.forms import member_of

router = APIRouter(prefix="/support/templates")
Lead = Annotated[Person, Depends(allowed(Permission.LEAD_SUPPORT))]
Reader = Annotated[Person, Depends(allowed(Permission.ANSWER_TICKETS))]
Line = Annotated[str, Form(max_length=200)]
Words = Annotated[str, Form(max_length=TEMPLATE_WORDS_MAX * 2)]
Revision = Annotated[int, Form(ge=0)]
NEW = "new"


@dataclass(frozen=True)
class TypedTemplate:
    """What was entered and not taken, and for which template (`of`; empty: for a new one)."""

    of: str = ""
    name: str = ""
    category: str = ""
    zh: str = field(default="", repr=False)
    en: str = field(default="", repr=False)


@dataclass(frozen=True)
class TemplatesContext:
    """The page; agents read it, leads change it."""

    shell: Shell
    rows: tuple[ReplyTemplateRow, ...]
    may_write: bool
    typed: TypedTemplate | None
    refusal: Refusal | None
    kept: bool
    variables: tuple[TemplateVariable, ...] = tuple(TemplateVariable)
    categories: tuple[TicketCategory, ...] = tuple(TicketCategory)
    name_max: int = NAME_MAX
    words_max: int = TEMPLATE_WORDS_MAX


@router.get("")
async def show(request: Request, console: At, person: Reader, kept: Annotated[bool, Query()] = False) -> Response:
    """Show every template, those out of use at the end."""
    return await _render(request, console, person, kept=kept)


@router.post("/{template_id}")
async def save(
    request: Request, console: At, person: Lead, template_id: str, name: Line = "", category: Line = "", zh: Words = "",
    en: Words = "", revision: Revision = 0,
) -> Response:  # fmt: skip
    """Write a template; `new` makes one. What is refused stays in its form."""
    written = "" if template_id == NEW else template_id
    words = TemplateWords(name, zh, en, member_of(TicketCategory, category), revision)
    try:
        await console.tickets.templates.save(person.id, written, words)
    except NotFound:
        raise
    except Refusal as refusal:
        typed = TypedTemplate(written, name, category, zh, en)
        return await _render(request, console, person, refusal=refusal, typed=typed)
    return see_other("/support/templates?kept=true")


@router.post("/{template_id}/use")
async def use(console: At, person: Lead, template_id: str, on: Line = "") -> Response:
    """Take it out of use, or back into it."""
    await console.tickets.templates.use(person.id, template_id, on=on == "yes")
    return see_other("/support/templates?kept=true")


async def _render(
    request: Request, console: Console, person: Person, *, refusal: Refusal | None = None,
    typed: TypedTemplate | None = None, kept: bool = False,
) -> Response:  # fmt: skip
    request.state.back = "/support/templates"
    async with console.services.database.transaction() as session:
        rows = await templates(session, all_of_them=True)
    may = person.may(Permission.LEAD_SUPPORT)
    context = TemplatesContext(shell(request, person), rows, may, typed, refusal, kept)
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "support/reply_templates.html", context, status=status)
