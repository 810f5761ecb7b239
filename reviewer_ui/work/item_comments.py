"""Comments on a work item of any kind, and their attached files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.base import Refusal
from domain.people.roles import Permission
from domain.support.tickets import TICKET
from domain.work.comments import FILES_MAX
from gateways.attachments import BYTES_MAX
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, allowed, see_other
from reviewer_ui.work.item_pages import page_with_comment
from services.support import grams
from services.work.comments import Comments, Download
from services.work.items import page_of_item
from web import downloads

router = APIRouter(prefix="/work/{task_id}")
commenting = allowed(Permission.COMMENT)
Commenter = Annotated[Person, Depends(commenting)]
PATH = r"/work/[0-9A-Za-z:]{1,80}/comments"
Files = Sequence[tuple[str, bytes]]  # Names and contents.
FORM_BYTES_MAX = FILES_MAX * BYTES_MAX + 64 * 1024  # The files, and the form around them.


@router.post("/comments")
async def add(request: Request, console: At, person: Commenter, task_id: str) -> Response:
    """Writes a comment with its files on the item, beside those on its card; what is refused stays in its page's form."""

    async def write(words: str, files: Files) -> None:
        await comments_of(console).add_to_item(person.id, task_id, words, files)

    async def again(words: str, refusal: Refusal) -> Response:
        return await page_with_comment(request, console, person, task_id, words, refusal)

    if (refused := await comment(request, console, person, write, again)) is not None:
        return refused
    async with console.services.database.transaction() as session:
        return see_other(await page_of_item(session, task_id))


@router.get("/files/{attachment_id}")
async def download(console: At, person: Commenter, task_id: str, attachment_id: str) -> Response:
    """Serve a file kept with the item."""
    return as_download(await comments_of(console).download_of_item(person.id, task_id, attachment_id))


def comments_of(console: Console) -> Comments:
    """Return the acts on comments and files."""
    services = console.services
    return Comments(services.database, services.keyring, services.photos, {TICKET: grams.index_task})


async def comment(
    request: Request, console: Console, person: Person, write: Callable[[str, Files], Awaitable[object]],
    again: Callable[[str, Refusal], Awaitable[Response]],
) -> Response | None:  # fmt: skip
    """Writes what the form says; return None, or the page with the refused words, without files: no browser keeps those."""
    # No form parameters: the framework would read them, files and all, before any permission is judged.
    words, files = await _sent(request)
    try:
        await console.comment_throttle.hit("comment", person.id)
        await write(words, files)
    except Refusal as refusal:
        return await again(words, refusal)
    return None


async def _sent(request: Request) -> tuple[str, list[tuple[str, bytes]]]:
    """The words of the form and its chosen files; a file field left empty sends one without a name."""
    form = await request.form()
    # One byte over the limit is enough to refuse a file by.
    files = [
        (sent.filename, await sent.read(BYTES_MAX + 1))
        for sent in form.getlist("files")
        if isinstance(sent, UploadFile) and sent.filename
    ]
    return str(form.get("words", "")), files


def as_download(kept: Download) -> Response:
    """Serve a kept file, to be saved and never shown by the browser in our name."""
    return downloads.as_download(kept.name, kept.media_type, kept.content)
