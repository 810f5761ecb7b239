"""Signing in: a phone number, then the one-time code that was sent to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter
from starlette.responses import Response

from activities.sign_in import masked_phone
from domain.refusals import Refusal, SignInCodeWrong
from domain.typed import plain
from seller_ui.sessions import PhoneAsked
from seller_ui.site import AnyVisit, Fault, Visit, texts
from web.limits import caller
from web.locale import remember, safe_return

router = APIRouter()


@dataclass(frozen=True)
class PhonePage:
    """Context of phone.html."""

    phone: str
    next: str
    fault: Fault | None = None


@dataclass(frozen=True)
class CodePage:
    """Context of code.html; the phone is masked."""

    phone_masked: str
    fault: Fault | None = None


@router.get("/sign-in")
async def ask_phone(visit: AnyVisit, next: str = "/") -> Response:  # noqa: A002  # The parameter's name is the address's.
    """The page that asks for a phone number."""
    if visit.seller_id is not None:
        return visit.go(safe_return(next))
    return await visit.page("phone.html", PhonePage("", safe_return(next)))


@router.post("/sign-in")
async def send_code(visit: AnyVisit) -> Response:
    """Sends the code and goes on to its page."""
    sent = texts(await visit.request.form())
    asked = PhoneAsked(plain(sent.get("phone", "")).replace(" ", ""), safe_return(sent.get("next", "/")))
    try:
        await _send(visit, asked)
    except Refusal as refusal:
        page = PhonePage(sent.get("phone", ""), asked.next, visit.fault(refusal))
        return await visit.page("phone.html", page, status=refusal.http_status)
    response = visit.go("/sign-in/code")
    visit.site.sessions.ask(response, asked)
    return response


@router.get("/sign-in/code")
async def ask_code(visit: AnyVisit) -> Response:
    """The page that asks for the code."""
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
        page = CodePage(masked_phone(asked.phone), visit.fault(refusal))
        return await visit.page("code.html", page, status=refusal.http_status)
    response = visit.go(asked.next)
    visit.site.sessions.begin(response, seller_id)
    return response


@router.post("/sign-in/resend")
async def send_again(visit: AnyVisit) -> Response:
    """Sends another code to the same phone."""
    asked = visit.site.sessions.phone(visit.request)
    if asked is None:
        return visit.go("/sign-in")
    try:
        await _send(visit, asked)
    except Refusal as refusal:
        page = CodePage(masked_phone(asked.phone), visit.fault(refusal))
        return await visit.page("code.html", page, status=refusal.http_status)
    return visit.go("/sign-in/code")


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


async def _send(visit: Visit, asked: PhoneAsked) -> None:
    visit.site.sign_in_throttle.hit("send", caller(visit.request))
    await visit.site.services.sign_in.send_code(asked.phone, visit.locale)


async def _checked(visit: Visit, asked: PhoneAsked, sent: Mapping[str, str]) -> str:
    visit.site.sign_in_throttle.hit("check", caller(visit.request))
    code = plain(sent.get("code", "")).replace(" ", "")
    if not code.isascii() or not code.isdigit():
        raise SignInCodeWrong()
    return await visit.site.services.sign_in.check(asked.phone, code, visit.locale)
