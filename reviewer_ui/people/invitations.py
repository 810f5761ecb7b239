"""Setup, people: add a person, and create the link with which they set their password."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.people import accounts as reads
from database.tables.people import PersonRow
from domain.cards.card import CardType
from domain.errors.base import Refusal
from domain.errors.people import PasswordSignInOff
from domain.people.roles import ADDRESS_CHARACTERS_MAX, Role
from languages import LOCALES
from reviewer_ui.brand_names import brand_names
from reviewer_ui.invitations import LASTS_DAYS, PATH, link_of
from reviewer_ui.people.people_form import COMMON_ZONES, Several, WorkForm, WorkTyped, work_form, work_set_up
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, PeopleManager, Shell, see_other, shell
from services.people.invitations import Newcomer, roles_of

router = APIRouter(prefix="/setup/people")


@dataclass(frozen=True)
class NewPersonContext:
    """The form for a new person; after a refusal with what was entered."""

    shell: Shell
    name: str
    email: str
    roles: tuple[Role, ...]
    work: WorkForm
    passwords: bool
    refusal: Refusal | None = None
    all_roles: tuple[Role, ...] = tuple(Role)
    card_types: tuple[CardType, ...] = tuple(CardType)
    brands: dict[str, dict[str, str]] = field(default_factory=brand_names)
    languages: tuple[str, ...] = LOCALES
    zones: tuple[str, ...] = COMMON_ZONES


@dataclass(frozen=True)
class InvitationContext:
    """The page that shows the link, this once."""

    shell: Shell
    person_id: str
    name: str
    link: str
    days: int = LASTS_DAYS


@router.get("/new")
async def ask(request: Request, console: At, person: PeopleManager) -> Response:
    """Show the empty form."""
    return await _page(request, console, person, Newcomer("", "", ()), work_form(_nobody()))


@router.post("")
async def add(
    request: Request,
    console: At,
    person: PeopleManager,
    work: WorkTyped,
    name: Annotated[str, Form(max_length=200)] = "",
    email: Annotated[str, Form(max_length=ADDRESS_CHARACTERS_MAX)] = "",
    role: Several = None,
) -> Response:
    """Adds them and opens their page; they cannot sign in by password before they have chosen one."""
    newcomer = Newcomer(email.strip().lower(), name.strip(), roles_of(role or ()))
    try:
        added = await console.invitations.add(person.id, newcomer, work_set_up(work, _nobody()))
    except Refusal as refusal:
        return await _page(request, console, person, newcomer, work, refusal)
    return see_other(f"/setup/people/{added}?saved=true")


@router.post("/{person_id}/invitation")
async def invite(request: Request, console: At, person: PeopleManager, person_id: str) -> Response:
    """Shows a link by which that person chooses a password. Nothing is written but the record, so the page answers itself."""
    if not console.services.passwords:
        raise PasswordSignInOff()
    await require_step_up(request, person)
    invitation = await console.invitations.invite(person.id, person_id)
    async with console.services.database.transaction() as session:
        name = (await reads.record(session, person_id)).person.name
    link = f"{str(request.base_url).rstrip('/')}{PATH}?link={link_of(console, invitation)}"
    return await console.answer(
        request, "people/invitation.html", InvitationContext(shell(request, person), person_id, name, link)
    )


@router.post("/{person_id}/reset")
async def ask_reset(request: Request, console: At, person: PeopleManager, person_id: str) -> Response:
    """Asks a second person to take that person's lost password away; then a link can be made again."""
    await require_step_up(request, person)
    await console.invitations.ask_reset(person.id, person_id)
    return see_other(f"/setup/people/{person_id}?saved=true")


async def _page(
    request: Request, console: Console, person: Person, newcomer: Newcomer, work: WorkForm, refusal: Refusal | None = None
) -> Response:  # fmt: skip
    context = NewPersonContext(
        shell(request, person), newcomer.name, newcomer.email, newcomer.roles, work, console.services.passwords, refusal
    )
    return await console.answer(
        request, "people/person_new.html", context, status=200 if refusal is None else refusal.http_status
    )


def _nobody() -> PersonRow:
    """A person as the table's own defaults have them."""
    return PersonRow(id="", email="", name="", password_hash="")
