"""Whom we settle with: the list, one with its payees, and a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import settlements as reads
from database.reads.people.accounts import all_names
from database.tables.columns import now
from database.tables.finance.settlement import CounterpartyPayeeRow, CounterpartyRow
from database.tables.people import PartnerRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.finance.counterparties import CounterpartyKind
from domain.finance.rails import Rail
from domain.finance.settlement import NAME_MAX, Terms
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.settlement import settlement_in_force
from domain.rules.splits import intake_points
from languages import LOCALES
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.finance.settlement import netting
from services.finance.settlement.counterparties import Counterparties, NewParty, PartyWords
from web.forms import member_of, money_of

router = APIRouter(prefix="/counterparties")
Reader = Annotated[Person, Depends(allowed(Permission.SEE_SETTLEMENTS))]
Manager = Annotated[Person, Depends(allowed(Permission.MANAGE_COUNTERPARTIES))]
Line = Annotated[str, Form(max_length=254)]


@dataclass(frozen=True)
class PartiesContext:
    """The list."""

    shell: Shell
    parties: tuple[reads.PartyLine, ...]
    terms: Mapping[str, Terms]
    may_manage: bool


@dataclass(frozen=True)
class PartyForm:
    """The fields of the form as they are shown: from the row, or as they were entered."""

    kind: str = CounterpartyKind.PARTNER.value
    owner: str = ""
    since: str = ""
    name: str = ""
    language: str = "zh_CN"
    terms: str = ""
    rail: str = Rail.ALIPAY.value
    mail: str = ""
    partner: str = ""
    active: bool = True
    opening: str = ""


@dataclass(frozen=True)
class PartyContext:
    """One counterparty, or a new one (`party` None)."""

    shell: Shell
    party: CounterpartyRow | None
    form: PartyForm
    payees: tuple[CounterpartyPayeeRow, ...]
    runs: tuple[reads.RunLine, ...]
    names: dict[str, str]
    partners: tuple[PartnerRow, ...]
    terms: Mapping[str, Terms]
    may_manage: bool
    me: str
    refusal: Refusal | None
    owed: Money  # Of returned sales, not taken off yet.
    link: str  # The address by which an intake point's sellers come; empty: it is none, or the rules do not know it.
    kinds: tuple[CounterpartyKind, ...] = tuple(CounterpartyKind)
    rails: tuple[Rail, ...] = tuple(Rail)
    languages: tuple[str, ...] = LOCALES
    name_max: int = NAME_MAX
    amount_of: type[Money] = Money


@router.get("")
async def listed(request: Request, console: At, person: Reader) -> Response:
    """List the counterparties."""
    async with console.services.database.transaction() as session:
        found = await reads.parties(session)
    terms = settlement_in_force(business_day(now())).terms
    may = person.may(Permission.MANAGE_COUNTERPARTIES)
    context = PartiesContext(shell(request, person), found, terms, may)
    return await console.answer(request, "finance/counterparties.html", context)


@router.get("/new")
async def new(request: Request, console: At, person: Manager) -> Response:
    """Show the empty form."""
    first = business_day(now()).replace(day=1)
    return await _render(request, console, person, None, PartyForm(since=first.isoformat()))


@router.post("")
async def add(
    request: Request, console: At, person: Manager, kind: Line = "", owner: Line = "", since: Line = "", name: Line = "",
    language: Line = "", terms: Line = "", rail: Line = "", mail: Line = "", partner: Line = "", opening: Line = "",
) -> Response:  # fmt: skip
    """Adds a counterparty; what is refused stays in the form."""
    form = PartyForm(kind, owner.strip(), since, name, language, terms, rail, mail, partner, opening=opening)
    try:
        new_party = NewParty(
            member_of(CounterpartyKind, kind) or CounterpartyKind.PARTNER,
            form.owner or (f"partner:{partner}" if partner else ""), _day(since), _words(form),
            opening_minor=_amount(opening),
        )  # fmt: skip
        party_id = await _parties(console).add(person.id, new_party)
    except Refusal as refusal:
        return await _render(request, console, person, None, form, refusal)
    return see_other(f"/counterparties/{party_id}")


@router.get("/{party_id}")
async def show(request: Request, console: At, person: Reader, party_id: str) -> Response:
    """Show one counterparty."""
    return await _render(request, console, person, party_id)


@router.post("/{party_id}")
async def change(
    request: Request, console: At, person: Manager, party_id: str, revision: Line = "", name: Line = "",
    language: Line = "", terms: Line = "", rail: Line = "", mail: Line = "", partner: Line = "", active: Line = "",
) -> Response:  # fmt: skip
    """Changes a counterparty; what is refused stays in the form."""
    form = PartyForm("", "", "", name, language, terms, rail, mail, partner, active == "yes")
    try:
        number = int(revision) if revision.isascii() and revision.isdigit() else 0
        await _parties(console).change(person.id, party_id, number, _words(form))
    except Refusal as refusal:
        return await _render(request, console, person, party_id, form, refusal)
    return see_other(f"/counterparties/{party_id}")


@router.post("/{party_id}/payees")
async def propose(
    request: Request, console: At, person: Manager, party_id: str, rail: Line = "", payee_account: Line = "",
    payee_name: Line = "",
) -> Response:  # fmt: skip
    """Proposes a payee, which a second person has to agree to."""
    chosen = member_of(Rail, rail)
    try:
        if chosen is None:
            raise FieldInvalid(field="rail", why="not_a_choice")
        await _parties(console).propose_payee(person.id, party_id, chosen, payee_account, payee_name)
    except Refusal as refusal:
        return await _render(request, console, person, party_id, None, refusal)
    return see_other(f"/counterparties/{party_id}")


@router.post("/{party_id}/payees/{payee_id}/agree")
async def agree(request: Request, console: At, person: Manager, party_id: str, payee_id: str) -> Response:
    """Agrees as the second person, after showing again who one is."""
    await require_step_up(request, person)
    return await _decided(request, console, person, party_id, payee_id, agrees=True)


@router.post("/{party_id}/payees/{payee_id}/decline")
async def decline(request: Request, console: At, person: Manager, party_id: str, payee_id: str) -> Response:
    """Declines a payee, or takes one's own proposal back."""
    return await _decided(request, console, person, party_id, payee_id, agrees=False)


async def _decided(
    request: Request, console: Console, person: Person, party_id: str, payee_id: str, *, agrees: bool
) -> Response:
    parties = _parties(console)
    try:
        await (parties.agree_payee if agrees else parties.decline_payee)(person.id, payee_id)
    except Refusal as refusal:
        return await _render(request, console, person, party_id, None, refusal)
    return see_other(f"/counterparties/{party_id}")


def _parties(console: Console) -> Counterparties:
    return Counterparties(console.services.database, console.services.keyring)


def _words(form: PartyForm) -> PartyWords:
    rail = member_of(Rail, form.rail)
    if rail is None:
        raise FieldInvalid(field="rail", why="not_a_choice")
    return PartyWords(form.name, form.language, form.terms, rail, form.mail, form.partner, form.active)


def _amount(written: str) -> int:
    return money_of("opening", written).amount_minor if written.strip() else 0


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise FieldInvalid(field="since", why="not_a_date") from None


def _link(console: Console, party: CounterpartyRow | None) -> str:
    """The address that an intake point shows as a link or a QR code, once the rules that split sales know it."""
    known = party is not None and party.owner in intake_points(business_day(now()))
    return f"{console.services.pages_url}/?via={party.owner}" if party is not None and known else ""


async def _render(
    request: Request, console: Console, person: Person, party_id: str | None, form: PartyForm | None = None,
    refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        row, payees = (None, ()) if party_id is None else await reads.party(session, party_id)
        runs = () if row is None else await reads.runs(session, party=row.id, limit=12)
        names, partners = await all_names(session), await reads.partners(session)
        owed = Money(0) if row is None else await netting.owed(session, row)
    shown = form or PartyForm()
    if row is not None and form is None:
        shown = PartyForm(
            row.kind.value, row.owner, row.since.isoformat(), row.name, row.language, row.terms, row.rail.value, "",
            row.partner_id or "", row.active,
        )  # fmt: skip
    context = PartyContext(
        shell(request, person), row, shown, payees, runs, names, partners, settlement_in_force(business_day(now())).terms,
        person.may(Permission.MANAGE_COUNTERPARTIES), person.id, refusal, owed, _link(console, row),
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = "/counterparties/new" if party_id is None else f"/counterparties/{party_id}"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "finance/counterparty.html", context, status=status)
