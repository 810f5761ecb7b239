"""Setup: the deadline policies and calendars, tried out on the open tasks before a new version of them is saved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.base import Refusal
from domain.people.roles import Permission
from domain.policies.document import read_json
from domain.policies.flaws import DocumentWrong, Flaw
from domain.work.deadlines import AtEnd, Policies
from domain.work.working_time import known_years
from reviewer_ui.policies.deadline_form import put_into
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.policies.deadlines import DeadlineSetup, Preview, Version

router = APIRouter(prefix="/setup/deadlines")
Keeper = Annotated[Person, Depends(allowed(Permission.MANAGE_DEADLINES))]
Document = Annotated[str, Form(max_length=200_000)]


@dataclass(frozen=True)
class DeadlinesContext:
    """The version in force and what is being made of it: `draft` is the document's text, `flaws` where it is wrong."""

    shell: Shell
    version: Version
    policies: Policies
    history: tuple[Version, ...]
    names: Mapping[str, str]  # Person → name, of who made the versions.
    ends: tuple[AtEnd, ...]
    holidays_until: int
    current: str  # The document in force, as text.
    draft: str
    flaws: tuple[Flaw, ...] = ()
    preview: Preview | None = None
    refusal: Refusal | None = None
    note: str = ""
    kept: int = 0


@router.get("")
async def show(
    request: Request, console: At, person: Keeper, version: Annotated[int, Query()] = 0, kept: Annotated[int, Query()] = 0
) -> Response:  # fmt: skip
    """The version in force in tables; `version` puts an older one's document into the text area, to go back to it."""
    setup = DeadlineSetup(console.services.database)
    page = await _page(request, person, setup)
    if version:
        page = replace(page, draft=_text(await setup.document_of(version)))
    return await console.answer(request, "policies/deadlines.html", replace(page, kept=kept))


@router.post("/preview")
async def preview(
    request: Request, console: At, person: Keeper, document: Document = "", how: str = Form("")
) -> Response:
    """What the document, or the common values put into it, would change; nothing is written."""
    setup = DeadlineSetup(console.services.database)
    page = replace(await _page(request, person, setup), draft=document)
    try:
        wanted = read_json(document)
        if how == "values":
            wanted = put_into(wanted, {name: str(value) for name, value in (await request.form()).items()})
            page = replace(page, draft=_text(wanted))
        page = replace(page, preview=await setup.preview(wanted))
    except DocumentWrong as wrong:
        return await _answer(request, console, replace(page, flaws=wrong.flaws), status=422)
    return await _answer(request, console, page)


@router.post("")
async def save(
    request: Request, console: At, person: Keeper, document: Document = "", based_on: str = Form(""), note: str = Form("")
) -> Response:  # fmt: skip
    """Save the document as the next version; running deadlines are recalculated within seconds."""
    setup = DeadlineSetup(console.services.database)
    try:
        base = int(based_on) if based_on.isascii() and based_on.isdigit() and len(based_on) < 10 else 0
        saved = await setup.save(person.id, read_json(document), note, base)
    except DocumentWrong as wrong:
        page = replace(await _page(request, person, setup), draft=document, note=note, flaws=wrong.flaws)
        return await _answer(request, console, page, status=422)
    except Refusal as refused:
        page = replace(await _page(request, person, setup), draft=document, note=note, refusal=refused)
        return await _answer(request, console, await _tried(setup, page), status=refused.http_status)
    return see_other(f"/setup/deadlines?kept={saved}")


async def _tried(setup: DeadlineSetup, page: DeadlinesContext) -> DeadlinesContext:
    """Render the page with the dry run of its draft, or its errors: a draft on an old version may have errors too."""
    try:
        return replace(page, preview=await setup.preview(read_json(page.draft)))
    except DocumentWrong as wrong:
        return replace(page, flaws=wrong.flaws)


async def _page(request: Request, person: Person, setup: DeadlineSetup) -> DeadlinesContext:
    kept, history = await setup.current(), await setup.history()
    in_chains = {step.person for policy in kept.policies.policies for step in policy.chain if step.role is None}
    return DeadlinesContext(
        shell=shell(request, person),
        version=kept.version,
        policies=kept.policies,
        history=history,
        names=await setup.names({one.made_by for one in history} | in_chains),
        ends=tuple(AtEnd),
        holidays_until=max(known_years()),
        current=_text(kept.document),
        draft=_text(kept.document),
    )


async def _answer(request: Request, console: Console, page: DeadlinesContext, status: int = 200) -> Response:
    return await console.answer(request, "policies/deadlines.html", page, status=status)


def _text(document: Any) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
