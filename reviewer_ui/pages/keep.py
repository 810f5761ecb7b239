"""A lease lasts while its holder works: their keyboard and mouse keep it, at most once a minute."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import JSONResponse, Response

from domain.refusals import TaskNotHeld
from reviewer_ui.visit import At, Decider

router = APIRouter()


@router.post("/cards/{card_id}/keep")
async def keep(console: At, person: Decider, card_id: str, task_id: Annotated[str, Form(max_length=120)]) -> Response:
    """Renews the lease that this person holds and says until when; refuses TaskNotHeld, which the page then shows."""
    lease = await console.services.review.renew(person.id, task_id)
    if lease is None or lease.card_id != card_id:
        raise TaskNotHeld()
    return JSONResponse({"until": lease.until.isoformat()})
