"""The page behind the link to set a password; the person signs in with it right after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.errors.people import PasswordSignInOff
from domain.people.roles import PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN
from reviewer_ui.invitations import PATH, invitation_of, link_of
from reviewer_ui.people.sign_in import signed_out
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, SignedIn, see_other, shell
from web.limits import caller

router = APIRouter()
LINK_CHARACTERS_MAX = 300
Chosen = Annotated[str, Form(max_length=2 * PASSWORD_CHARACTERS_MAX)]


@dataclass(frozen=True)
class WelcomeContext:
    """The form; what was typed is never shown again."""

    shell: Shell
    link: str
    name: str
    email: str
    least: int = PASSWORD_CHARACTERS_MIN
    refusal: Refusal | None = None


@router.get(PATH)
async def ask(
    request: Request, console: At, link: Annotated[str, Query(max_length=LINK_CHARACTERS_MAX)] = ""
) -> Response:
    """Asks for the password."""
    return await _page(request, console, link)


@router.post(PATH)
async def choose(
    request: Request,
    console: At,
    link: Annotated[str, Form(max_length=LINK_CHARACTERS_MAX)] = "",
    password: Chosen = "",
    again: Chosen = "",
) -> Response:
    """Keeps the password and leads to the door; every browser of theirs is signed out."""
    await console.sign_in_throttle.hit(caller(request))
    try:
        if password != again:
            raise FieldInvalid(field="password", why="not_alike")
        await console.invitations.choose(invitation_of(console, link), password)
    except FieldInvalid as refusal:
        return await _page(request, console, link, refusal)
    return signed_out(console)


@router.post("/account/password")
async def change_own(request: Request, console: At, person: SignedIn) -> Response:
    """Leads to the same form for one's own password, once one has shown who one is."""
    if not console.services.passwords:
        raise PasswordSignInOff()
    await require_step_up(request, person)
    return see_other(f"{PATH}?link={link_of(console, await console.invitations.own(person.id))}")


async def _page(request: Request, console: Console, link: str, refusal: Refusal | None = None) -> Response:
    person = await console.invitations.invited(invitation_of(console, link))
    context = WelcomeContext(shell(request, None), link, person.name, person.email, refusal=refusal)
    return await console.answer(
        request, "people/welcome.html", context, status=200 if refusal is None else refusal.http_status
    )
