"""Showing again who one is, before a secret is revealed or a colleague's decision is applied: the act waits on a page
with everything that was typed, and continues automatically once the proof is right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.base import REGISTER, Refusal
from domain.errors.people import NotSignedIn, StepUpNeeded
from reviewer_ui.sessions import Person, is_proved
from reviewer_ui.visit import Console, Shell, console_of, shell, visitor
from web import csrf
from web.limits import caller
from web.locale import safe_return

CODE, PASSWORD, BACK = "step_up_code", "step_up_password", "step_up_back"  # Names of form fields.
FORM_TAKES = timedelta(minutes=5)  # A form that takes a document may be open so long before it is sent.
SIGN = "x-step-up"  # Tells static/step_up.js that an answer to htmx is this page, and no failure.
_TARGET = re.compile(r"[A-Za-z][\w-]{0,60}")
_OURS = frozenset({csrf.FIELD, CODE, PASSWORD, BACK})


@dataclass(frozen=True)
class StepUpContext:
    """The page that asks who is there. `fields` is what was typed; `way` is totp, password or oidc; `back` where one was.

    `document`: a file was sent, which no page can keep; it has to be chosen again.
    """

    shell: Shell
    action: str
    fields: tuple[tuple[str, str], ...]
    way: str
    provider: str = ""
    back: str = "/"
    document: bool = False
    target: str = ""  # The id of the element that htmx was to put the act's answer into.
    refusal: Refusal | None = None


@dataclass(frozen=True)
class ProofHere:
    """How a form that takes a document asks who is there: in the form itself, because a page between would lose the document."""

    way: str
    provider: str = ""


def proof_here(request: Request, person: Person) -> ProofHere | None:
    """Return how a form asks for the proof; None where the last one lasts until the form is filled in."""
    if is_proved(person, FORM_TAKES) or getattr(request.state, "proved", False):
        return None
    console = console_of(request)
    way, provider = way_of(console, person), console.services.provider
    return ProofHere(way, provider.name if provider is not None else "")


async def require_step_up(request: Request, person: Person) -> None:
    """Passes when the browser showed within ten minutes who is there, or shows it with this very form.

    Refuses StepUpNeeded; its page asks for the proof and sends the same form again.
    """
    if is_proved(person):
        return
    form = await request.form() if request.method == "POST" else {}
    request.state.step_up_back = safe_return(str(form.get(BACK, "")) or _came_from(request))
    request.state.step_up_document = any(isinstance(one, UploadFile) and one.filename for _, one in _items(form))
    request.state.step_up_fields = tuple(
        (name, value) for name, value in _items(form) if isinstance(value, str) and name not in _OURS
    )
    code, password = str(form.get(CODE, "")), str(form.get(PASSWORD, ""))
    if not code and not password:
        raise StepUpNeeded
    try:
        await prove(request, person, code=code, password=password)
    except Refusal as refusal:
        raise StepUpNeeded(**{"why": refusal.code, **refusal.data}) from None


async def prove(request: Request, person: Person, *, code: str = "", password: str = "") -> None:
    """Checks the proof and keeps it with the session. Refuses TotpWrong, PasswordWrong, TooManyTries."""
    console = console_of(request)
    await console.sign_in_throttle.hit(caller(request))
    if person.totp:
        await console.totp.check(person.id, code)
    elif way_of(console, person) == "password":
        await console.services.sign_in.check_again(person.id, password)
    else:
        raise StepUpNeeded  # Only the provider can say it of them.
    await console.sessions.proved(person.session_id)
    request.state.proved = True


def way_of(console: Console, person: Person) -> str:
    """How this person shows who they are: by authenticator if they have one, else as they signed in."""
    if person.totp:
        return "totp"
    return "oidc" if person.way == "oidc" and console.services.provider is not None else "password"


async def page(request: Request, status: int, data: Mapping[str, object]) -> Response:
    """Ask for the confirmation, as a page, or for htmx as a dialog over the current page."""
    person, console = await visitor(request), console_of(request)
    if person is None:
        raise NotSignedIn
    context = _context(request, console, person, data)
    answer = await console.answer(request, "people/step_up.html", context, block="ask", status=status)
    if "hx-request" in request.headers:
        answer.headers.update({SIGN: "needed", "hx-retarget": "#step-up", "hx-reswap": "innerHTML"})
    return answer


def _context(request: Request, console: Console, person: Person, data: Mapping[str, object]) -> StepUpContext:
    fields: tuple[tuple[str, str], ...] = getattr(request.state, "step_up_fields", ())
    target = request.headers.get("hx-target", "")
    provider = console.services.provider
    posted = request.method == "POST"
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return StepUpContext(
        shell=shell(request, person),
        action=here if posted else "/step-up",
        fields=fields if posted else (("next", here),),
        way=way_of(console, person),
        provider=provider.name if provider is not None else "",
        back=getattr(request.state, "step_up_back", "/"),
        document=getattr(request.state, "step_up_document", False),
        target=target if _TARGET.fullmatch(target) else "",
        refusal=_last_refusal(data),
    )


def _came_from(request: Request) -> str:
    """The page whose form was sent, where it is ours."""
    came = urlsplit(request.headers.get("referer", ""))
    return f"{came.path}?{came.query}".rstrip("?") if came.netloc == request.url.netloc else ""


def _last_refusal(data: Mapping[str, object]) -> Refusal | None:
    kind = REGISTER.get(str(data.get("why", "")))
    return kind(**{name: value for name, value in data.items() if name != "why"}) if kind is not None else None


def _items(form: Mapping[str, object]) -> list[tuple[str, object]]:
    """Every field as often as it was sent."""
    several = getattr(form, "multi_items", None)
    return list(several() if several is not None else form.items())
