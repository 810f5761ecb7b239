"""A lease lasts while its holder works: their keyboard and mouse keep it, at most once a minute."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import JSONResponse, Response

from database.reads.cards import card_page as reads
from domain.errors.work import TaskNotHeld
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Decider

router = APIRouter()


async def renew_if_held(console: Console, person: Person, card_id: str) -> None:
    """Keeps the card's task in this person's hand if it is there: whatever they do on the page is work on it."""
    async with console.services.database.transaction() as session:
        task = await reads.open_task(session, card_id)
    if task is not None:
        await console.services.review.leases.renew(person.id, task.id)


@router.post("/cards/{card_id}/keep")
async def keep(console: At, person: Decider, card_id: str, task_id: Annotated[str, Form(max_length=120)]) -> Response:
    """Renews the lease that this person holds and says until when; refuses TaskNotHeld, which the page then shows."""
    lease = await console.services.review.leases.renew(person.id, task_id)
    if lease is None or lease.card_id != card_id:
        raise TaskNotHeld()
    return JSONResponse({"until": lease.until.isoformat()})
