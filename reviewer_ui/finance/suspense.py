"""Suspense: unexplained money, its age and owner; the clearing of each entry, and the reversal of wrong decisions."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards.named import NAMED_MAX, card_named
from database.reads.finance import settlements
from database.reads.finance import suspense as reads
from database.reads.finance.claims import claim_on
from database.reads.finance.settlements import PartyLine
from database.reads.people import accounts
from database.tables.columns import now
from database.tables.finance.suspense import ReversalRow, SuspenseClearingRow
from domain.errors.base import Refusal
from domain.errors.general import CardNumberTyped, FieldInvalid, NotFound
from domain.errors.people import StepUpNeeded
from domain.finance.reversals import ReversalOf
from domain.finance.statements import StatementSource
from domain.finance.suspense import OF_BUYERS, OF_PARTIES, ClearedAs, choices
from domain.people.roles import Permission
from domain.places import business_day
from reviewer_ui.finance.proof_form import document_of, sent_proof
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.finance.reversing import NOTHING_TYPED, TypedReversal, asked_to_reverse
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import ProofHere, proof_here, require_step_up
from reviewer_ui.visit import At, Console, PayoutReader, Shell, allowed, see_other, shell
from services.finance.proof_files import ProofFile
from services.finance.rail_switches import REASON_MAX
from services.finance.reversals import Reversals, open_day_of
from services.finance.suspense import PAGE, Found, Suspense
from web.forms import member_of, money_of

router = APIRouter(prefix=PAGE)
Reconciler = Annotated[Person, Depends(allowed(Permission.RECONCILE))]
Words = Annotated[str, Form(max_length=4000)]
Line = Annotated[str, Form(max_length=40)]
FORM_PATH = f"{PAGE}/clearings"
FIELDS = ("entry_id", "cleared_as", "amount", "buyer", "party", "claim", "other_half", "reason")
ENTRY_DIGITS = 18


@dataclass(frozen=True)
class ClearingLine:
    """What an entry was said to be, with the requests to reverse that, and the first day that one can count for."""

    row: SuspenseClearingRow
    asked: ReversalRow | None
    reversed: ReversalRow | None
    first_open: date | None


@dataclass(frozen=True)
class SuspenseContext:
    """The page: what is in suspense, and the newest clearings, waiting ones first. `full`: there is more than is shown."""

    shell: Shell
    entries: tuple[reads.InSuspense, ...]
    clearings: tuple[ClearingLine, ...]
    names: Mapping[str, str]
    me: str
    may: bool
    today: date
    refused: Refused
    typed_reversal: TypedReversal
    full: bool
    reason_max: int = REASON_MAX


@dataclass(frozen=True)
class EntryContext:
    """One entry with the form that says what it is; `others` can be its other half, `typed` is what was entered and not taken."""

    shell: Shell
    entry: reads.InSuspense
    kinds: tuple[ClearedAs, ...]
    of_buyers: bool
    of_claims: bool
    parties: tuple[PartyLine, ...]
    others: tuple[reads.InSuspense, ...]
    typed: Mapping[str, str]
    refusal: Refusal | None
    may: bool
    proof: ProofHere | None
    reason_max: int = REASON_MAX
    named_max: int = NAMED_MAX


@router.get("")
async def show(request: Request, console: At, person: PayoutReader) -> Response:
    """List what is in suspense, the oldest first."""
    return await _page(request, console, person)


@router.get("/entries/{entry_id}")
async def entry(request: Request, console: At, person: PayoutReader, entry_id: str) -> Response:
    """Show one entry and the form that says what it is."""
    return await _entry_page(request, console, person, entry_id, {})


@router.post("/clearings")
async def propose(request: Request, console: At, person: Reconciler) -> Response:
    """Say what so much of an entry is. The browser has just shown who is there."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, *FIELDS)
    try:
        found = await _found(console, sent, proof)
        await Suspense(console.services.database, console.services.keyring).propose(
            person.id, found, console.services.photos
        )
    except (StepUpNeeded, NotFound):
        raise
    except CardNumberTyped as refusal:  # A secret is shown on no page.
        return await _entry_page(request, console, person, sent["entry_id"], {**sent, "claim": ""}, refusal)
    except Refusal as refusal:
        return await _entry_page(request, console, person, sent["entry_id"], sent, refusal)
    return see_other(PAGE)


@router.post("/clearings/{clearing_id}/agree")
async def agree(request: Request, console: At, person: Reconciler, clearing_id: str) -> Response:
    """Agree as the second person: the amount moves out of suspense."""
    await require_step_up(request, person)
    doing = Suspense(console.services.database, console.services.keyring).agree(person.id, clearing_id)
    return await _done(request, console, person, doing, clearing_id)


@router.post("/clearings/{clearing_id}/decline")
async def decline(request: Request, console: At, person: Reconciler, clearing_id: str) -> Response:
    """Discard the proposal."""
    doing = Suspense(console.services.database, console.services.keyring).decline(person.id, clearing_id)
    return await _done(request, console, person, doing, clearing_id)


@router.post("/clearings/{clearing_id}/reverse")
async def reverse(
    request: Request, console: At, person: Reconciler, clearing_id: str, reason: Words = "", counts_for: Line = ""
) -> Response:
    """Ask a second person to reverse it; what is refused stays in the form."""
    typed = TypedReversal(reason, counts_for)
    doing = asked_to_reverse(console, person, ReversalOf.CLEARING, clearing_id, typed)
    return await _done(request, console, person, doing, clearing_id, typed)


@router.post("/clearings/{clearing_id}/reversals/{reversal_id}/agree")
async def agree_to_reversal(
    request: Request, console: At, person: Reconciler, clearing_id: str, reversal_id: str
) -> Response:
    """Reverse the clearing as the second person: the amount returns to suspense."""
    await require_step_up(request, person)
    doing = Reversals(console.services.database, console.services.keyring).agree(person.id, reversal_id)
    return await _done(request, console, person, doing, clearing_id)


@router.post("/clearings/{clearing_id}/reversals/{reversal_id}/decline")
async def decline_reversal(
    request: Request, console: At, person: Reconciler, clearing_id: str, reversal_id: str
) -> Response:
    """Discard the request."""
    doing = Reversals(console.services.database, console.services.keyring).decline(person.id, reversal_id)
    return await _done(request, console, person, doing, clearing_id)


@router.get("/clearings/{clearing_id}/evidence")
async def evidence(console: At, person: PayoutReader, clearing_id: str) -> Response:  # noqa: ARG001  # Judged.
    """Serve the document that says what the money is."""
    async with console.services.database.transaction() as session:
        row = await session.get(SuspenseClearingRow, clearing_id[:26])
    if row is None:
        raise NotFound(clearing=clearing_id[:26])
    return await document_of(console, row)


async def _found(console: Console, sent: Mapping[str, str], proof: ProofFile | None) -> Found:
    """What was entered. Refuse NotFound, FieldInvalid (`cleared_as`, `amount`, `claim`) and CardNumberTyped."""
    number, kind = _number(sent["entry_id"]), member_of(ClearedAs, sent["cleared_as"])
    async with console.services.database.transaction() as session:
        known = await reads.entry(session, number)
        claim = await _claim(session, sent["claim"]) if kind is ClearedAs.CLAIM else ""
    if known is None:
        raise NotFound(entry=sent["entry_id"][:26])
    if kind is None:
        raise FieldInvalid(field="cleared_as", why="missing")
    amount = money_of("amount", sent["amount"], known.amount.currency)
    other = _number(sent["other_half"]) or None
    whose = sent["party" if kind in OF_PARTIES else "buyer"].strip()
    return Found(number, kind, amount, sent["reason"], whose, other, claim, proof)


async def _claim(session: AsyncSession, written: str) -> str:
    """The claim on the card that was named. Refuse FieldInvalid (`claim`) and CardNumberTyped."""
    if not written.strip():
        raise FieldInvalid(field="claim", why="missing")
    claim = await claim_on(session, await card_named(session, "claim", written))
    if claim is None:
        raise FieldInvalid(field="claim", why="not_found")
    return claim.id


def _number(written: str) -> int:
    """The number of an entry; 0, which none has, for text that is none."""
    return int(written) if written.isascii() and written.isdigit() and len(written) <= ENTRY_DIGITS else 0


async def _done(
    request: Request, console: Console, person: Person, doing: Awaitable[object], clearing_id: str,
    typed: TypedReversal = NOTHING_TYPED,
) -> Response:  # fmt: skip
    async def page(refused: Refused) -> Response:
        return await _page(request, console, person, refused, typed)

    return await done_or_shown(request, doing, page, PAGE, clearing_id)


async def _page(
    request: Request, console: Console, person: Person, refused: Refused = NOTHING,
    typed_reversal: TypedReversal = NOTHING_TYPED,
) -> Response:  # fmt: skip
    today = business_day(now())
    async with console.services.database.transaction() as session:
        entries = await reads.standing(session)
        clearings = await reads.clearings(session)
        requests = await reads.reversals(session, ReversalOf.CLEARING, tuple(one.id for one in clearings))
        names = await accounts.all_names(session)
        lines = []
        for one in clearings:
            mine = [request for request in requests if request.subject == one.id]
            first_open = None
            if one.agreed_at is not None and one.reversed_at is None:
                own = business_day(one.agreed_at)
                first_open = await open_day_of(session, StatementSource(one.rail.value), own)
            lines.append(
                ClearingLine(
                    one, next((it for it in mine if it.agreed_at is None), None),
                    next((it for it in mine if it.agreed_at is not None), None), first_open,
                )
            )  # fmt: skip
    context = SuspenseContext(
        shell(request, person), entries, tuple(lines), names, person.id, person.may(Permission.RECONCILE), today, refused,
        typed_reversal, len(entries) == reads.PAGE,
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = PAGE
    return await console.answer(request, "finance/suspense.html", context, status=refused.status)


async def _entry_page(
    request: Request, console: Console, person: Person, entry_id: str, sent: Mapping[str, str],
    refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        found = await reads.entry(session, _number(entry_id))
        if found is None:
            raise NotFound(entry=entry_id[:26])
        around = await reads.standing(session, found.rail)
        parties = await settlements.parties(session)
    kinds = choices(came_in=found.came_in)
    others = tuple(one for one in around if one.came_in is not found.came_in and one.free.amount_minor > 0)
    context = EntryContext(
        shell(request, person), found, kinds, bool(OF_BUYERS & set(kinds)), ClearedAs.CLAIM in kinds, parties, others,
        {name: sent.get(name, "") for name in FIELDS}, refusal, person.may(Permission.RECONCILE), proof_here(request, person),
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = f"{PAGE}/entries/{found.entry_id}"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "finance/suspense_entry.html", context, status=status)
