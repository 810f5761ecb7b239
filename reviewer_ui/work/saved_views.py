"""Saved views of the queue: kept from the queue page, and set in order on a page of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.work import saved_views as reads
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.people.roles import Permission
from domain.work.kinds import kind_of
from domain.work.queue_filter import Wanted
from reviewer_ui.brand_names import brand_names
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, QueueReader, Shell, see_other, shell
from services.work.saved_views import SavedViews

router = APIRouter(prefix="/review/views")
Line = Annotated[str, Form(max_length=200)]
Query = Annotated[str, Form(max_length=2000)]
HERE = "/review/views"


@dataclass(frozen=True)
class ViewLine:
    """A view and its filters as names and values, to be put into words; `reason_words` is the family of its reasons."""

    view: reads.View
    pairs: tuple[tuple[str, str], ...]
    reason_words: str


@dataclass(frozen=True)
class ViewsContext:
    """The views' own page. After a refusal the name and query that were to be saved are kept."""

    shell: Shell
    own: tuple[ViewLine, ...]
    others: tuple[ViewLine, ...]
    may_share: bool
    brands: dict[str, dict[str, str]]
    typed_name: str = ""
    typed_query: str = ""
    typed_for: str = ""  # The view that was to be renamed.
    refusal: Refusal | None = None


@dataclass(frozen=True)
class _Typed:
    name: str = ""
    query: str = ""
    view_id: str = ""


@router.get("")
async def show(request: Request, console: At, person: QueueReader) -> Response:
    """Manage one's own views and those that are shared."""
    return await _page(request, console, person)


@router.post("")
async def save(
    request: Request, console: At, person: QueueReader, name: Line = "", query: Query = "", shared: Line = ""
) -> Response:
    """Save the queue's filter under a name, pin it above the queue, and open it."""
    try:
        view_id = await console.views.save(person.id, name, query, shared=shared == "yes")
    except Refusal as refusal:
        return await _page(request, console, person, refusal, _Typed(name, query))
    await console.views.pin(person.id, view_id, True)
    return see_other(f"/review?{Wanted.from_query(query).query() or 'all=yes'}")


@router.post("/{view_id}")
async def change(
    request: Request, console: At, person: QueueReader, view_id: str, act: Line = "", name: Line = ""
) -> Response:
    """Renames, deletes, shares, pins a view, or lets it open first; and the opposite of each."""
    try:
        await _changed(console.views, person.id, view_id, act, name)
    except Refusal as refusal:
        return await _page(request, console, person, refusal, _Typed(name, view_id=view_id))
    return see_other(HERE)


async def _changed(views: SavedViews, person: str, view_id: str, act: str, name: str) -> None:
    match act:
        case "rename":
            await views.rename(person, view_id, name)
        case "delete":
            await views.delete(person, view_id)
        case "share" | "unshare":
            await views.share(person, view_id, act == "share")
        case "pin" | "unpin":
            await views.pin(person, view_id, act == "pin")
        case "first" | "not_first":
            await views.open_first(person, view_id, act == "first")
        case _:
            raise FieldInvalid(field="act", why="not_a_choice")


async def _page(
    request: Request,
    console: Console,
    person: Person,
    refusal: Refusal | None = None,
    typed: _Typed = _Typed(),  # Frozen: one empty form serves every request.
) -> Response:
    async with console.services.database.transaction() as session:
        found = await reads.views(session, person.id)
    lines = [_line(view) for view in found]
    context = ViewsContext(
        shell=shell(request, person),
        own=tuple(line for line in lines if line.view.own),
        others=tuple(line for line in lines if not line.view.own),
        may_share=person.may(Permission.SHARE_VIEW),
        brands=brand_names(),
        typed_name=typed.name,
        typed_query=typed.query,
        typed_for=typed.view_id,
        refusal=refusal,
    )
    return await console.answer(
        request, "work/saved_views.html", context, status=refusal.http_status if refusal else 200
    )


def _line(view: reads.View) -> ViewLine:
    wanted = Wanted.from_query(view.query)
    return ViewLine(view, tuple(wanted.pairs()), kind_of(wanted.kind).reasons)
