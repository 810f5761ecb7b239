"""An address that only takes a form leads to the page of that form when it is opened, as a reload or a bookmark does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import RedirectResponse

# Where the address itself does not name the page of its form.
_PAGES = {"/sign-in/resend": "/sign-in/code"}


def lead_back(tree: APIRouter, routers: Iterable[APIRouter]) -> None:
    """Give each POST-only address of the routers a GET in the tree that answers 303 to the nearest page above it.

    `/cards/{card_id}/quote/accept` leads to `/cards/{card_id}`.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    pages = {route.path for route in routes if "GET" in (route.methods or ())}
    for route in routes:
        if route.path not in pages:
            tree.add_api_route(route.path, _leading_to(_page_of(route.path, pages)), include_in_schema=False)


def _page_of(path: str, pages: set[str]) -> str:
    above = _PAGES.get(path, path)
    while above not in pages:
        above = above.rpartition("/")[0] or "/"
    return above


def _leading_to(page: str) -> Callable[[Request], Awaitable[RedirectResponse]]:
    async def reopened(request: Request) -> RedirectResponse:
        """Redirect to the page of the form."""
        return RedirectResponse(page.format(**request.path_params), 303)

    return reopened
