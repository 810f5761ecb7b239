"""The stream by which an open page hears that something changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from reviewer_ui.visit import At, SignedIn

router = APIRouter()
Card = Annotated[str, Query(max_length=64)]


# Not in the schema: who reads every route to its end would never come back from this one.
@router.get("/live", include_in_schema=False)
async def live(console: At, person: SignedIn, card: Card = "", mark: Card = "", ticket: Card = "") -> Response:
    """`queue`, `notices`, and `card` or `ticket` for the named one, as they happen. 204 tells a browser with many pages open to ask later."""
    if not console.live.has_room(person.id):
        return Response(status_code=204)
    return console.live.response(person, card, mark, ticket)
