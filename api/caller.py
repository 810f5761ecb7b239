"""Who calls: a partner by its API key, counted against its rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from activities.throttle import Throttle
from api.services import ApiServices
from domain.refusals import NotSignedIn
from web.limits import caller
from web.locale import locale_of

BEARER = HTTPBearer(auto_error=False, description="API key of a partner")
KEY_LENGTH_MAX = 200


@dataclass(frozen=True)
class Limits:
    """How often one caller may ask, per process."""

    failed_keys: Throttle
    requests: Throttle
    submissions: Throttle


def limits() -> Limits:
    """Fresh counters: a guessed key costs a try, a partner may send ten submissions a second for a while."""
    return Limits(Throttle("30/minute"), Throttle("6000/minute"), Throttle("1200/minute"))


@dataclass(frozen=True)
class Caller:
    """One request of an authenticated partner."""

    services: ApiServices
    limits: Limits
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
    services: ApiServices = request.app.state.services
    counted: Limits = request.app.state.limits
    if credentials is None or len(credentials.credentials) > KEY_LENGTH_MAX:
        raise NotSignedIn()
    try:
        partner_id = await services.partners.authenticate(credentials.credentials)
    except NotSignedIn:
        counted.failed_keys.hit("key", caller(request))
        raise
    counted.requests.hit(partner_id)
    return Caller(services, counted, partner_id, locale_of(request))


Partner = Annotated[Caller, Depends(authenticated)]
