"""A person whose password was right and whose six-digit code is still missing: a signed cookie of ten minutes, no session."""

from __future__ import annotations

from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.people import SignInTooOld
from reviewer_ui.visit import Console
from web.locale import safe_return

COOKIE = "cardloop_console_half"
PATH = "/sign-in"  # No other page is ever sent it.
LASTS_S = 600


@dataclass(frozen=True)
class Half:
    """Whose password was right, and the page they were on the way to."""

    person_id: str
    next: str


def remember(response: Response, console: Console, half: Half) -> None:
    """Gives the browser the first half."""
    text = _signer(console).dumps([half.person_id, half.next])
    response.set_cookie(
        COOKIE, str(text), max_age=LASTS_S, path=PATH, httponly=True, samesite="lax", secure=console.services.https
    )


def half_of(request: Request, console: Console) -> Half:
    """Return the first half of a sign-in that this browser has. Refuses SignInTooOld."""
    try:
        person_id, way = _signer(console).loads(request.cookies.get(COOKIE, ""), max_age=LASTS_S)
    except BadSignature:
        raise SignInTooOld() from None
    return Half(str(person_id), safe_return(str(way)))


def forget(response: Response, console: Console) -> None:
    """Takes the first half away, because the second came."""
    response.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="lax", secure=console.services.https)


def _signer(console: Console) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(console.services.form_secret, salt="half-signed-in")
