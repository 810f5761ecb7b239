"""Comments about a card and their attached files; commenting also renews the claim."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from domain.errors.base import Refusal
from domain.people.roles import Permission
from domain.work.comments import FILES_MAX
from gateways.attachments import BYTES_MAX
from reviewer_ui.review.card import render
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, allowed, see_other
from reviewer_ui.work.lease_renewal import renew_if_held
from services.work.comments import Comments

router = APIRouter()
commenting = allowed(Permission.COMMENT)
Commenter = Annotated[Person, Depends(commenting)]
PATH = r"/cards/[0-9A-Za-z]{1,40}/comments"
FORM_BYTES_MAX = FILES_MAX * BYTES_MAX + 64 * 1024  # The files, and the form around them.


@router.post("/cards/{card_id}/comments")
async def add(request: Request, console: At, person: Commenter, card_id: str) -> Response:
    """Writes a comment with its files. What is refused stays in the form, except the files, which browsers never keep."""
    # No form parameters: the framework would read them, files and all, before any permission is judged.
    form = await request.form()
    words = str(form.get("words", ""))
    try:
        await console.comment_throttle.hit("comment", person.id)
        await _comments(console).add(person.id, card_id, words, [one async for one in _files(form)])
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal, comment=words)
    await renew_if_held(console, person, card_id)
    return see_other(f"/cards/{card_id}#story")


@router.get("/cards/{card_id}/files/{attachment_id}")
async def download(console: At, person: Commenter, card_id: str, attachment_id: str) -> Response:
    """A kept file, to be saved and never shown by the browser in our name."""
    kept = await _comments(console).download(person.id, card_id, attachment_id)
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(kept.name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
    }
    return Response(kept.content, headers=headers, media_type=kept.media_type)


@router.get("/people/called")
async def called(console: At, person: Commenter, q: Annotated[str, Query(max_length=80)] = "") -> Response:
    """Names and addresses that begin so, for the completion of a mention."""
    found = await _comments(console).people(person.id, q)
    return JSONResponse([{"name": one.name, "email": one.email, "calls": one.calls} for one in found])


def _comments(console: Console) -> Comments:
    services = console.services
    return Comments(services.database, services.keyring, services.photos)


async def _files(form: FormData) -> AsyncIterator[tuple[str, bytes]]:
    """The chosen files; a file field left empty sends one without a name."""
    for sent in form.getlist("files"):
        if isinstance(sent, UploadFile) and sent.filename:
            # One byte over the limit is enough to refuse it by.
            yield sent.filename, await sent.read(BYTES_MAX + 1)
