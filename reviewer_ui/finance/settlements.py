"""Settlement runs: the list by state, period and counterparty, one run with its story, and what finance does with it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import settlements as reads
from database.reads.people.accounts import all_names
from database.reads.work import comments as comment_reads
from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from database.tables.work import WorkItemRow
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.finance.counterparties import CounterpartyKind
from domain.finance.settlement import (
    REFERENCE_MAX,
    WORDS_MAX,
    SettlementDeed,
    SettlementState,
    Terms,
    settled,
)
from domain.finance.settlement_acts import SettlementAct
from domain.money import Money
from domain.people.roles import Permission
from gateways.pictures.store import PhotoMissing
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from reviewer_ui.work.item_desk import ItemDesk, item_desk
from services.finance.settlement.answering import people_needed, require_sense
from services.finance.settlement.statement_files import MEDIA_TYPES
from web.forms import member_of, money_of

router = APIRouter(prefix="/settlements")
Reader = Annotated[Person, Depends(allowed(Permission.SEE_SETTLEMENTS))]
Runner = Annotated[Person, Depends(allowed(Permission.RUN_SETTLEMENTS))]
Line = Annotated[str, Form(max_length=120)]
Words = Annotated[str, Form(max_length=4000)]


@dataclass(frozen=True)
class RunsContext:
    """The list of runs; `query` keeps what it is narrowed to, `older` the id that the next page begins after."""

    shell: Shell
    lines: tuple[reads.RunLine, ...]
    counts: dict[SettlementState, int]
    states: tuple[SettlementState, ...]
    state: SettlementState | None
    parties: tuple[reads.PartyLine, ...]
    party: str
    periods: tuple[str, ...]
    period: str
    query: str
    older: str
    may_manage: bool
    amount_of: type[Money] = Money


@dataclass(frozen=True)
class Typed:
    """What was entered and not taken, and in which form."""

    deed: SettlementDeed | None = None
    words: str = ""
    reference: str = ""
    amount: str = ""
    lines: frozenset[str] = frozenset()
    seen: str = ""  # The correction in minor units whose result was shown.


@dataclass(frozen=True)
class RunContext:
    """One run as this person sees it; `needed` people agree to its payment, `mine`: this person did, `barred`: may not.

    `left` counts who may still approve, `too_few_then` says that too few would once this person has confirmed. `then` is what the run comes to with the correction that is about to be posted; `doubted` are the entries disputed now.
    """

    shell: Shell
    found: reads.RunRecord
    item: ItemDesk | None
    comments: tuple[comment_reads.Comment, ...]
    names: dict[str, str]
    amounts: dict[str, Money]
    needed: int
    may_run: bool
    mine: bool
    barred: bool
    left: int
    too_few_then: bool
    after: int
    typed: Typed
    refusal: Refusal | None
    then: dict[str, Money]
    doubted: frozenset[str]
    words_max: int = WORDS_MAX
    reference_max: int = REFERENCE_MAX
    amount_of: type[Money] = Money


@router.get("")
async def listed(
    request: Request, console: At, person: Reader, state: Annotated[str, Query(max_length=20)] = "",
    party: Annotated[str, Query(max_length=26)] = "", period: Annotated[str, Query(max_length=10)] = "",
    before: Annotated[str, Query(max_length=26)] = "",
) -> Response:  # fmt: skip
    """List runs, the newest period first."""
    chosen = member_of(SettlementState, state)
    async with console.services.database.transaction() as session:
        found = await reads.runs(
            session, state=chosen, party=party, period=period, before=before, limit=reads.PAGE + 1
        )  # fmt: skip
        counts, parties, periods = (
            await reads.counts(session), await reads.parties(session), await reads.periods(session),
        )  # fmt: skip
    shown = found[: reads.PAGE]
    query = urlencode({name: value for name, value in (("party", party), ("period", period)) if value})
    context = RunsContext(
        shell(request, person), shown, counts, tuple(SettlementState), chosen, parties, party, periods, period, query,
        shown[-1].run.id if len(found) > reads.PAGE else "", person.may(Permission.MANAGE_COUNTERPARTIES),
    )  # fmt: skip
    return await console.answer(request, "finance/settlements.html", context)


@router.get("/{run_id}")
async def show(
    request: Request, console: At, person: Reader, run_id: str, after: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """Show one run."""
    return await _render(request, console, person, run_id, after=after)


@router.get("/{run_id}/statements/{version}/{name}")
async def statement(console: At, person: Reader, run_id: str, version: int, name: str) -> Response:  # noqa: ARG001
    """Return a file of one version of the statement."""
    async with console.services.database.transaction() as session:
        found = await reads.line_of(session, run_id)
        digest = await reads.statement_file(session, run_id, version, name)
    kind, _, locale = name.partition(".")
    try:
        content = await asyncio.to_thread(console.services.photos.read, digest)
    except PhotoMissing:
        raise NotFound(statement=run_id[:26]) from None
    saved = f"settlement-{found.run.period}-v{version}-{locale}.{kind}"
    headers = {"content-disposition": f'attachment; filename="{saved}"', "x-content-type-options": "nosniff"}
    return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)


@router.post("/{run_id}/take")
async def take(request: Request, console: At, person: Runner, run_id: str) -> Response:
    """Takes the piece of work that finance has with the run; one that a colleague took first says so."""
    async with console.services.database.transaction() as session:
        found = await reads.line_of(session, run_id)
    try:
        if found.run.task_id is not None:
            await console.services.review.leases.take(person.id, found.run.task_id)
    except Refusal as refusal:
        return await _render(request, console, person, run_id, refusal=refusal)
    return see_other(f"/settlements/{run_id}")


@router.post("/{run_id}/confirm")
async def confirm(
    request: Request,
    console: At,
    person: Runner,
    run_id: str,
    version: Line = "",
    reference: Line = "",
    amount: Line = "",
) -> Response:
    """Confirms for the counterparty, with its own number; a provider's invoice also names its amount."""
    typed = Typed(SettlementDeed.CONFIRM, reference=reference, amount=amount)
    return await _act(request, console, person, run_id, version, typed)


@router.post("/{run_id}/dispute")
async def dispute(
    request: Request, console: At, person: Runner, run_id: str, version: Line = "", words: Words = "", token: Line = "",
) -> Response:  # fmt: skip
    """Disputes for the counterparty: a ticket is opened."""
    form = await request.form()
    lines = frozenset(str(one) for one in form.getlist("line"))
    return await _act(
        request, console, person, run_id, version, Typed(SettlementDeed.DISPUTE, words, lines=lines), token
    )


@router.post("/{run_id}/uphold")
async def uphold(
    request: Request, console: At, person: Runner, run_id: str, version: Line = "", words: Words = "", token: Line = "",
) -> Response:  # fmt: skip
    """Answers the dispute: the statement is right."""
    return await _act(request, console, person, run_id, version, Typed(SettlementDeed.UPHOLD, words), token)


@router.post("/{run_id}/correct")
async def correct(
    request: Request, console: At, person: Runner, run_id: str, version: Line = "", words: Words = "",
    amount: Line = "", token: Line = "", seen: Line = "",
) -> Response:  # fmt: skip
    """Answers the dispute: an amount is posted, and a new version of the statement is made. Its result is shown first."""
    typed = Typed(SettlementDeed.CORRECT, words, amount=amount, seen=seen)
    return await _act(request, console, person, run_id, version, typed, token)


@router.post("/{run_id}/approve")
async def approve(request: Request, console: At, person: Runner, run_id: str, version: Line = "") -> Response:
    """Agrees to the payment, after showing again who one is."""
    await require_step_up(request, person)
    return await _act(request, console, person, run_id, version, Typed(SettlementDeed.APPROVE))


async def _act(
    request: Request, console: Console, person: Person, run_id: str, version: str, typed: Typed, token: str = ""
) -> Response:
    try:
        async with console.services.database.transaction() as session:
            found = await reads.line_of(session, run_id)
        act = SettlementAct(
            found.run.id, typed.deed or SettlementDeed.CONFIRM, f"person:{person.id}",
            int(version) if version.isascii() and version.isdigit() else 0, typed.words, tuple(sorted(typed.lines)),
            _amount(typed, found.party), typed.reference, token,
        )  # fmt: skip
        if act.deed is SettlementDeed.CORRECT and typed.seen != str(act.amount_minor):
            require_sense(act)
            typed = replace(typed, seen=str(act.amount_minor))
            return await _render(request, console, person, run_id, typed=typed, then=act.amount_minor)
        await console.services.settlements.act(found.party.id, found.run.period, act)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _render(request, console, person, run_id, typed=typed, refusal=refusal)
    return see_other(f"/settlements/{run_id}")


def _amount(typed: Typed, party: CounterpartyRow) -> int | None:
    """The amount in minor units where the deed has one. Refuse FieldInvalid (`amount`)."""
    is_invoice = typed.deed is SettlementDeed.CONFIRM and party.kind is CounterpartyKind.PROVIDER
    if typed.deed is not SettlementDeed.CORRECT and not is_invoice:
        return None
    return money_of("amount", typed.amount, party.currency).amount_minor


async def _render(
    request: Request, console: Console, person: Person, run_id: str, *, after: int = 0, typed: Typed | None = None,
    refusal: Refusal | None = None, then: int | None = None,
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        found = await reads.record(session, run_id, after=after)
        names, run = await all_names(session), found.run
        task = None if run.task_id is None else await session.get(WorkItemRow, run.task_id)
        open_task = task if task is not None and task.closed_at is None else None
        item = None if open_task is None else await item_desk(session, person, open_task)
        asks = run.state in (SettlementState.APPROVAL, SettlementState.ANSWER)
        left = await reads.able_to_approve(session, run) if asks else 0
        comments = () if task is None else await comment_reads.of_item(session, task.id)
    context = RunContext(
        shell=shell(request, person), found=found, item=item, comments=comments, names=names, amounts=_amounts(found),
        needed=people_needed(run), may_run=person.may(Permission.RUN_SETTLEMENTS), mine=person.id in run.approved_by,
        barred=person.id in run.hands, left=left, too_few_then=_too_few_then(run, person, left), after=found.lines[-1].entry_id if len(found.lines) == reads.LINES else 0,
        typed=typed or Typed(), refusal=refusal, then={} if then is None else _corrected(run, found.netted_minor, then),
        doubted=_doubted(found),
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = f"/settlements/{run_id}"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "finance/settlement.html", context, status=status)


def _too_few_then(run: SettlementRunRow, person: Person, left: int) -> bool:
    """Whether too few people may approve the payment once this person has confirmed: who confirms does not approve."""
    answers = (
        run.state is SettlementState.ANSWER and person.may(Permission.RUN_SETTLEMENTS) and person.id not in run.hands
    )
    return answers and run.payable_minor > 0 and left - 1 < people_needed(run)


def _corrected(run: SettlementRunRow, netted_minor: int, more_minor: int) -> dict[str, Money]:
    """What the run would come to once so much more is owed for it."""
    lines, before = Money(run.lines_minor + more_minor, run.currency), Money(run.carried_in_minor, run.currency)
    comes_to = settled(before, lines, Terms(**run.terms), Money(netted_minor, run.currency))
    return {"sum": lines, "carried_out": comes_to.carried_out, "payable": comes_to.payable}


def _doubted(found: reads.RunRecord) -> frozenset[str]:
    """The entries that the dispute names which waits for an answer."""
    waits = found.run.state is SettlementState.DISPUTED and found.disputes
    return frozenset(found.disputes[0].lines) if waits else frozenset()


def _amounts(found: reads.RunRecord) -> dict[str, Money]:
    """What the newest statement comes to, from above to below."""
    run = found.run
    minor = {
        "carried_in": run.carried_in_minor, "sum": run.lines_minor, "held_back": -run.held_back_minor,
        "carried_out": run.carried_out_minor, "payable": run.payable_minor,
        "still_owed": -int(found.statements[0].content.get("still_owed", 0)) if found.statements else 0,
    }  # fmt: skip
    return {name: Money(value, run.currency) for name, value in minor.items() if value or name in ("sum", "payable")}
