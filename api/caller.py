"""Who calls: a partner by its API key, counted against its rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.types import ASGIApp, Receive, Scope, Send

from api.services import ApiServices
from database.session import Database
from domain.errors.people import NotSignedIn
from services.people.rate_limit import Throttle
from web.card_changes import CardChanges
from web.csrf import SAFE_METHODS
from web.limits import caller
from web.locale import locale_of

BEARER = HTTPBearer(auto_error=False, description="API key of a partner")
KEY_LENGTH_MAX = 200


@dataclass(frozen=True)
class Limits:
    """How often one caller may ask, counted by all processes together."""

    failed_keys: Throttle
    requests: Throttle
    submissions: Throttle
    tickets: Throttle


def limits(database: Database) -> Limits:
    """Fresh counters: a guessed key costs a try, a partner may send ten submissions a second for a while, and write to support once a second."""
    return Limits(
        Throttle(database, "30/minute"),
        Throttle(database, "6000/minute", ahead=20),
        Throttle(database, "1200/minute", ahead=10),
        Throttle(database, "60/minute;600/hour"),
    )


@dataclass(frozen=True)
class Caller:
    """One request of an authenticated partner."""

    services: ApiServices
    limits: Limits
    changes: CardChanges
    partner_id: str
    locale: str

    @property
    def owner(self) -> str:
        """`partner:<id>`"""
        return f"partner:{self.partner_id}"


async def authenticated(
    request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)]
) -> Caller:
    """Dependency: the partner behind `Authorization: Bearer`. Refuses NotSignedIn and TooManyTries."""
    known: str | None = getattr(request.state, "partner_id", None)
    partner_id = known or await _partner_of(request, credentials.credentials if credentials else "")
    state = request.app.state
    return Caller(state.services, state.limits, state.changes, partner_id, locale_of(request))


class KeyFirst:
    """ASGI middleware: requests to `/v1/` that write must show their key before a byte of the body is read or parsed.

    The framework reads and parses a body before it asks any dependency.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keeps the partner's id for `authenticated`. Refuses NotSignedIn and TooManyTries."""
        if scope["type"] == "http" and scope["path"].startswith("/v1/") and scope["method"] not in SAFE_METHODS:
            request = Request(scope)
            scheme, _, key = request.headers.get("authorization", "").partition(" ")
            request.state.partner_id = await _partner_of(request, key if scheme.lower() == "bearer" else "")
        await self._app(scope, receive, send)


async def _partner_of(request: Request, key: str) -> str:
    services: ApiServices = request.app.state.services
    counted: Limits = request.app.state.limits
    if not 0 < len(key) <= KEY_LENGTH_MAX:
        raise NotSignedIn()
    try:
        partner_id = await services.partners.authenticate(key)
    except NotSignedIn:
        await counted.failed_keys.hit("key", caller(request))
        raise
    await counted.requests.hit("requests", partner_id)
    return partner_id


Partner = Annotated[Caller, Depends(authenticated)]
