"""Let an administrator request the reset of a lost authenticator, so that the person can set up another."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.people import NotAllowed
from domain.people.roles import Permission
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, PeopleManager, see_other

router = APIRouter(prefix="/setup/people/{person_id}")


@router.post("/totp-reset")
async def reset(request: Request, console: At, person: PeopleManager, person_id: str) -> Response:
    """Request a reset from a second person; requires confirmed identity. One's own cannot be reset this way."""
    if person_id == person.id:
        raise NotAllowed(permission=Permission.MANAGE_PEOPLE.value)
    await require_step_up(request, person)
    await console.totp.ask_reset(person.id, person_id)
    return see_other(f"/setup/people/{person_id}?saved=true")
