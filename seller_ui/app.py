"""Builds the seller pages. Mounted beside the API at `/`; the API's own routes come first."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from database.session import DatabaseUnavailable
from domain.errors.people import NotSignedIn
from languages import translate
from seller_ui.intake_points import VIA, came_via, keep
from seller_ui.pages import answers, card, cards, contact_links, privacy, sell, sign_in, tickets, wallet
from seller_ui.reopened import lead_back
from seller_ui.services import SellerServices
from seller_ui.site import Site, seller_writes, visit
from web import csrf, errors
from web.body_limits import BodyLimits
from web.csrf import Csrf
from web.limits import BODY_BYTES_MAX
from web.requests import NO_OWN_TELEMETRY, RequestIds, request_id
from web.security import SecurityHeaders

CSRF_COOKIE = "cardloop_seller_csrf"
FORM_BYTES_MAX = 64 * 1024
WIDER = {
    "/sell/[^/]+": BODY_BYTES_MAX,
    "/cards/[^/]+/item": 13 * 1024 * 1024,
    "/tickets/new": BODY_BYTES_MAX,
    "/tickets/[^/]+/messages": BODY_BYTES_MAX,
}  # These take photographs and files: the second one.
PAGES = (sell, cards, card, answers, privacy, tickets, contact_links, wallet)


def build(services: SellerServices) -> FastAPI:
    """Build the application of the seller pages."""
    app = FastAPI(title="Cardloop", docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_OWN_TELEMETRY)
    site = Site(services)
    app.state.site = site
    app.state.demo_links = services.demo_links
    app.router.routes.extend([site.static.route, *_routes()])
    answer = errors.install(app, page=error_page, unreachable=(DatabaseUnavailable,))
    app.add_middleware(BodyLimits, bytes_max=FORM_BYTES_MAX, wider=WIDER, answer=answer)
    app.add_middleware(Csrf, secret=services.signing_secret, cookie=CSRF_COOKIE, secure=services.cookies_secure)
    app.add_middleware(SecurityHeaders, https=services.cookies_secure)
    app.add_middleware(RequestIds)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Every page's routes. One tree a process: FastAPI reads the parameters of each route again for every tree that holds it."""
    tree = APIRouter()
    tree.include_router(sign_in.router, dependencies=[Depends(csrf.check)])
    for part in PAGES:
        tree.include_router(part.router, dependencies=[Depends(seller_writes), Depends(csrf.check)])
    lead_back(tree, [part.router for part in (sign_in, *PAGES)])
    return tuple(tree.routes)


async def error_page(request: Request, status: int, code: str, data: Mapping[str, object]) -> Response:
    """Render a refusal as a page that says what to do; a visitor who is not signed in is asked to sign in."""
    if code == NotSignedIn.code and request.method == "GET":
        ask = RedirectResponse(f"/sign-in?next={quote(request.url.path)}", 303)
        if VIA in request.query_params:  # The page after signing in shows it.
            secure = visit(request).site.services.cookies_secure
            keep(request, ask, came_via(request), secure=secure, shown=False)
        return ask
    asked = visit(request)
    message = translate(f"error.{code}", asked.locale, data)
    context: dict[str, Any] = {"status": status, "message": message, "request_id": request_id(request), "section": ""}
    return await asked.page("error.html", context, status=status)
