"""The queue of reviews that support asked for leads to the review itself."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from database.reads.quality.blind_reviews import of_question
from domain.errors.general import NotFound
from reviewer_ui.visit import At, Checker, see_other

router = APIRouter(prefix="/quality/second/asked")


@router.get("/{escalation_id}")
async def show(console: At, person: Checker, escalation_id: str) -> Response:
    """Lead to the review of a question. Refuse NotFound."""
    del person
    async with console.services.database.transaction() as session:
        found = await of_question(session, escalation_id[:26])
    if found is None:
        raise NotFound(review=escalation_id[:26])
    return see_other(f"/quality/second/{found}")
