"""Comments about a card and their attached files; commenting also renews the claim."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors.base import Refusal
from domain.work.kinds import REVIEW
from reviewer_ui.review.card import render
from reviewer_ui.review.card_tabs import CardTab
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, see_other
from reviewer_ui.work.item_comments import Commenter, Files, as_download, comment, comments_of
from reviewer_ui.work.item_pages import show_items
from reviewer_ui.work.lease_renewal import renew_if_held
from services.work.items import item

router = APIRouter()
PATH = r"/cards/[0-9A-Za-z]{1,40}/comments"


@router.post("/cards/{card_id}/comments")
async def add(request: Request, console: At, person: Commenter, card_id: str) -> Response:
    """Writes a comment with its files. What is refused stays in the form, except the files, which browsers never keep."""
    tab = request.query_params.get("tab", "")

    async def write(words: str, files: Files) -> None:
        await comments_of(console).add(person.id, card_id, words, files)

    async def again(words: str, refusal: Refusal) -> Response:
        return await render(request, console, person, card_id, refusal=refusal, comment=words, tab=tab)

    if (refused := await comment(request, console, person, write, again)) is not None:
        return refused
    await renew_if_held(console, person, card_id)
    return see_other(f"/cards/{card_id}?tab={tab}" if tab == CardTab.COMMENTS else f"/cards/{card_id}#story")


@router.get("/cards/{card_id}/files/{attachment_id}")
async def download(console: At, person: Commenter, card_id: str, attachment_id: str) -> Response:
    """Serve a file kept with the card."""
    return as_download(await comments_of(console).download(person.id, card_id, attachment_id))


@router.get("/people/called")
async def called(console: At, person: Commenter, q: Annotated[str, Query(max_length=80)] = "") -> Response:
    """Names and addresses that begin so, for the completion of a mention."""
    found = await comments_of(console).people(person.id, q)
    return JSONResponse([{"name": one.name, "email": one.email, "calls": one.calls} for one in found])


async def _task_page(
    request: Request, console: Console, person: Person, item_id: str, *, refusal: Refusal, comment: str
) -> Response:  # fmt: skip
    """The page of a review task is its card's."""
    async with console.services.database.transaction() as session:
        card_id = (await item(session, item_id)).card_id or ""
    return await render(request, console, person, card_id, refusal=refusal, comment=comment)


show_items(REVIEW, _task_page)
