"""Setup, access: what one person asked for and a second one has to confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.people import accounts as reads
from domain.errors.base import Refusal
from domain.money import Money
from domain.people.access import AccessKind, Bounds, StandInAsked
from domain.people.roles import Permission, Role
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.people.access import requests

router = APIRouter(prefix="/setup/access")
Confirmer = Annotated[Person, Depends(allowed(Permission.CONFIRM_ACCESS))]


@dataclass(frozen=True)
class RequestLine:
    """One request: for whom, what, and who asked; `mine`: this person asked, and cannot confirm it."""

    id: str
    name: str
    kind: AccessKind
    roles: tuple[Role, ...]
    bounds: Bounds
    bound: frozenset[str]  # Which of the two is asked for.
    asked_by: str
    asked_at: datetime
    mine: bool
    for_me: bool  # It gives this person rights.
    stand_in: StandInAsked | None
    stand_in_name: str

    def limit(self) -> Money:
        """Return the limit that was requested, where one was."""
        return Money(self.bounds.limit_minor or 0)


@dataclass(frozen=True)
class AccessContext:
    """The list of what waits."""

    shell: Shell
    waiting: tuple[RequestLine, ...]
    refusal: Refusal | None


@router.get("")
async def show(request: Request, console: At, person: Confirmer) -> Response:
    """Everything that waits for a second person, the oldest first."""
    return await _page(request, console, person)


@router.post("/{request_id}")
async def answer(
    request: Request, console: At, person: Confirmer, request_id: str, act: Annotated[str, Form(max_length=20)] = ""
) -> Response:
    """Confirms it, which needs a fresh proof of who is there, or refuses it."""
    try:
        if act == "confirm":
            await require_step_up(request, person)
            await console.access.confirm(person.id, request_id)
        else:
            await console.access.refuse(person.id, request_id)
    except Refusal as refusal:
        if refusal.code == "step_up_needed":
            raise
        return await _page(request, console, person, refusal)
    return see_other("/setup/access")


async def _page(request: Request, console: Console, person: Person, refusal: Refusal | None = None) -> Response:
    async with console.services.database.transaction() as session:
        found, names = await requests(session), await reads.all_names(session)
    lines = tuple(
        RequestLine(
            one.id, names.get(one.person_id, ""), one.kind, tuple(Role(role) for role in one.roles), *_bounds(one.bounds),
            names.get(one.asked_by, ""), one.asked_at, one.asked_by == person.id,
            person.id in (one.person_id, one.bounds.get("stand_in")),
            StandInAsked.from_json(one.bounds) if one.kind is AccessKind.STAND_IN else None,
            names.get(one.bounds.get("stand_in", ""), ""),
        )
        for one in found
    )  # fmt: skip
    context = AccessContext(shell(request, person), lines, refusal)
    return await console.answer(request, "people/access.html", context, status=refusal.http_status if refusal else 200)


def _bounds(asked: Mapping[str, Any]) -> tuple[Bounds, frozenset[str]]:
    """What is asked for, and which of the two bounds are meant."""
    until = asked.get("probation_until")
    return Bounds(asked.get("limit_minor"), datetime.fromisoformat(until) if until else None), frozenset(asked)
