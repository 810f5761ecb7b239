"""Undo: a decision that has not left is taken back, and its card opens again with what was decided as a draft."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.review import TooLateToUndo
from reviewer_ui.undoing import forget
from reviewer_ui.visit import At, Decider, see_other

router = APIRouter()


@router.post("/decisions/{decision_id}/undo")
async def undo(request: Request, console: At, person: Decider, decision_id: str) -> Response:
    """Undo the decision and show the card again, held by the same person. When it is too late, the error page says so, with 409."""
    try:
        undone = await console.services.review.decisions.undo(person.id, decision_id)
    except TooLateToUndo:
        request.state.undo_is_over = decision_id  # The page that says so does not offer it again.
        raise
    answer = see_other(f"/cards/{undone.card_id}")
    return forget(request, answer, decision_id, secure=console.services.https)
