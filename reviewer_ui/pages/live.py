"""The stream by which an open page hears that something changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from reviewer_ui.visit import At, CardReader, SignedIn

router = APIRouter()
Card = Annotated[str, Query(max_length=64)]


@dataclass(frozen=True)
class ChangedContext:
    """Which card has news."""

    card_id: str


PING_S = 15


# Not in the schema: who reads every route to its end would never come back from this one.
@router.get("/live", include_in_schema=False)
async def live(console: At, person: SignedIn, card: Card = "") -> Response:
    """`queue`, `notices`, and `card` for the named one, as they happen. 204 tells a browser with many pages open to ask later."""
    if not console.live.has_room(person.id):
        return Response(status_code=204)
    return EventSourceResponse(console.live.events(person, card), ping=PING_S)


@router.get("/live/changed")
async def changed(request: Request, console: At, _person: CardReader, card: Card = "") -> Response:
    """A line that offers to load the card's page again: nothing that somebody is typing is taken from them."""
    return await console.pages.render(request, "_changed.html", ChangedContext(card))
