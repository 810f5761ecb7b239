"""Signing in with e-mail address and password, and out again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from domain.refusals import Refusal
from reviewer_ui.sessions import COOKIE, LIFETIME
from reviewer_ui.visit import At, Shell, see_other, shell
from web.limits import caller
from web.locale import remember, safe_return

router = APIRouter()
EMAIL_MAX, PASSWORD_MAX = 254, 1024


@dataclass(frozen=True)
class SignInContext:
    """The sign-in page; a refusal keeps the address that was typed, never the password."""

    shell: Shell
    next: str
    email: str = ""
    refusal: Refusal | None = None


@router.get("/sign-in")
async def show(request: Request, console: At, next: Annotated[str, Query(max_length=500)] = "/") -> Response:  # noqa: A002
    """The form."""
    return await console.answer(request, "sign_in.html", SignInContext(shell(request, None), safe_return(next)))


@router.post("/sign-in")
async def enter(
    request: Request,
    console: At,
    email: Annotated[str, Form(max_length=EMAIL_MAX)],
    password: Annotated[str, Form(max_length=PASSWORD_MAX)],
    next: Annotated[str, Form(max_length=500)] = "/",  # noqa: A002
) -> Response:
    """Opens a session; a wrong password or too many tries show the form again with their own status."""
    try:
        console.sign_in_throttle.hit(caller(request))
        person = await console.services.sign_in.check(email.strip().lower(), password)
    except Refusal as refusal:
        context = SignInContext(shell(request, None), safe_return(next), email, refusal)
        return await console.answer(request, "sign_in.html", context, status=refusal.http_status)
    response = see_other(safe_return(next))
    response.set_cookie(
        COOKIE, await console.sessions.open(person.id), max_age=int(LIFETIME.total_seconds()),
        httponly=True, samesite="lax", secure=console.services.https,
    )  # fmt: skip
    remember(response, person.locale, secure=console.services.https)
    return response


@router.post("/sign-out")
async def leave(request: Request, console: At) -> Response:
    """Ends the session at the server and in the browser; harmless when there is none."""
    await console.sessions.end(request.cookies.get(COOKIE, ""))
    response = see_other("/sign-in")
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=console.services.https)
    return response
