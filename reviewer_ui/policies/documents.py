"""Settings, policies: every kind with the version in force, its editor, its draft, and its publication by two people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from database.reads.people.accounts import all_names
from database.tables.columns import now
from database.tables.policies import PolicyDocumentRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.people.roles import Permission
from domain.places import business_day
from domain.policies.document import PolicyDocument, PolicyKind, read_json, version_name
from domain.policies.flaws import DocumentWrong, Flaw
from domain.rules import deadlines
from domain.rules.policy_kinds import KINDS
from domain.work.working_time import known_years
from reviewer_ui.policies.editor import Editor
from reviewer_ui.policies.fields import FieldMaker
from reviewer_ui.policies.offers import People
from reviewer_ui.policies.transfer import exported, imported, written
from reviewer_ui.policies.typed_document import TypedDocument, typed_document
from reviewer_ui.policies.wording import ChangeLine, change_lines, name_of_place
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell, visitor
from services.policies.deadlines import Preview, previewed
from services.policies.documents import KindState, Proposal
from services.policies.dry_run import Figure, deadline_figures, dry_run
from services.policies.reading import document_of
from services.work.comments import mentionable
from web.locale import locale_of

FIELDS_MAX = 5000
router = APIRouter(prefix="/setup/policies")
Reader = Annotated[Person, Depends(allowed(Permission.SEE_POLICIES))]
Writer = Annotated[Person, Depends(allowed(Permission.SET_POLICIES))]
Confirmer = Annotated[Person, Depends(allowed(Permission.CONFIRM_POLICIES))]


async def long_form(request: Request) -> None:
    """Accept a form with many fields, as tables of rows have, but only from people who may save them."""
    person = await visitor(request)
    if person is not None and person.may(Permission.SET_POLICIES):
        request.state.fields_max = FIELDS_MAX


@dataclass(frozen=True)
class KindLine:
    """One kind in the list. `open` is its draft, or what waits for a second person."""

    code: str
    in_force: PolicyDocument
    saved: PolicyDocumentRow | None  # The row of the version in force; None for a built-in one.
    planned: tuple[PolicyDocumentRow, ...]
    open: PolicyDocumentRow | None


@dataclass(frozen=True)
class PoliciesContext:
    """The list of kinds."""

    shell: Shell
    lines: tuple[KindLine, ...]
    names: Mapping[str, str]


@dataclass(frozen=True)
class PolicyContext:
    """One kind: the version in force, the open draft with its difference and dry run, the editor and the history."""

    shell: Shell
    line: KindLine
    two_people: bool
    history: tuple[PolicyDocumentRow, ...]
    built_in: tuple[PolicyDocument, ...]
    names: Mapping[str, str]
    may_write: bool
    may_publish: bool  # Of the version that is open, by this person, as far as the page knows.
    people: People
    editor: Editor
    written: str  # The document as JSON.
    why: str
    begins: str
    today: str
    changes: tuple[ChangeLine, ...] = ()
    figures: tuple[Figure, ...] = ()
    preview: Preview | None = None  # Of deadlines: the open tasks whose due time the draft moves.
    holidays_until: int = 0  # Of deadlines: the last year whose public holidays are known.
    flaws: tuple[Flaw, ...] = ()
    names_of_flaws: Mapping[str, str] = field(default_factory=dict)  # By the place of the flaw.
    as_json: bool = False  # What was entered is in the JSON box.
    refusal: Refusal | None = None
    done: str = ""

    @property
    def revision(self) -> int:
        """The draft's that the page shows, 0 where there is none."""
        return self.line.open.revision if self.line.open is not None else 0


@router.get("")
async def show_all(request: Request, console: At, person: Reader) -> Response:
    """All kinds."""
    lines = tuple([_line(await console.policies.state(kind)) for kind in KINDS.values()])
    context = PoliciesContext(shell(request, person), lines, await _names(console))
    return await console.answer(request, "policies/policies.html", context)


@router.get("/{code}")
async def show(
    request: Request, console: At, person: Reader, code: str, version: Annotated[str, Query(max_length=80)] = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:  # fmt: skip
    """One kind; `version` puts an older version's document into the editor, to go back to it."""
    kind = _kind(code)
    page, state = await _page(request, console, person, kind)
    if version:
        page = _edited(request, page, kind, version_of(state, version).document)
    return await _answer(request, console, replace(page, done=done))


@router.get("/{code}/export", dependencies=[Depends(allowed(Permission.SEE_POLICIES))])
async def export(console: At, code: str, version: Annotated[str, Query(max_length=80)] = "") -> Response:
    """Export a version as a file, the one in force unless another is named; the editor can import it again."""
    state = await console.policies.state(_kind(code))
    chosen = version_of(state, version) if version else state.in_force
    row = state.row_of(chosen.number)
    headers = {"content-disposition": f'attachment; filename="{chosen.version}.json"'}
    return Response(exported(chosen, row.why if row else ""), media_type="application/json", headers=headers)


@router.post("/{code}/draft")
async def save(request: Request, console: At, person: Writer, code: str) -> Response:
    """Saves what the form, or the JSON box, says as a draft."""
    kind, form = _kind(code), await request.form()
    typed = None if form.get("how") == "json" else typed_document(kind.schema, form)
    try:
        document = typed.without_flaws() if typed else imported(kind, read_json(str(form.get("document", ""))))
        proposal = Proposal(document, str(form.get("why", "")), begins_on(form.get("begins")), revision_of(form))
        await console.policies.save(person.id, kind, proposal)
    except DocumentWrong as wrong:
        page, _ = await _page(request, console, person, kind)
        page = _flawed(request, _typed(request, page, kind, form, typed), kind, wrong)
        return await _answer(request, console, page, status=422)
    except Refusal as refused:
        page, _ = await _page(request, console, person, kind)
        page = replace(_typed(request, page, kind, form, typed), refusal=refused)
        return await _answer(request, console, page, status=refused.http_status)
    return see_other(f"/setup/policies/{kind.code}?done=saved")


@router.post("/{code}/ask")
async def ask(request: Request, console: At, person: Writer, code: str) -> Response:
    """Puts the draft before a second person."""
    return await _act(request, console, person, code, "ask")


@router.post("/{code}/withdraw")
async def withdraw(request: Request, console: At, person: Writer, code: str) -> Response:
    """Withdraws the draft."""
    return await _act(request, console, person, code, "withdraw")


@router.post("/{code}/refuse")
async def refuse(request: Request, console: At, person: Confirmer, code: str) -> Response:
    """Refuses what waits."""
    return await _act(request, console, person, code, "refuse")


@router.post("/{code}/publish")
async def publish(request: Request, console: At, person: Confirmer, code: str) -> Response:
    """Publishes the version, which needs a fresh proof of who is there."""
    _kind(code)
    await require_step_up(request, person)
    return await _act(request, console, person, code, "publish")


async def _act(request: Request, console: Console, person: Person, code: str, act: str) -> Response:
    kind, policies = _kind(code), console.policies
    acts = {"ask": policies.ask, "withdraw": policies.withdraw, "refuse": policies.refuse, "publish": policies.publish}
    try:
        await acts[act](person.id, kind, revision_of(await request.form()))
    except DocumentWrong as wrong:
        page, _ = await _page(request, console, person, kind)
        return await _answer(request, console, _flawed(request, page, kind, wrong), status=422)
    except Refusal as refused:
        page, _ = await _page(request, console, person, kind)
        return await _answer(request, console, replace(page, refusal=refused), status=refused.http_status)
    return see_other(f"/setup/policies/{kind.code}?done={act}")


async def _page(
    request: Request, console: Console, person: Person, kind: PolicyKind
) -> tuple[PolicyContext, KindState]:
    state = await console.policies.state(kind)
    line, row = _line(state), state.open
    edited = state.in_force if row is None else document_of(kind, row)
    people = await _people(console)
    may_confirm = person.may(Permission.CONFIRM_POLICIES if kind.two_people else Permission.SET_POLICIES)
    page = PolicyContext(
        shell=shell(request, person),
        line=line,
        two_people=kind.two_people,
        history=state.versions,
        built_in=tuple(sorted(kind.built_in(), key=lambda one: one.effective_from, reverse=True)),
        names=people.everybody,
        may_write=person.may(Permission.SET_POLICIES),
        may_publish=may_confirm and row is not None and not (kind.two_people and person.id in row.makers),
        people=people,
        editor=_editor(request, kind, edited.document, people),
        written=written(kind.schema, edited.document),
        why=row.why if row is not None else "",
        begins=row.effective_from.isoformat() if row is not None else "",
        today=business_day(now()).isoformat(),
        holidays_until=max(known_years()) if kind is deadlines.KIND else 0,
    )
    return (page if row is None else await _tried(request, console, page, state, edited)), state


async def _tried(
    request: Request, console: Console, page: PolicyContext, state: KindState, draft: PolicyDocument
) -> PolicyContext:
    """The page with what the draft changes, in words and in the work of the last days, or with its flaws."""
    try:
        state.kind.require_valid(dict(draft.document), state.in_force.document)
    except DocumentWrong as wrong:
        return _flawed(request, page, state.kind, wrong)
    services = console.services
    async with services.database.transaction() as session:
        if state.kind is deadlines.KIND:
            preview = await previewed(session, dict(draft.document), now())
            page = replace(page, preview=preview, figures=deadline_figures(preview))
        else:
            page = replace(page, figures=await dry_run(session, services.keyring, state.in_force, draft, now()))
    maker = FieldMaker(state.kind.code, locale_of(request), page.people)
    return replace(page, changes=change_lines(state.kind, maker, state.in_force.document, draft.document))


def _flawed(request: Request, page: PolicyContext, kind: PolicyKind, wrong: DocumentWrong) -> PolicyContext:
    locale = locale_of(request)
    names = {flaw.path: name_of_place(kind, flaw.path, locale) for flaw in wrong.flaws}
    return replace(page, flaws=wrong.flaws, names_of_flaws=names)


def _typed(
    request: Request, page: PolicyContext, kind: PolicyKind, form: FormData, typed: TypedDocument | None
) -> PolicyContext:
    """The page with what was entered, which was not taken: in the form's fields, or in the JSON box."""
    page = replace(page, why=str(form.get("why", "")), begins=str(form.get("begins", "")))
    if typed is None:
        return replace(page, written=str(form.get("document", "")), as_json=True)
    return replace(page, editor=_editor(request, kind, typed.document, page.people))


def _edited(request: Request, page: PolicyContext, kind: PolicyKind, document: Mapping[str, Any]) -> PolicyContext:
    return replace(page, editor=_editor(request, kind, document, page.people), written=written(kind.schema, document))


def _editor(
    request: Request, kind: PolicyKind, document: Mapping[str, Any], people: People
) -> Editor:  # fmt: skip
    return FieldMaker(kind.code, locale_of(request), people).editor(kind.schema, document)


def _line(state: KindState) -> KindLine:
    today = business_day(now())
    planned = tuple(
        row for row in state.versions
        if row.published_at is not None and row.effective_from > today and row.version > state.in_force.number
    )  # fmt: skip
    return KindLine(state.kind.code, state.in_force, state.row_of(state.in_force.number), planned, state.open)


def version_of(state: KindState, name: str) -> PolicyDocument:
    """Return a version by its name, built in or saved. Refuses NotFound."""
    for one in state.kind.built_in():
        if one.version == name:
            return one
    row = next((row for row in state.versions if version_name(state.kind.code, row.version) == name), None)
    if row is None:
        raise NotFound(version=name)
    return document_of(state.kind, row)


def _kind(code: str) -> PolicyKind:
    kind = KINDS.get(code)
    if kind is None:
        raise NotFound(policy=code[:40])
    return kind


def begins_on(typed: object) -> date | None:
    """Return the day from which a version is to hold; none typed: from its publication. Refuses FieldInvalid."""
    if not typed:
        return None
    try:
        return date.fromisoformat(str(typed))
    except ValueError:
        raise FieldInvalid(field="effective_from", why="not_a_date") from None


def revision_of(form: FormData) -> int:
    """Return the revision of the draft that a form was made from, 0 where it says none."""
    typed = str(form.get("revision", ""))
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 9 else 0


async def _names(console: Console) -> Mapping[str, str]:
    async with console.services.database.transaction() as session:
        return await all_names(session)


async def _people(console: Console) -> People:
    async with console.services.database.transaction() as session:
        return People({one.id: one.name for one in await mentionable(session)}, await all_names(session))


async def _answer(request: Request, console: Console, page: PolicyContext, status: int = 200) -> Response:
    request.state.back = f"/setup/policies/{page.line.code}"
    return await console.answer(request, "policies/policy.html", page, status=status)
