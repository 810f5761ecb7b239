"""The page of an item by its kind, for acts of every kind whose refusal has to keep what was typed."""

from __future__ import annotations

from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from domain.errors.base import Refusal
from domain.work.kinds import kind_of
from reviewer_ui.sessions import Person
from reviewer_ui.visit import Console
from services.work.items import item


class ItemPage(Protocol):
    """Renders the page of one item with a comment that was not taken, under the refusal's status."""

    async def __call__(
        self, request: Request, console: Console, person: Person, item_id: str, /, *, refusal: Refusal, comment: str
    ) -> Response:
        """Return the page. Refuse NotFound."""


_PAGES: dict[str, ItemPage] = {}


def show_items(kind: str, page: ItemPage) -> None:
    """Have the items of a kind shown by this page."""
    _PAGES[kind] = page


async def page_with_comment(
    request: Request, console: Console, person: Person, item_id: str, comment: str, refusal: Refusal
) -> Response:
    """Return the item's page with the refused comment. Raises the refusal for people who may not open that page."""
    async with console.services.database.transaction() as session:
        found = await item(session, item_id)
    page = _PAGES.get(found.kind)
    if page is None or not person.may(kind_of(found.kind).see):
        raise refusal
    return await page(request, console, person, item_id, refusal=refusal, comment=comment)
