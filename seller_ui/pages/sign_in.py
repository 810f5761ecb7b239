"""Signing in: a phone number, then the one-time code that was sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import APIRouter
from starlette.responses import Response

from domain.errors.base import Refusal
from domain.errors.people import SignInCodeWrong, TooManyTries
from domain.typed import plain
from seller_ui.sessions import PhoneAsked
from seller_ui.site import NO_FAULTS, AnyVisit, Faults, Visit, texts
from services.people.seller_sign_in import masked_phone
from web.limits import caller
from web.locale import remember, safe_return
from web.words import duration

router = APIRouter()
CODES_REMEMBERED = 10


@dataclass(frozen=True)
class PhonePage:
    """Context of phone.html; `wait` says when another code can be sent, `code_asked` that one is on its way already."""

    phone: str
    next: str
    faults: Faults = NO_FAULTS
    wait: str = ""
    code_asked: bool = False


@dataclass(frozen=True)
class CodePage:
    """Context of code.html; the phone is masked."""

    phone_masked: str
    faults: Faults = NO_FAULTS
    wait: str = ""


@router.get("/sign-in")
async def ask_phone(visit: AnyVisit, next: str = "") -> Response:  # noqa: A002  # The parameter's name is the address's.
    """Show the page that asks for a phone number; a number entered before can be corrected."""
    if visit.seller_id is not None:
        return visit.go(safe_return(next or "/"))
    asked = visit.site.sessions.phone(visit.request)
    if asked is None:
        return await visit.page("phone.html", PhonePage("", safe_return(next or "/")))
    return await visit.page("phone.html", PhonePage(asked.phone, safe_return(next or asked.next), code_asked=True))


@router.post("/sign-in")
async def send_code(visit: AnyVisit) -> Response:
    """Send the code and redirect to its page."""
    sent = texts(await visit.request.form())
    phone, before = plain(sent.get("phone", "")).replace(" ", ""), visit.site.sessions.phone(visit.request)
    codes = before.codes if before is not None and before.phone == phone else ()
    asked = PhoneAsked(phone, safe_return(sent.get("next", "/")), codes)
    try:
        asked = await _sent(visit, asked)
    except TooManyTries as refusal:
        page = PhonePage(sent.get("phone", ""), asked.next, wait=_wait(visit, refusal), code_asked=True)
        response = await visit.page("phone.html", page, status=refusal.http_status)
        visit.site.sessions.ask(response, asked)  # The code that was sent before is entered on the next page.
        return response
    except Refusal as refusal:
        page = PhonePage(sent.get("phone", ""), asked.next, visit.faults(refusal))
        return await visit.page("phone.html", page, status=refusal.http_status)
    response = visit.go("/sign-in/code")
    visit.site.sessions.ask(response, asked)
    return response


@router.get("/sign-in/code")
async def ask_code(visit: AnyVisit) -> Response:
    """Show the page that asks for the code."""
    asked = visit.site.sessions.phone(visit.request)
    if asked is None:
        return visit.go("/sign-in")
    return await visit.page("code.html", CodePage(masked_phone(asked.phone)))


@router.post("/sign-in/code")
async def check_code(visit: AnyVisit) -> Response:
    """Signs in and goes where the seller wanted to go."""
    asked = visit.site.sessions.phone(visit.request)
    if asked is None:
        return visit.go("/sign-in")
    try:
        seller_id = await _checked(visit, asked, texts(await visit.request.form()))
    except Refusal as refusal:
        page = CodePage(masked_phone(asked.phone), visit.faults(refusal))
        return await visit.page("code.html", page, status=refusal.http_status)
    response = visit.go(asked.next)
    visit.site.sessions.begin(response, seller_id)
    visit.site.devices.remember(visit.request, response, asked.phone)
    return response


@router.post("/sign-in/resend")
async def send_again(visit: AnyVisit) -> Response:
    """Sends another code to the same phone."""
    asked = visit.site.sessions.phone(visit.request)
    if asked is None:
        return visit.go("/sign-in")
    try:
        asked = await _sent(visit, asked)
    except TooManyTries as refusal:
        page = CodePage(masked_phone(asked.phone), wait=_wait(visit, refusal))
        return await visit.page("code.html", page, status=refusal.http_status)
    except Refusal as refusal:
        page = CodePage(masked_phone(asked.phone), visit.faults(refusal))
        return await visit.page("code.html", page, status=refusal.http_status)
    response = visit.go("/sign-in/code")
    visit.site.sessions.ask(response, asked)
    return response


@router.post("/sign-out")
async def sign_out(visit: AnyVisit) -> Response:
    """Signs out and goes to the front page."""
    response = visit.go("/")
    visit.site.sessions.end(response)
    return response


@router.post("/language")
async def change_language(visit: AnyVisit) -> Response:
    """Keeps the language and goes back to the page it was changed on."""
    sent = texts(await visit.request.form())
    response = visit.go(safe_return(sent.get("next", "/")))
    remember(response, sent.get("locale", ""), secure=visit.site.services.cookies_secure)
    return response


async def _sent(visit: Visit, asked: PhoneAsked) -> PhoneAsked:
    """What the browser remembers once another code is on its way: also the codes before it, which stay good."""
    await visit.site.sign_in_throttle.hit("send", caller(visit.request))
    origin = visit.site.devices.origin(visit.request, asked.phone)
    code_id = await visit.site.services.sign_in.send_code(asked.phone, origin, visit.locale)
    return replace(asked, codes=(*asked.codes, code_id)[-CODES_REMEMBERED:])


def _wait(visit: Visit, refusal: TooManyTries) -> str:
    """`47 sec` or `50分钟`: when another code can be sent."""
    return duration(int(str(refusal.data["retry_after_s"])), visit.locale)


async def _checked(visit: Visit, asked: PhoneAsked, sent: Mapping[str, str]) -> str:
    await visit.site.sign_in_throttle.hit("check", caller(visit.request))
    code = plain(sent.get("code", "")).replace(" ", "")
    if not code.isascii() or not code.isdigit():
        raise SignInCodeWrong()
    return await visit.site.services.sign_in.check(asked.phone, asked.codes, code, visit.locale)
