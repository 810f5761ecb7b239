"""A person's own keys: each can be another, and all of them can be turned off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import update
from starlette.requests import Request
from starlette.responses import Response

from database.tables.people import PersonRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.errors.people import NotSignedIn
from reviewer_ui.keys import FIELD_KEYS, KEYS, Key
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, see_other, shell, visitor

router = APIRouter(prefix="/account/keys")


async def _signed_in(request: Request) -> Person:
    person = await visitor(request)
    if person is None:
        raise NotSignedIn
    return person


Anybody = Annotated[Person, Depends(_signed_in)]


@dataclass(frozen=True)
class KeysContext:
    """The page; `chosen` gives each act's present key by its usual one."""

    shell: Shell
    keys: tuple[Key, ...]
    chosen: Mapping[str, str]
    off: bool
    refusal: Refusal | None
    kept: bool


@router.get("")
async def show(request: Request, console: At, person: Anybody, kept: Annotated[bool, Query()] = False) -> Response:
    """Show the keys as they are for this person."""
    return await _render(request, console, person, _chosen(person), bool(person.shortcuts.get("off")), kept=kept)


@router.post("")
async def change(request: Request, console: At, person: Anybody) -> Response:
    """Other keys, or none at all. Two acts on one key, or a key that is no single sign, are refused with what was typed kept."""
    form = await request.form()
    off, usual = form.get("off") == "yes", form.get("usual") == "yes"
    names = [key.name for key in KEYS]
    typed = {key: key if usual else str(form.get(f"key-{key}", key)).strip().lower() or key for key in names}
    try:
        _require_keys(typed)
    except FieldInvalid as refusal:
        return await _render(request, console, person, typed, off, refusal=refusal)
    own: dict[str, object] = {key: to for key, to in typed.items() if key != to} | ({"off": True} if off else {})
    async with console.services.database.transaction() as session:
        await session.execute(update(PersonRow).where(PersonRow.id == person.id).values(shortcuts=own))
    return see_other("/account/keys?kept=true")


async def _render(
    request: Request, console: Console, person: Person, chosen: Mapping[str, str], off: bool, *,
    refusal: Refusal | None = None, kept: bool = False,
) -> Response:  # fmt: skip
    context = KeysContext(shell(request, person), KEYS, chosen, off, refusal, kept)
    return await console.answer(
        request, "people/shortcuts.html", context, status=refusal.http_status if refusal else 200
    )


def _chosen(person: Person) -> dict[str, str]:
    return {key.name: str(person.shortcuts.get(key.name, key.name)) for key in KEYS}


def _require_keys(typed: Mapping[str, str]) -> None:
    """One visible sign each, no two alike, and none that already leads to a field."""
    for key, to in typed.items():
        if key != to and (len(to) != 1 or not to.isprintable() or to.isspace()):
            raise FieldInvalid(field="key", why="not_a_key")
    if len({*typed.values()} | {*FIELD_KEYS}) < len(typed) + len(FIELD_KEYS):
        raise FieldInvalid(field="key", why="key_taken")
