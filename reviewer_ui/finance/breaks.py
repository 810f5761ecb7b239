"""A break: both sides, what it could belong to, the four verbs each with what it would post, and the second person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import batches, suspense
from database.reads.finance import reconciliation as reads
from database.reads.people import accounts
from database.reads.work import comments as comment_reads
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import BankBatchRow
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow
from database.tables.finance.suspense import ReversalRow
from database.tables.work import WorkItemRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.finance.breaks import (
    ALLOWED,
    BREAK,
    BY_HAND,
    NOTE_MAX,
    Against,
    BreakState,
    Choice,
    Verb,
    choices_against,
    usual_against,
)
from domain.finance.payout import PayoutState
from domain.finance.reversals import ReversalOf
from domain.finance.statements import StatementSource
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.reconciliation import reconciliation_in_force
from domain.work.kinds import subject_of
from reviewer_ui.finance.reversing import NOTHING_TYPED, TypedReversal, asked_to_reverse
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, PayoutReader, Shell, allowed, see_other, shell
from reviewer_ui.work.item_desk import ItemDesk, item_desk
from reviewer_ui.work.item_pages import show_items
from services.finance.break_plans import Plan, sides_of
from services.finance.breaks import Breaks
from services.finance.rail_switches import REASON_MAX
from services.finance.reversals import Reversals, open_day_of
from web.forms import member_of

router = APIRouter(prefix="/reconciliation/breaks")
Reconciler = Annotated[Person, Depends(allowed(Permission.RECONCILE))]
Line = Annotated[str, Form(max_length=200)]
Words = Annotated[str, Form(max_length=4000)]


@dataclass(frozen=True)
class Typed:
    """A decision that was entered and is not made."""

    verb: Verb | None = None
    reason_code: str = ""
    against: str = ""
    link: str = ""
    note: str = ""


@dataclass(frozen=True)
class BreakContext:
    """The page. `plan` is the preview of what was entered; `order_amount` is that of an order of unknown outcome which the line names,
    `batch` the bank's batch that it names. `first_open`: the decision can be reversed, from that day on.
    """

    shell: Shell
    row: BreakRow
    line: StatementLineRow | None
    entry: ExpectationRow | None
    order_amount: Money | None
    batch: BankBatchRow | None
    batch_sum: Money | None
    candidates: tuple[Any, ...]
    difference: Money
    late: bool
    item: ItemDesk | None
    comments: tuple[comment_reads.Comment, ...]
    verbs: tuple[Verb, ...]
    against: tuple[Against, ...]
    usual: Against
    plan: Plan | None
    decided: Plan | None
    decided_by: str
    checked_by: str
    typed: Typed
    comment: str
    refusal: Refusal | None
    may: bool
    may_agree: bool
    reversal_asked: ReversalRow | None
    reversed: tuple[ReversalRow, ...]
    first_open: date | None
    typed_reversal: TypedReversal
    names: Mapping[str, str]
    today: date
    words_max: int = NOTE_MAX
    reason_max: int = REASON_MAX


@router.get("/{break_id}")
async def show(request: Request, console: At, person: PayoutReader, break_id: str) -> Response:
    """Show the break; opening it keeps the lease of its holder."""
    row = await _row(console, break_id)
    if row.task_id is not None:
        await console.services.review.leases.renew(person.id, row.task_id)
    return await _render(request, console, person, break_id)


@router.post("/{break_id}/take")
async def take(request: Request, console: At, person: Reconciler, break_id: str) -> Response:
    """Takes the break; one that a colleague took first says so."""
    row = await _row(console, break_id)
    try:
        if row.task_id is not None:
            await console.services.review.leases.take(person.id, row.task_id)
    except Refusal as refusal:
        return await _render(request, console, person, break_id, refusal=refusal)
    return see_other(f"/reconciliation/breaks/{row.id}")


@router.post("/{break_id}/preview")
async def preview(
    request: Request, console: At, person: Reconciler, break_id: str, verb: Line = "", reason_code: Line = "",
    against: Line = "", link: Line = "", note: Words = "",
) -> Response:  # fmt: skip
    """Show what the decision would post and link; nothing is written."""
    typed = Typed(member_of(Verb, verb), reason_code, against, link.strip(), note)
    try:
        plan = await Breaks(console.services.database).preview(break_id, _choice(typed))
    except Refusal as refusal:
        return await _render(request, console, person, break_id, refusal=refusal, typed=typed)
    return await _render(request, console, person, break_id, typed=typed, plan=plan)


@router.post("/{break_id}/decide")
async def decide(
    request: Request, console: At, person: Reconciler, break_id: str, verb: Line = "", reason_code: Line = "",
    against: Line = "", link: Line = "", note: Words = "",
) -> Response:  # fmt: skip
    """Decides; what is refused stays in the form."""
    typed = Typed(member_of(Verb, verb), reason_code, against, link.strip(), note)
    try:
        await Breaks(console.services.database).decide(person.id, break_id, _choice(typed))
    except Refusal as refusal:
        return await _render(request, console, person, break_id, refusal=refusal, typed=typed)
    return see_other(f"/reconciliation/breaks/{break_id[:26]}")


@router.post("/{break_id}/agree")
async def agree(request: Request, console: At, person: Reconciler, break_id: str) -> Response:
    """Agrees as the second person: the decision is carried out."""
    await require_step_up(request, person)
    return await _second(request, console, person, break_id, agreed=True)


@router.post("/{break_id}/decline")
async def decline(request: Request, console: At, person: Reconciler, break_id: str) -> Response:
    """Discards the decision; the break is open again."""
    return await _second(request, console, person, break_id, agreed=False)


@router.post("/{break_id}/reverse")
async def reverse(
    request: Request, console: At, person: Reconciler, break_id: str, reason: Words = "", counts_for: Line = ""
) -> Response:
    """Ask a second person to reverse the decision; what is refused stays in the form."""
    typed = TypedReversal(reason, counts_for)
    try:
        await asked_to_reverse(console, person, ReversalOf.BREAK, break_id, typed)
    except Refusal as refusal:
        return await _render(request, console, person, break_id, refusal=refusal, typed_reversal=typed)
    return see_other(f"/reconciliation/breaks/{break_id[:26]}")


@router.post("/{break_id}/reversals/{reversal_id}/agree")
async def agree_to_reversal(
    request: Request, console: At, person: Reconciler, break_id: str, reversal_id: str
) -> Response:
    """Reverse it as the second person: the break is open again."""
    await require_step_up(request, person)
    try:
        return see_other(
            await Reversals(console.services.database, console.services.keyring).agree(person.id, reversal_id)
        )
    except Refusal as refusal:
        return await _render(request, console, person, break_id, refusal=refusal)


@router.post("/{break_id}/reversals/{reversal_id}/decline")
async def decline_reversal(
    request: Request, console: At, person: Reconciler, break_id: str, reversal_id: str
) -> Response:
    """Discards the request: the decision stays."""
    try:
        return see_other(
            await Reversals(console.services.database, console.services.keyring).decline(person.id, reversal_id)
        )
    except Refusal as refusal:
        return await _render(request, console, person, break_id, refusal=refusal)


async def _second(request: Request, console: Console, person: Person, break_id: str, *, agreed: bool) -> Response:
    breaks = Breaks(console.services.database)
    try:
        await (breaks.agree if agreed else breaks.decline)(person.id, break_id)
    except Refusal as refusal:
        return await _render(request, console, person, break_id, refusal=refusal)
    return see_other(f"/reconciliation/breaks/{break_id[:26]}")


def _choice(typed: Typed) -> Choice:
    if typed.verb is None or typed.verb not in BY_HAND:
        raise FieldInvalid(field="verb", why="missing")
    return Choice(typed.verb, typed.reason_code, member_of(Against, typed.against), typed.link, typed.note)


async def _row(console: Console, break_id: str) -> BreakRow:
    async with console.services.database.transaction() as session:
        row = await session.get(BreakRow, break_id[:26])
    if row is None:
        raise NotFound(break_id=break_id[:26])
    return row


async def _render(
    request: Request, console: Console, person: Person, item_id: str, /, *, refusal: Refusal | None = None,
    typed: Typed | None = None, plan: Plan | None = None, comment: str = "", typed_reversal: TypedReversal = NOTHING_TYPED,
) -> Response:  # fmt: skip
    row = await _row(console, subject_of(item_id) or item_id)
    moment = now()
    rules = reconciliation_in_force(business_day(moment)).sources[row.source]
    decided = await _proposal(console, row)
    async with console.services.database.transaction() as session:
        sides = await sides_of(session, row)
        task = None if row.task_id is None else await session.get(WorkItemRow, row.task_id)
        item = None if task is None else await item_desk(session, person, task)
        said = () if row.task_id is None else await comment_reads.of_item(session, row.task_id)
        found = await reads.candidates(session, row) if row.state is BreakState.OPEN else ()
        order = await _order(session, sides.line)
        batch = None
        if sides.line is not None and row.source is StatementSource.BANK:
            batch = await batches.named(session, sides.line.key)
        requests = await suspense.reversals(session, ReversalOf.BREAK, (row.id,))
        first_open = await open_day_of(session, row.source, row.day) if _reversible(row) else None
        names = await accounts.all_names(session)
    context = BreakContext(
        shell=shell(request, person), row=row, line=sides.line, entry=sides.entry,
        order_amount=None if order is None else Money(order.amount_minor, order.currency), batch=batch,
        batch_sum=None if batch is None else Money(batch.sum_minor), candidates=found,
        difference=Money(row.difference_minor, row.currency),
        late=row.state is not BreakState.CLOSED and row.since < moment - rules.late_after, item=item, comments=said,
        verbs=_verbs(row, found, typed or Typed()), against=choices_against(row.source),
        usual=usual_against(row.source, row.kind), plan=plan, decided=decided, decided_by=names.get(row.decided_by or "", ""),
        checked_by=names.get(row.checked_by or "", ""), reversal_asked=next((one for one in requests if one.agreed_at is None), None),
        reversed=tuple(one for one in requests if one.agreed_at is not None), first_open=first_open,
        typed_reversal=typed_reversal, names=names, today=business_day(moment),
        typed=typed or Typed(), comment=comment, refusal=refusal, may=person.may(Permission.RECONCILE),
        may_agree=person.may(Permission.RECONCILE) and person.id not in row.deciders,
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = f"/reconciliation/breaks/{row.id}"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "finance/break.html", context, status=status)


def _verbs(row: BreakRow, candidates: tuple[Any, ...], typed: Typed) -> tuple[Verb, ...]:
    """What can be decided; a link needs something that it could lead to."""
    linkable = bool(candidates) or bool(typed.link)
    return tuple(one for one in BY_HAND if one in ALLOWED[row.kind] and (linkable or one is not Verb.REPLACE_LINK))


async def _proposal(console: Console, row: BreakRow) -> Plan | None:
    """What the decision that waits for a second person would do now; None where it no longer can be done."""
    if row.state is not BreakState.PROPOSED or row.verb is None:
        return None
    try:
        choice = Choice(row.verb, row.reason_code, row.against, row.link, row.note)
        return await Breaks(console.services.database).preview(row.id, choice, proposed=True)
    except Refusal:
        return None


async def _order(session: AsyncSession, line: StatementLineRow | None) -> PayoutRow | None:
    """The order that a line names, while its outcome is not known."""
    row = None if line is None or not line.key else await session.get(PayoutRow, line.key)
    return row if row is not None and row.state in (PayoutState.UNKNOWN, PayoutState.PREPARED) else None


def _reversible(row: BreakRow) -> bool:
    """Whether people decided the break: whether anything was built on that since is judged when they ask."""
    return row.state is BreakState.CLOSED and row.verb in BY_HAND and row.decided_by is not None


show_items(BREAK, _render)
