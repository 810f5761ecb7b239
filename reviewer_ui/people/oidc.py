"""Sign in or confirm one's identity through an identity provider: redirect there and handle the answer."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.errors.people import NotSignedIn, ProviderRefused, SignInMismatch
from domain.sealing import SealBroken
from gateways.identity_provider import Asked
from reviewer_ui.people.sign_in import let_in, sign_in_page
from reviewer_ui.visit import At, Console, Shell, SignedIn, see_other, shell, visitor
from services.people.oidc import ProviderSignIn
from web.limits import caller
from web.locale import safe_return

router = APIRouter()
PROVIDER_ANSWER = "/sign-in/provider/answer"
COOKIE = "cardloop_console_provider"
LASTS_S = 600
_AAD = "console:provider"
Short = Annotated[str, Query(max_length=500)]
Long = Annotated[str, Query(max_length=4096)]


@dataclass(frozen=True)
class Sent:
    """What a browser keeps while it is at the provider: what was asked, and where it was on the way to."""

    asked: Asked
    next: str
    person_id: str = ""  # The person who must confirm their identity at the provider; empty for signing in.


@dataclass(frozen=True)
class DoneContext:
    """The page that says: you are confirmed, close this tab."""

    shell: Shell


@router.get("/sign-in/provider")
async def leave_for_provider(request: Request, console: At, next: Short = "/") -> Response:  # noqa: A002
    """Sends the browser to the provider's own sign-in page."""
    try:
        await console.sign_in_throttle.hit(caller(request))
        return await _send(console, safe_return(next))
    except Refusal as refusal:
        return await sign_in_page(request, console, next, refusal=refusal)


@router.get("/step-up/provider")
async def show_provider_again(request: Request, console: At, person: SignedIn) -> Response:
    """Redirect a signed-in person to the provider to confirm their identity."""
    await console.sign_in_throttle.hit(caller(request))
    return await _send(console, "/step-up/done", person.id)


@router.get(PROVIDER_ANSWER)
async def come_back(
    request: Request, console: At, code: Long = "", state: Short = "", error: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """Receive the browser from the provider: its answer opens a session, or confirms the one it has. An answer counts once."""
    request.state.back = "/sign-in"  # What the provider sent is not repeated.
    try:
        sent = _kept(request, console, state)
        response = await _answered(request, console, sent, code, error)
    except Refusal as refusal:
        response = await sign_in_page(request, console, "/", refusal=refusal)
    response.delete_cookie(COOKIE, path="/sign-in", httponly=True, samesite="lax", secure=console.services.https)
    return response


@router.get("/step-up/done")
async def done(request: Request, console: At, person: SignedIn) -> Response:
    """Tell that the other tab may continue."""
    return await console.answer(request, "people/step_up_done.html", DoneContext(shell(request, person)))


async def _answered(request: Request, console: Console, sent: Sent, code: str, error: str) -> Response:
    if error or not code:
        raise ProviderRefused(provider_error=_word(error))
    person, proved = await _provider(console).finish(code, sent.asked)
    if not sent.person_id:
        return await let_in(request, console, person, sent.next, way="oidc", proved=proved)
    here = await visitor(request)
    if here is None:
        raise NotSignedIn
    if not here.id == sent.person_id == person.id:
        raise SignInMismatch()
    await console.sessions.proved(here.session_id)
    return see_other(sent.next)


async def _send(console: Console, to: str, person_id: str = "") -> Response:
    address, asked = await _provider(console).begin(again=bool(person_id))
    text = json.dumps([asdict(asked), to, person_id])
    sealed = console.services.keyring.seal_text(text, purpose="form", aad=_AAD)
    response = RedirectResponse(address, status_code=303)
    response.set_cookie(
        COOKIE, base64.urlsafe_b64encode(sealed).decode(), max_age=LASTS_S, path="/sign-in",
        httponly=True, samesite="lax", secure=console.services.https,
    )  # fmt: skip
    return response


def _kept(request: Request, console: Console, state: str) -> Sent:
    """Return the state that this browser was sent away with. Refuse SignInMismatch: otherwise an attacker could sign it in as themselves."""
    try:
        sealed = base64.urlsafe_b64decode(request.cookies.get(COOKIE, ""))
        asked, to, person_id = json.loads(console.services.keyring.open_text(sealed, purpose="form", aad=_AAD))
    except (SealBroken, ValueError):
        raise SignInMismatch() from None
    sent = Sent(Asked(**asked), to, person_id)
    if not state or sent.asked.state != state or sent.asked.at < time.time() - LASTS_S:
        raise SignInMismatch()
    return sent


def _provider(console: Console) -> ProviderSignIn:
    if console.services.provider is None:
        raise NotFound()
    return console.services.provider


def _word(error: str) -> str:
    """The provider's error as a word: `access_denied`; nothing else of it is shown."""
    return error if error.isascii() and error.replace("_", "").isalnum() else "–"
