"""The limits of reading: what holds for each brand's field, what the labelled readings allow, and a draft of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.people.roles import Permission
from domain.places import business_day
from domain.quality.reading_figures import Proposal, needed
from domain.rules.brands import catalogue
from domain.rules.limits import limits_in_force
from domain.rules.reading import KIND, ReadingLimits, reading_in_force
from languages import translate
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.policies.documents import Proposal as Draft
from services.quality.reading_tuner import drafted, proposals
from web.locale import locale_of

router = APIRouter(prefix="/setup/reading")
Reader = Annotated[Person, Depends(allowed(Permission.SEE_POLICIES))]
Writer = Annotated[Person, Depends(allowed(Permission.SET_POLICIES))]


@dataclass(frozen=True)
class LimitsContext:
    """What the labels allow, field by field, those with a proposal first; `open_version` is a draft that waits, 0 when there is none."""

    shell: Shell
    found: tuple[Proposal, ...]
    names: dict[str, str]
    limits: ReadingLimits
    general_bp: int
    needed: int
    open_version: int
    may_draft: bool
    may_try: bool
    refusal: Refusal | None = None


@router.get("")
async def show(request: Request, console: At, person: Reader) -> Response:
    """Show what holds and what the labels of the last year allow."""
    return await _page(request, console, person)


@router.post("/draft")
async def draft(request: Request, console: At, person: Writer) -> Response:
    """Save the chosen proposals as a draft of the policy; nothing changes until people publish it."""
    chosen = {str(one) for one in (await request.form()).getlist("limit")}
    now = datetime.now(UTC)
    async with console.services.database.transaction() as session:
        found = [one for one in await proposals(session, now) if f"{one.brand}.{one.field}" in chosen]
    taken = [one for one in found if one.limit_bp is not None]
    try:
        if not taken:
            raise FieldInvalid(field="limit", why="missing")
        state = await console.policies.state(KIND)
        why = translate("console.tuner.why", locale_of(request), {"labels": sum(one.labels for one in taken)})
        await console.policies.save(person.id, KIND, Draft(drafted(state.in_force, taken), why, None, 0))
    except Refusal as refused:
        return await _page(request, console, person, refused)
    return see_other(f"/setup/policies/{KIND.code}?done=saved")


async def _page(request: Request, console: Console, person: Person, refusal: Refusal | None = None) -> Response:
    now = datetime.now(UTC)
    today = business_day(now)
    async with console.services.database.transaction() as session:
        found = await proposals(session, now)
    state, limits = await console.policies.state(KIND), reading_in_force(today)
    names = {code: one.names[locale_of(request)] for code, one in catalogue().items()}
    ordered = tuple(sorted(found, key=lambda one: (one.limit_bp is None, one.missing > 0)))
    context = LimitsContext(
        shell(request, person), ordered, names, limits, limits_in_force(today).confidence_bp_min,
        max(limits.labels_min, needed(limits.wrong_bp_max)), 0 if state.open is None else state.open.version,
        person.may(Permission.SET_POLICIES), person.may(Permission.TRY_READING), refusal,
    )  # fmt: skip
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "quality/reading_limits.html", context, status=status)
