"""A seller says whether a mail address is theirs, and takes it back."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from domain.errors.general import NotFound
from seller_ui.site import SellerVisit

router = APIRouter()


@router.post("/contacts/{link_id}/{answer}")
async def answer(visit: SellerVisit, link_id: str, answer: str) -> Response:
    """Confirm the address, decline it, or undo what was confirmed. Refuse NotFound and ContactLinkOver."""
    links = visit.site.contact_links
    if answer in ("yes", "no"):
        await links.answer(visit.owner, link_id, theirs=answer == "yes")
    elif answer == "undo":
        await links.undo(visit.owner, link_id)
    else:
        raise NotFound(answer=answer[:20])
    return visit.go("/tickets")
