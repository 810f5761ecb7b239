"""Setup: the reasons that people choose from, one list per act, in both languages and with the letter that chooses each."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.work.reason_codes import reasons as all_reasons
from database.tables.work import ReasonCodeRow
from domain.cards.review import RejectReason
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.work.reason_list import ReasonList, ReasonWords
from web.forms import member_of

router = APIRouter(prefix="/setup/reasons")
Keeper = Annotated[Person, Depends(allowed(Permission.MANAGE_REASONS))]
Line = Annotated[str, Form(max_length=200)]
PLACE_MAX = 10_000


@dataclass(frozen=True)
class TypedReason:
    """Input for a new or changed reason, shown again when it was refused."""

    code: str = ""
    letter: str = ""
    zh: str = ""
    en: str = ""
    seller_reason: str = ""
    place: str = ""


@dataclass(frozen=True)
class ReasonsContext:
    """The lists; `refused_act` and `refused_code` say where what was typed belongs, `kept` that something was saved."""

    shell: Shell
    lists: tuple[tuple[ReasonedAct, tuple[ReasonCodeRow, ...]], ...]
    seller_reason: tuple[RejectReason, ...]
    refusal: Refusal | None
    refused_act: str
    refused_code: str
    typed: TypedReason
    kept: bool


@router.get("")
async def show(request: Request, console: At, person: Keeper, kept: Annotated[bool, Query()] = False) -> Response:
    """Every list with its reasons, those out of use at the end."""
    return await _render(request, console, person, kept=kept)


@router.post("/{act}")
async def add(
    request: Request, console: At, person: Keeper, act: str, code: Line = "", letter: Line = "", zh: Line = "", en: Line = "", seller_reason: Line = "",
) -> Response:  # fmt: skip
    """Add a reason."""
    typed = TypedReason(code, letter, zh, en, seller_reason)
    doing = ReasonList(console.services.database).add(person.id, _act(act), code.strip(), _words(typed))
    return await _done(request, console, person, act, "", typed, doing)


@router.post("/{act}/{code}")
async def change(
    request: Request, console: At, person: Keeper, act: str, code: str, letter: Line = "", zh: Line = "", en: Line = "", seller_reason: Line = "",
    place: Line = "",
) -> Response:  # fmt: skip
    """Other words, another letter or place."""
    typed = TypedReason(code, letter, zh, en, seller_reason, place)
    doing = ReasonList(console.services.database).change(person.id, _act(act), code, _words(typed))
    return await _done(request, console, person, act, code, typed, doing)


@router.post("/{act}/{code}/use")
async def use(request: Request, console: At, person: Keeper, act: str, code: str, active: Line = "") -> Response:
    """Out of use, or back into it."""
    doing = ReasonList(console.services.database).use(person.id, _act(act), code, active == "yes")
    return await _done(request, console, person, act, code, TypedReason(), doing)


async def _done(
    request: Request, console: Console, person: Person, act: str, code: str, typed: TypedReason, doing: Awaitable[None]
) -> Response:
    try:
        await doing
    except NotFound:
        raise
    except Refusal as refusal:
        return await _render(request, console, person, refusal=refusal, act=act, code=code, typed=typed)
    return see_other("/setup/reasons?kept=true")


async def _render(
    request: Request, console: Console, person: Person, *, refusal: Refusal | None = None, act: str = "", code: str = "",
    typed: TypedReason | None = None, kept: bool = False,
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        found = await all_reasons(session, retired=True)
    lists = tuple((one, tuple(sorted(rows, key=lambda row: not row.active))) for one, rows in found.items())
    context = ReasonsContext(
        shell(request, person), lists, tuple(RejectReason), refusal, act, code, typed or TypedReason(), kept
    )
    return await console.answer(
        request, "work/reason_codes.html", context, status=refusal.http_status if refusal else 200
    )


def _act(text: str) -> ReasonedAct:
    found = member_of(ReasonedAct, text)
    if found is None:
        raise NotFound(act=text[:40])
    return found


def _words(typed: TypedReason) -> ReasonWords:
    seller_reason = member_of(RejectReason, typed.seller_reason)
    place = min(int(typed.place), PLACE_MAX) if typed.place.isascii() and typed.place.isdigit() else None
    return ReasonWords(typed.letter, typed.zh, typed.en, seller_reason, place)
