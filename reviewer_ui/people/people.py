"""Setup, people: who works here, and what each of them may and is given to do."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from database.reads.people import accounts as reads
from database.tables.columns import now
from database.tables.people import AuditRow, PersonRow
from domain.cards.card import CardType
from domain.errors.base import Refusal
from domain.money import Money
from domain.people.access import AccessKind
from domain.people.roles import Role
from languages import LOCALES
from reviewer_ui.brand_names import brand_names
from reviewer_ui.people.absence import AbsenceForm, AbsenceLine, AbsenceTyped, declared, lines, require_of
from reviewer_ui.people.people_form import COMMON_ZONES, Line, Several, WorkForm, WorkTyped, work_form, work_set_up
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, PeopleManager, Shell, see_other, shell
from services.people.access import requests
from services.people.account_ends import NOBODYS_HASH
from services.people.accounts import WorkSetUp, shown_relative
from services.people.invitations import roles_of

router = APIRouter(prefix="/setup/people")


@dataclass(frozen=True)
class PersonLine:
    """A person in the list; `busy` is how many tasks they have."""

    person: PersonRow
    roles: tuple[Role, ...]
    limit: Money | None
    away: bool
    busy: int
    on_probation: bool


@dataclass(frozen=True)
class PeopleContext:
    """The list of people."""

    shell: Shell
    people: tuple[PersonLine, ...]
    brands: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Change:
    """One entry of a person's record of changes; `what` is the last word of its act."""

    what: str
    by: str
    at: datetime
    detail: str


@dataclass(frozen=True)
class PersonContext:
    """One person's page. After a refusal the form that was sent is as it was typed."""

    shell: Shell
    person: PersonRow
    me: bool
    roles: tuple[Role, ...]
    waiting: tuple[Role, ...]  # Asked for, and not confirmed by a second person yet.
    awaited: frozenset[AccessKind]  # What waits for a second person.
    work: WorkForm
    relatives: tuple[tuple[str, str], ...]  # As it is stored, and as it is shown.
    absences: tuple[AbsenceLine, ...]
    absence: AbsenceForm
    colleagues: dict[str, str]
    changes: tuple[Change, ...]
    sessions: int
    all_roles: tuple[Role, ...]
    card_types: tuple[CardType, ...]
    brands: dict[str, dict[str, str]]
    languages: tuple[str, ...]
    zones: tuple[str, ...]
    typed_seller: str
    passwords: bool
    in_use: bool  # They have a password: only a reset that two people made takes it away.
    saved: bool
    refusal: Refusal | None


@dataclass(frozen=True)
class _Typed:
    """What was typed into the form that was refused."""

    roles: tuple[Role, ...] | None = None
    work: WorkForm | None = None
    seller: str = ""
    absence: AbsenceForm = AbsenceForm()  # noqa: RUF009  # Frozen: one empty form serves every request.


@router.get("")
async def show_all(request: Request, console: At, person: PeopleManager) -> Response:
    """Return all people, active ones first."""
    async with console.services.database.transaction() as session:
        found = await reads.everybody(session)
    people = tuple(_line(row, away, busy) for row, away, busy in found)
    return await console.answer(
        request, "people/people.html", PeopleContext(shell(request, person), people, brand_names())
    )


@router.get("/{person_id}")
async def show(request: Request, console: At, person: PeopleManager, person_id: str, saved: bool = False) -> Response:
    """One person with everything that is set up for them."""
    return await _page(request, console, person, person_id, saved=saved)


@router.post("/{person_id}/roles")
async def set_roles(
    request: Request, console: At, person: PeopleManager, person_id: str, role: Several = None
) -> Response:
    """Gives them exactly the chosen roles."""
    given = roles_of(role or ())
    change = console.people.set_roles(person.id, person_id, given)
    return await _changed(request, console, person, person_id, change, _Typed(roles=given))


@router.post("/{person_id}/work")
async def set_up(request: Request, console: At, person: PeopleManager, person_id: str, typed: WorkTyped) -> Response:
    """Changes skills, limit, capacity and the rest of their work."""

    async def change() -> None:
        await console.people.set_up(person.id, person_id, await _work(console, person_id, typed))

    return await _changed(request, console, person, person_id, change(), _Typed(work=typed))


@router.post("/{person_id}/active")
async def switch(request: Request, console: At, person: PeopleManager, person_id: str, active: Line = "") -> Response:
    """Deactivate a person, which ends their sessions, or reactivate them."""
    change = console.people.switch(person.id, person_id, active == "yes")
    return await _changed(request, console, person, person_id, change, _Typed())


@router.post("/{person_id}/relatives")
async def relatives(
    request: Request, console: At, person: PeopleManager, person_id: str, seller: Line = "", remove: Line = ""
) -> Response:
    """Declares a seller whose cards the person never gets, or takes that back."""
    people = console.people
    change = (
        people.remove_relative(person.id, person_id, remove)
        if remove
        else people.add_relative(person.id, person_id, seller)
    )
    return await _changed(request, console, person, person_id, change, _Typed(seller=seller))


@router.post("/{person_id}/absences")
async def declare(request: Request, console: At, person: PeopleManager, person_id: str, form: AbsenceTyped) -> Response:
    """Declares an absence or a delegation for them, on their own clock."""

    async def change() -> None:
        async with console.services.database.transaction() as session:
            zone = (await reads.record(session, person_id)).person.timezone
        await declared(console.absences, person.id, person_id, form, zone)

    return await _changed(request, console, person, person_id, change(), _Typed(absence=form))


@router.post("/{person_id}/absences/{absence_id}/call-off")
async def call_off(console: At, person: PeopleManager, person_id: str, absence_id: str) -> Response:
    """Calls one of their absences off."""
    await require_of(console, absence_id, person_id)
    await console.absences.call_off(person.id, absence_id)
    return see_other(f"/setup/people/{person_id}?saved=true")


async def _changed(
    request: Request, console: Console, person: Person, person_id: str, change: Awaitable[None], typed: _Typed
) -> Response:
    """Apply the change and show the page again, or show what was entered with the reason of the refusal."""
    try:
        await change
    except Refusal as refusal:
        return await _page(request, console, person, person_id, typed, refusal)
    return see_other(f"/setup/people/{person_id}?saved=true")


async def _work(console: Console, person_id: str, typed: WorkForm) -> WorkSetUp:
    async with console.services.database.transaction() as session:
        row = (await reads.record(session, person_id)).person
    return work_set_up(typed, row)


async def _page(
    request: Request,
    console: Console,
    person: Person,
    person_id: str,
    typed: _Typed = _Typed(),  # Frozen: one empty form serves every request.
    refusal: Refusal | None = None,
    *,
    saved: bool = False,
) -> Response:
    async with console.services.database.transaction() as session:
        found = await reads.record(session, person_id)
        names, colleagues = await reads.all_names(session), await reads.colleagues(session, person_id)
        waits = await requests(session, person_id)
    asked = [role for one in waits for role in one.roles]
    row = found.person
    context = PersonContext(
        shell=shell(request, person),
        person=row,
        me=row.id == person.id,
        roles=typed.roles if typed.roles is not None else roles_of([*row.roles, *asked]),
        waiting=roles_of(asked),
        awaited=frozenset(one.kind for one in waits),
        work=typed.work or work_form(row),
        relatives=tuple((one.seller, shown_relative(one.seller)) for one in found.relatives),
        absences=lines(found.absences, names, now()),
        absence=typed.absence,
        colleagues=colleagues,
        changes=tuple(_change(one, found.names) for one in found.changes),
        sessions=found.sessions,
        all_roles=tuple(Role),
        card_types=tuple(CardType),
        brands=brand_names(),
        languages=LOCALES,
        zones=COMMON_ZONES,
        typed_seller=typed.seller,
        passwords=console.services.passwords,
        in_use=row.password_hash != NOBODYS_HASH,
        saved=saved,
        refusal=refusal,
    )
    return await console.answer(request, "people/person.html", context, status=refusal.http_status if refusal else 200)


def _line(row: PersonRow, away: bool, busy: int) -> PersonLine:
    limit = None if row.limit_minor is None else Money(row.limit_minor)
    on_probation = row.probation_until is not None and row.probation_until > now()
    return PersonLine(row, _roles(row), limit, away, busy, on_probation)


def _roles(row: PersonRow) -> tuple[Role, ...]:
    return roles_of(row.roles)


def _change(row: AuditRow, names: dict[str, str]) -> Change:
    actor = row.actor.removeprefix("person:")
    return Change(row.act.rsplit(":", 1)[-1], names.get(actor, actor), row.at, _detail(row.facts))


def _detail(facts: dict[str, Any]) -> str:
    """The changed values in short, as they are stored."""
    after = facts.get("after", facts)
    pairs = after.items() if isinstance(after, dict) else [("", after)]
    return "; ".join(f"{name}: {_short(value)}".removeprefix(": ") for name, value in pairs)[:200]


def _short(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
