"""Let a senior reviewer reopen a task whose decision could not be applied."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from domain.people.roles import Permission
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, allowed, see_other

router = APIRouter()
Senior = Annotated[Person, Depends(allowed(Permission.DECIDE_ESCALATED))]


@router.post("/decisions/{decision_id}/reopen")
async def reopen(
    console: At, person: Senior, decision_id: str, reason_code: Annotated[str, Form(max_length=120)] = ""
) -> Response:
    """Reopen the card's task. Refuses NotFound when another person was first, or the decision was applied after all."""
    return see_other(
        f"/cards/{await console.services.review.undeliverable.reopen(person.id, decision_id, reason_code)}"
    )
