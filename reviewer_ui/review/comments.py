"""Comments about a card and their attached files; commenting also renews the claim."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors.base import Refusal
from reviewer_ui.review.card import render
from reviewer_ui.review.card_tabs import CardTab
from reviewer_ui.visit import At, see_other
from reviewer_ui.work.item_comments import Commenter, as_download, comments_of, sent_comment
from reviewer_ui.work.lease_renewal import renew_if_held

router = APIRouter()
PATH = r"/cards/[0-9A-Za-z]{1,40}/comments"


@router.post("/cards/{card_id}/comments")
async def add(request: Request, console: At, person: Commenter, card_id: str) -> Response:
    """Writes a comment with its files. What is refused stays in the form, except the files, which browsers never keep."""
    # No form parameters: the framework would read them, files and all, before any permission is judged.
    words, files = await sent_comment(request)
    tab = request.query_params.get("tab", "")
    try:
        await console.comment_throttle.hit("comment", person.id)
        await comments_of(console).add(person.id, card_id, words, files)
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal, comment=words, tab=tab)
    await renew_if_held(console, person, card_id)
    return see_other(f"/cards/{card_id}?tab={tab}" if tab == CardTab.COMMENTS else f"/cards/{card_id}#story")


@router.get("/cards/{card_id}/files/{attachment_id}")
async def download(console: At, person: Commenter, card_id: str, attachment_id: str) -> Response:
    """A file kept with the card."""
    return as_download(await comments_of(console).download(person.id, card_id, attachment_id))


@router.get("/people/called")
async def called(console: At, person: Commenter, q: Annotated[str, Query(max_length=80)] = "") -> Response:
    """Names and addresses that begin so, for the completion of a mention."""
    found = await comments_of(console).people(person.id, q)
    return JSONResponse([{"name": one.name, "email": one.email, "calls": one.calls} for one in found])
