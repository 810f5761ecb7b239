"""Setup: the deadline policies and calendars in tables, tried out on the open tasks before they are saved as a draft."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from database.reads.people.accounts import all_names
from database.tables.columns import now
from database.tables.policies import PolicyDocumentRow
from domain.errors.base import Refusal
from domain.people.roles import Permission
from domain.places import business_day
from domain.policies.document import PolicyDocument, read_json
from domain.policies.flaws import DocumentWrong, Flaw
from domain.rules.deadlines import KIND
from domain.work.deadline_document import parse
from domain.work.deadlines import AtEnd, Policies
from domain.work.working_time import known_years
from reviewer_ui.policies.deadline_form import put_into
from reviewer_ui.policies.documents import begins_on, revision_of, version_of
from reviewer_ui.policies.transfer import imported
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.policies.deadlines import DeadlineTrial, Preview
from services.policies.documents import KindState, Proposal
from services.policies.reading import document_of

HISTORY_MAX = 50
router = APIRouter(prefix="/setup/deadlines")
Writer = Annotated[Person, Depends(allowed(Permission.SET_POLICIES))]


@dataclass(frozen=True)
class DeadlinesContext:
    """The open draft, else the version in force, and what is being made of it: `draft` is the document's text."""

    shell: Shell
    version: PolicyDocument  # In force.
    open: PolicyDocumentRow | None  # The draft, or what waits for a second person.
    policies: Policies
    history: tuple[PolicyDocumentRow, ...]
    built_in: tuple[PolicyDocument, ...]
    names: Mapping[str, str]  # Person → name.
    ends: tuple[AtEnd, ...]
    holidays_until: int
    today: str
    current: str  # The document in the tables, as text.
    draft: str
    flaws: tuple[Flaw, ...] = ()
    preview: Preview | None = None
    refusal: Refusal | None = None
    why: str = ""
    begins: str = ""


@router.get("")
async def show(
    request: Request, console: At, person: Writer, version: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """The document in tables; `version` puts an older one's into the text area, to go back to it."""
    page, state = await _page(request, console, person)
    if version:
        page = replace(page, draft=_text(version_of(state, version).document))
    return await _answer(request, console, page)


@router.post("/preview")
async def preview(request: Request, console: At, person: Writer) -> Response:
    """What the document, or the common values put into it, would change; nothing is written."""
    form = await request.form()
    page, _ = await _page(request, console, person)
    page = replace(page, draft=str(form.get("document", "")))
    try:
        wanted = imported(KIND, read_json(page.draft))
        if form.get("how") == "values":
            wanted = put_into(wanted, {name: str(value) for name, value in form.items()})
            page = replace(page, draft=_text(wanted))
        page = replace(page, preview=await _trial(console).preview(wanted))
    except DocumentWrong as wrong:
        return await _answer(request, console, replace(page, flaws=wrong.flaws), status=422)
    return await _answer(request, console, page)


@router.post("")
async def save(request: Request, console: At, person: Writer) -> Response:
    """Saves the document as a draft; its page puts it before a second person."""
    form = await request.form()
    try:
        document = imported(KIND, read_json(str(form.get("document", ""))))
        proposal = Proposal(document, str(form.get("why", "")), begins_on(form.get("begins")), revision_of(form))
        await console.policies.save(person.id, KIND, proposal)
    except DocumentWrong as wrong:
        page = replace(_typed((await _page(request, console, person))[0], form), flaws=wrong.flaws)
        return await _answer(request, console, page, status=422)
    except Refusal as refused:
        page = replace(_typed((await _page(request, console, person))[0], form), refusal=refused)
        return await _answer(request, console, await _tried(console, page), status=refused.http_status)
    return see_other(f"/setup/policies/{KIND.code}?done=saved")


async def _tried(console: Console, page: DeadlinesContext) -> DeadlinesContext:
    """The page with the dry run of its draft, or its errors: a draft on an old version may have errors too."""
    try:
        return replace(page, preview=await _trial(console).preview(read_json(page.draft)))
    except DocumentWrong as wrong:
        return replace(page, flaws=wrong.flaws)


def _typed(page: DeadlinesContext, form: FormData) -> DeadlinesContext:
    draft, why, begins = (str(form.get(name, "")) for name in ("document", "why", "begins"))
    return replace(page, draft=draft, why=why, begins=begins)


def _trial(console: Console) -> DeadlineTrial:
    return DeadlineTrial(console.services.database)


async def _page(request: Request, console: Console, person: Person) -> tuple[DeadlinesContext, KindState]:
    state = await console.policies.state(KIND)
    async with console.services.database.transaction() as session:
        names = await all_names(session)
    edited = state.in_force if state.open is None else document_of(KIND, state.open)
    page = DeadlinesContext(
        shell=shell(request, person),
        version=state.in_force,
        open=state.open,
        policies=parse(edited.document, edited.number),
        history=state.versions[:HISTORY_MAX],
        built_in=KIND.built_in(),
        names=names,
        ends=tuple(AtEnd),
        holidays_until=max(known_years()),
        today=business_day(now()).isoformat(),
        current=_text(edited.document),
        draft=_text(edited.document),
        why=state.open.why if state.open is not None else "",
        begins=state.open.effective_from.isoformat() if state.open is not None else "",
    )
    return page, state


async def _answer(request: Request, console: Console, page: DeadlinesContext, status: int = 200) -> Response:
    return await console.answer(request, "policies/deadlines.html", page, status=status)


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
