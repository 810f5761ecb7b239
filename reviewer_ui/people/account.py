"""One's own account: name, language, time zone, look, authenticator, and the browsers in which one is signed in."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.tables.people import PersonRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.people.roles import Permission
from domain.work.kinds import kinds
from languages import LOCALES
from reviewer_ui.audit import note
from reviewer_ui.people.sign_in import signed_out
from reviewer_ui.people.totp_picture import picture
from reviewer_ui.sessions import OpenSession, Person, is_proved
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import THEME_COOKIE, THEMES, At, Console, Shell, SignedIn, see_other, shell
from services.people.totp import TotpSetUp
from services.work.secret_scan import require_no_number
from web.locale import ONE_YEAR_S, locale_of, remember

router = APIRouter(prefix="/account")
NAME_MAX = 60
MORE: tuple[tuple[tuple[str, str, str], frozenset[Permission]], ...] = (
    (("/account/notices", "bell", "console.account.notices"), frozenset()),
    (("/account/keys", "keyboard", "console.account.shortcuts"), frozenset()),
    (("/account/absence", "calendar", "console.account.absence"), frozenset(kind.see for kind in kinds())),
)
Short = Annotated[str, Form(max_length=80)]
Digits = Annotated[str, Form(max_length=12)]


@dataclass(frozen=True)
class Profile:
    """What one may change about oneself, as stored or as typed."""

    name: str
    locale: str
    timezone: str


@dataclass(frozen=True)
class AccountContext:
    """The account page; a refusal keeps what was typed. `zones` are the time zones by region."""

    shell: Shell
    email: str
    profile: Profile
    locales: tuple[str, ...]
    zones: Mapping[str, tuple[str, ...]]
    themes: tuple[str, ...]
    links: tuple[tuple[str, str, str], ...]  # Address, icon, key of its word.
    passwords: bool
    totp_since: datetime | None
    totp_required: bool
    set_up: TotpSetUp | None = field(repr=False)
    picture: Markup | None = field(repr=False)
    sessions: tuple[OpenSession, ...] = ()
    refusal: Refusal | None = None


@router.get("")
async def show(request: Request, console: At, person: SignedIn) -> Response:
    """Show the person's own account."""
    return await _page(request, console, person)


@router.post("/profile")
async def change(
    request: Request, console: At, person: SignedIn, name: Short, timezone: Short, locale: Short = "", theme: Short = ""
) -> Response:
    """Keeps the profile; language and look at once also in this browser. Without a `locale` the language stays."""
    typed = Profile(name.strip(), locale or locale_of(request), timezone)
    try:
        _require(typed)
    except Refusal as refusal:
        return await _page(request, console, person, typed, refusal)
    async with console.services.database.transaction() as session:
        await _keep(session, person, typed)
    response = see_other("/account")
    remember(response, typed.locale, secure=console.services.https)
    if theme in THEMES:
        response.set_cookie(
            THEME_COOKIE, theme, max_age=ONE_YEAR_S, httponly=True, samesite="lax", secure=console.services.https
        )
    return response


@router.post("/totp/begin")
async def begin_totp(request: Request, console: At, person: SignedIn) -> Response:
    """Makes a secret to scan; it counts once a code confirms it. A left browser must not do it: proof is asked for."""
    await require_step_up(request, person)
    try:
        await console.totp.begin(person.id)
    except Refusal as refusal:
        return await _page(request, console, person, refusal=refusal)
    return see_other("/account#totp")


@router.post("/totp/confirm")
async def confirm_totp(request: Request, console: At, person: SignedIn, code: Digits) -> Response:
    """Turn the authenticator on and sign out the person's other browsers. Requires confirmed identity, so that a stranger
    at a browser with a half-done set-up cannot finish it."""
    await require_step_up(request, person)
    try:
        await console.totp.confirm(person.id, code, keep_session=person.session_id)
    except Refusal as refusal:
        return await _page(request, console, person, refusal=refusal)
    await console.sessions.proved(person.session_id)
    return see_other("/account#totp")


@router.post("/totp/off")
async def switch_totp_off(request: Request, console: At, person: SignedIn, code: Digits) -> Response:
    """Takes the authenticator away, by a code of it; not from a role that must have it."""
    try:
        if _must_have_totp(console, person):
            raise FieldInvalid(field="totp", why="totp_required")
        await console.totp.switch_off(person.id, code)
    except Refusal as refusal:
        return await _page(request, console, person, refusal=refusal)
    return see_other("/account#totp")


@router.post("/sessions/{session_id}/end")
async def end_session(console: At, person: SignedIn, session_id: str) -> Response:
    """Signs one browser of one's own out."""
    await console.sessions.end_one(person.id, session_id)
    return signed_out(console) if session_id == person.session_id else see_other("/account#sessions")


@router.post("/sign-out-everywhere")
async def end_sessions(console: At, person: SignedIn) -> Response:
    """Signs every browser out, this one too."""
    async with console.services.database.transaction() as session:
        note(session, person, "console:session:end_all", person.id)
    await console.sessions.end_all(person.id)
    return signed_out(console)


async def _page(
    request: Request, console: Console, person: Person, typed: Profile | None = None, refusal: Refusal | None = None
) -> Response:
    async with console.services.database.transaction() as session:
        row = await session.get_one(PersonRow, person.id)
    # Not without confirmed identity: a stranger at the open browser could add their own phone.
    set_up = await console.totp.waiting(person.id) if is_proved(person) else None
    context = AccountContext(
        shell=shell(request, person),
        email=row.email,
        profile=typed or Profile(row.name, locale_of(request), row.timezone),
        locales=LOCALES,
        zones=time_zones(),
        themes=THEMES,
        links=tuple(link for link, any_of in MORE if not any_of or any(person.may(one) for one in any_of)),
        passwords=console.services.passwords,
        totp_since=row.totp_confirmed_at,
        totp_required=_must_have_totp(console, person),
        set_up=set_up,
        picture=picture(set_up) if set_up is not None else None,
        sessions=await console.sessions.of(person.id),
        refusal=refusal,
    )
    status = refusal.http_status if refusal is not None else 200
    return await console.answer(request, "people/account.html", context, status=status)


async def _keep(session: AsyncSession, person: Person, typed: Profile) -> None:
    row = await session.get_one(PersonRow, person.id)
    if row.name != typed.name:
        note(session, person, "console:account:rename", person.id)
    row.name, row.locale, row.timezone = typed.name, typed.locale, typed.timezone


@cache
def time_zones() -> Mapping[str, tuple[str, ...]]:
    """Return the places of the tz database by region, without its old and technical names; UTC beside them."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    regions = sorted({name.partition("/")[0] for name in places})
    return {"UTC": ("UTC",)} | {
        region: tuple(one for one in places if one.startswith(f"{region}/")) for region in regions
    }


def _require(typed: Profile) -> None:
    if not typed.name or len(typed.name) > NAME_MAX:
        raise FieldInvalid(field="name", why="missing")
    if any(
        unicodedata.category(one).startswith("C") for one in typed.name
    ):  # They hide or turn the characters next to them.
        raise FieldInvalid(field="name", why="characters")
    require_no_number(typed.name)
    if typed.locale not in LOCALES:
        raise FieldInvalid(field="locale", why="missing")
    if not any(typed.timezone in places for places in time_zones().values()):
        raise FieldInvalid(field="timezone", why="timezone")


def _must_have_totp(console: Console, person: Person) -> bool:
    return not console.services.totp_required.isdisjoint(person.roles)
