"""Builds the API. Its reference page is our own (FastAPI's loads from a CDN); the schema is at /openapi.json."""

from __future__ import annotations

from functools import cache

from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from api import callbacks, cards, catalogue, inbound, pages, settlements, submissions, tickets
from api.caller import KeyFirst, limits
from api.examples import with_examples
from api.models import Problem
from api.services import ApiServices
from database.session import DatabaseUnavailable
from gateways.mail.wire import BYTES_MAX as MAIL_BYTES_MAX
from web import errors
from web.body_limits import BodyLimits
from web.card_changes import CardChanges
from web.limits import BODY_BYTES_MAX
from web.readiness import Readiness
from web.requests import NO_OWN_TELEMETRY, RequestIds
from web.security import SecurityHeaders

VERSION = "1.0"
FIELDS_BYTES_MAX = 64 * 1024  # Of a request without photographs, and of a provider's report.
WIDER = {
    "/v1/submissions": BODY_BYTES_MAX,
    "/v1/cards/[^/]+/items/photo": 17 * 1024 * 1024,  # One photo of 12 MB in base64.
    "/inbound/mail": MAIL_BYTES_MAX,
    "/v1/tickets": BODY_BYTES_MAX,
    "/v1/tickets/[^/]+/messages": BODY_BYTES_MAX,
    r"/(?!v1/|callbacks/|inbound/).*": BODY_BYTES_MAX,  # The seller pages, mounted here, have limits of their own.
}
PROBLEMS: dict[int | str, dict[str, object]] = {
    code: {"model": Problem, "description": "A refusal; see docs/errors.md"}
    for code in (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
}


def build(services: ApiServices) -> FastAPI:
    """Build the API's application; the seller pages can be mounted on it at `/`."""
    app = FastAPI(
        title="Cardloop", version=VERSION, docs_url=None, redoc_url=None, responses=PROBLEMS, telemetry=NO_OWN_TELEMETRY
    )
    app.state.services = services
    plain = app.openapi
    app.openapi = cache(lambda: with_examples(plain()))  # type: ignore[method-assign]
    app.state.limits = limits(services.database)
    app.state.changes = CardChanges(services.database)
    app.router.routes.extend([*_routes(), pages.STATIC.route])
    app.add_api_route("/healthz", health, methods=["GET"], tags=["health"])
    app.router.routes.append(Readiness(services.ready).route)
    app.add_middleware(KeyFirst)  # Inside of what answers refusals.
    errors.install(app, unreachable=(DatabaseUnavailable,))
    app.add_middleware(BodyLimits, bytes_max=FIELDS_BYTES_MAX, wider=WIDER)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds)
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Every route but health's. One tree a process: FastAPI reads the parameters of each route again for every tree that holds it."""
    tree = APIRouter(responses=PROBLEMS)
    for router in (
        submissions.receipts,
        submissions.router,
        cards.router,
        tickets.router,
        settlements.router,
        catalogue.router,
        callbacks.router,
        inbound.router,
        pages.router,
    ):
        tree.include_router(router)
    return tuple(tree.routes)


async def health() -> dict[str, str]:
    """200 while this process is alive; whether it can serve is said by /readyz."""
    return {"status": "ok"}
