"""Signing in with e-mail address and password, then the six digits where they are set up, and out again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Form, Query
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from database.tables.people import PersonRow
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.errors.people import PasswordSignInOff, SignInTooOld
from reviewer_ui import half_signed_in
from reviewer_ui.half_signed_in import Half
from reviewer_ui.people.totp_picture import picture
from reviewer_ui.sessions import COOKIE, LIFETIME, browser_name
from reviewer_ui.visit import At, Console, Shell, see_other, shell
from services.people.totp import TotpSetUp
from web.limits import address_of, caller
from web.locale import remember, safe_return

router = APIRouter()
EMAIL_MAX, PASSWORD_MAX, ADDRESS_MAX = 254, 1024, 60
Digits = Annotated[str, Form(max_length=12)]


@dataclass(frozen=True)
class SignInContext:
    """The sign-in page; a refusal keeps the address that was typed, never the password."""

    shell: Shell
    next: str
    passwords: bool
    provider: str
    email: str = ""
    refusal: Refusal | None = None


@dataclass(frozen=True)
class SecondContext:
    """The second half: the six digits; with `set_up`, the secret that an authenticator is given first."""

    shell: Shell
    set_up: TotpSetUp | None = field(default=None, repr=False)
    picture: Markup | None = field(default=None, repr=False)
    refusal: Refusal | None = None


@router.get("/sign-in")
async def show(request: Request, console: At, next: Annotated[str, Query(max_length=500)] = "/") -> Response:  # noqa: A002
    """Show the sign-in form."""
    return await sign_in_page(request, console, next)


@router.post("/sign-in")
async def enter(
    request: Request,
    console: At,
    email: Annotated[str, Form(max_length=EMAIL_MAX)],
    password: Annotated[str, Form(max_length=PASSWORD_MAX)],
    next: Annotated[str, Form(max_length=500)] = "/",  # noqa: A002
) -> Response:
    """Opens a session, or asks for the second half; a wrong password or too many tries show the form again."""
    try:
        if not console.services.passwords:
            raise PasswordSignInOff()
        await console.sign_in_throttle.hit(caller(request))
        address = email.strip().lower()
        origin = console.devices.origin(request, address)
        person = await console.services.sign_in.check(address, password, origin)
    except Refusal as refusal:
        return await sign_in_page(request, console, next, email=email, refusal=refusal)
    return await _onward(request, console, person, safe_return(next))


@router.get("/sign-in/code")
async def ask_code(request: Request, console: At) -> Response:
    """Ask for the six-digit code after a correct password."""
    half_signed_in.half_of(request, console)
    return await console.answer(request, "people/sign_in_code.html", SecondContext(shell(request, None)))


@router.post("/sign-in/code")
async def take_code(request: Request, console: At, code: Digits) -> Response:
    """Opens the session; each code opens once."""
    half = half_signed_in.half_of(request, console)
    try:
        await console.totp.check(half.person_id, code)
    except Refusal as refusal:
        context = SecondContext(shell(request, None), refusal=refusal)
        return await console.answer(request, "people/sign_in_code.html", context, status=refusal.http_status)
    return await _second_half_came(request, console, half)


@router.get("/sign-in/set-up")
async def show_set_up(request: Request, console: At) -> Response:
    """Let a person whose role needs an authenticator set it up before they are signed in."""
    return await _set_up_page(request, console, half_signed_in.half_of(request, console))


@router.post("/sign-in/set-up")
async def confirm_set_up(request: Request, console: At, code: Digits) -> Response:
    """Puts the authenticator to use and opens the session."""
    half = half_signed_in.half_of(request, console)
    try:
        await console.totp.confirm(half.person_id, code)
    except Refusal as refusal:
        return await _set_up_page(request, console, half, refusal)
    return await _second_half_came(request, console, half)


@router.post("/sign-out")
async def leave(request: Request, console: At) -> Response:
    """Ends the session at the server and in the browser; harmless when there is none."""
    await console.sessions.end(request.cookies.get(COOKIE, ""))
    return signed_out(console)


async def sign_in_page(
    request: Request, console: Console, way: str, *, email: str = "", refusal: Refusal | None = None
) -> Response:
    """Render the sign-in page, with what was refused and its status."""
    provider = console.services.provider
    context = SignInContext(
        shell(request, None), safe_return(way), console.services.passwords,
        provider.name if provider is not None else "", email, refusal,
    )  # fmt: skip
    status = refusal.http_status if refusal is not None else 200
    return await console.answer(request, "people/sign_in.html", context, status=status)


async def let_in(
    request: Request, console: Console, person: PersonRow, to: str, *, way: str, proved: bool = True
) -> Response:
    """Open a session of this browser and redirect to the requested page."""
    browser, address = browser_name(request.headers.get("user-agent", "")), address_of(request)[:ADDRESS_MAX]
    token = await console.sessions.open(person.id, way=way, browser=browser, address=address, proved=proved)
    response = see_other(safe_return(to))
    response.set_cookie(
        COOKIE, token, max_age=int(LIFETIME.total_seconds()), httponly=True, samesite="lax", secure=console.services.https
    )  # fmt: skip
    remember(response, person.locale, secure=console.services.https)
    console.devices.remember(request, response, person.email)
    return response


def signed_out(console: Console) -> Response:
    """Render the sign-in page and delete the browser's cookie."""
    response = see_other("/sign-in")
    response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=console.services.https)
    return response


async def _onward(request: Request, console: Console, person: PersonRow, to: str) -> Response:
    if person.totp_confirmed_at is not None:
        response = see_other("/sign-in/code")
    elif not console.services.totp_required.isdisjoint(person.roles):
        if await console.totp.waiting(person.id) is None:
            await console.totp.begin(person.id)
        response = see_other("/sign-in/set-up")
    else:
        return await let_in(request, console, person, to, way="password")
    half_signed_in.remember(response, console, Half(person.id, to))
    return response


async def _second_half_came(request: Request, console: Console, half: Half) -> Response:
    async with console.services.database.transaction() as session:
        person = await session.get(PersonRow, half.person_id)
    if person is None or not person.active:
        raise SignInTooOld()
    response = await let_in(request, console, person, half.next, way="totp")
    half_signed_in.forget(response, console)
    return response


async def _set_up_page(request: Request, console: Console, half: Half, refusal: Refusal | None = None) -> Response:
    set_up = await console.totp.waiting(half.person_id)
    if set_up is None:
        raise NotFound()
    context = SecondContext(shell(request, None), set_up, picture(set_up), refusal)
    status = refusal.http_status if refusal is not None else 200
    return await console.answer(request, "people/sign_in_set_up.html", context, status=status)
