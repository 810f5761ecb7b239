"""Claims against sellers for cards that were no good: proposed by one, agreed to by another, answered, written off by two.

What sellers pay back of them is recorded here, too; what was an error there ends in `claim_receipts`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards.named import NAMED_MAX, card_named
from database.reads.finance import claims as reads
from database.reads.people import accounts
from database.tables.columns import now
from database.tables.finance.rollback import RollbackRow
from domain.errors.base import Refusal
from domain.errors.general import CardNumberTyped, NotFound
from domain.errors.people import StepUpNeeded
from domain.finance.rails import Rail
from domain.finance.rollback import OF_CARDS, WORDS_MAX, RollbackKind, RollbackRules
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.rollback import rollback_in_force
from reviewer_ui.finance.proof_form import document_of, sent_proof
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown, entered
from reviewer_ui.finance.sale_new import day_of
from reviewer_ui.finance.sales import SalesKeeper
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import ProofHere, proof_here, require_step_up
from reviewer_ui.visit import At, Console, PayoutReader, Shell, allowed, see_other, shell
from services.finance.claim_receipts import ClaimReceipts, PaidBack
from services.finance.proof_files import ProofFile
from services.finance.receipts import REFERENCE_MAX
from services.finance.rollbacks import Finding, Rollbacks
from web.forms import member_of, money_of

router = APIRouter()
Claimer = Annotated[Person, Depends(allowed(Permission.CLAIM_BACK))]
WriterOff = Annotated[Person, Depends(allowed(Permission.WRITE_OFF))]
PATH = "/claims"
RECEIVE_PATH = r"/claims/[0-9A-Za-z]{1,26}/receive"
NOTHING_TYPED = {"card_id": "", "kind": "", "words": ""}


@dataclass(frozen=True)
class ClaimsContext:
    """The claims, those that wait for a person first; `typed` is what was entered and not taken."""

    shell: Shell
    claims: tuple[reads.ClaimView, ...]
    names: Mapping[str, str]
    kinds: tuple[RollbackKind, ...]
    rules: RollbackRules
    may_claim: bool
    may_write_off: bool
    may_receive: bool
    me: str
    typed: Mapping[str, str]
    refusal: Refusal | None
    full: bool
    refused: Refused
    proof: ProofHere | None
    today: str  # The last day on which money can have arrived.
    key: str  # A payment that is pressed twice is one.
    rails: tuple[Rail, ...] = tuple(Rail)
    reference_max: int = REFERENCE_MAX
    words_max: int = WORDS_MAX
    named_max: int = NAMED_MAX


@router.get("/claims")
async def show(
    request: Request, console: At, person: PayoutReader, card: Annotated[str, Query(max_length=40)] = ""
) -> Response:
    """List the claims; the form is filled with the card that is asked for."""
    return await page_of(request, console, person, {"card_id": card})


@router.post("/claims")
async def propose(request: Request, console: At, person: Claimer) -> Response:
    """Propose to claim a card's price back. The browser has just shown who is there."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, "card_id", "kind", "words")
    kind = member_of(RollbackKind, sent["kind"]) or RollbackKind.USED
    try:
        async with console.services.database.transaction() as session:
            card_id = await card_named(session, "card_id", sent["card_id"])
        with entered("card_id"):
            await _rollbacks(console).propose(
                person.id, card_id, Finding(kind, sent["words"], proof), console.services.photos
            )
    except StepUpNeeded:
        raise
    except CardNumberTyped as refusal:
        return await page_of(
            request, console, person, {**sent, "card_id": ""}, refusal
        )  # A secret is shown on no page.
    except Refusal as refusal:
        return await page_of(request, console, person, sent, refusal)
    return see_other("/claims")


@router.post("/claims/{claim_id}/agree")
async def agree(request: Request, console: At, person: Claimer, claim_id: str) -> Response:
    """Agree as the second person: the seller owes it."""
    await require_step_up(request, person)
    doing = _rollbacks(console).agree(person.id, claim_id)
    return await _done(request, console, person, doing, claim_id, "agree")


@router.post("/claims/{claim_id}/decline")
async def decline(request: Request, console: At, person: Claimer, claim_id: str) -> Response:
    """Discard the proposal."""
    doing = _rollbacks(console).decline(person.id, claim_id)
    return await _done(request, console, person, doing, claim_id, "decline")


@router.post("/claims/{claim_id}/uphold")
async def uphold(request: Request, console: At, person: Claimer, claim_id: str) -> Response:
    """Answer the seller's objection: the claim stays."""
    doing = _rollbacks(console).uphold(person.id, claim_id)
    return await _done(request, console, person, doing, claim_id, "uphold")


@router.post("/claims/{claim_id}/drop")
async def drop(request: Request, console: At, person: Claimer, claim_id: str) -> Response:
    """Answer the seller's objection: they were right, and what was offset is owed to them."""
    doing = _rollbacks(console).drop(person.id, claim_id)
    return await _done(request, console, person, doing, claim_id, "drop")


@router.post("/claims/{claim_id}/pay-back")
async def pay_back(request: Request, console: At, person: Claimer, claim_id: str) -> Response:
    """Propose again to pay what a dropped claim had set off."""
    doing = _rollbacks(console).pay_back(person.id, claim_id)
    return await _done(request, console, person, doing, claim_id, "pay-back")


@router.post("/claims/{claim_id}/write-off")
async def ask_write_off(
    request: Request, console: At, person: WriterOff, claim_id: str, reason: Annotated[str, Form(max_length=2000)] = ""
) -> Response:
    """Ask to give up what is left."""
    doing = _rollbacks(console).ask_write_off(person.id, claim_id, reason)
    return await _done(request, console, person, doing, claim_id, "write-off", {"reason": reason})


@router.post("/claims/{claim_id}/write-off/agree")
async def write_off(request: Request, console: At, person: WriterOff, claim_id: str) -> Response:
    """Agree as the second person: what is left is our loss."""
    await require_step_up(request, person)
    doing = _rollbacks(console).write_off(person.id, claim_id)
    return await _done(request, console, person, doing, claim_id, "write-off/agree")


@router.post("/claims/{claim_id}/write-off/refuse")
async def keep(request: Request, console: At, person: WriterOff, claim_id: str) -> Response:
    """Keep the claim."""
    doing = _rollbacks(console).keep(person.id, claim_id)
    return await _done(request, console, person, doing, claim_id, "write-off/refuse")


@router.post("/claims/{claim_id}/receive")
async def receive(request: Request, console: At, person: SalesKeeper, claim_id: str) -> Response:
    """Record what arrived of the seller with its document, once however often it is pressed."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, "key", "amount", "rail", "reference", "received_on")
    doing = _recorded(console, person, claim_id, sent, proof)
    return await _done(request, console, person, doing, claim_id, "receive", sent)


@router.get("/claims/{claim_id}/evidence")
async def evidence(console: At, person: PayoutReader, claim_id: str) -> Response:  # noqa: ARG001  # Judged.
    """Serve the document of a claim."""
    async with console.services.database.transaction() as session:
        row = await session.get(RollbackRow, claim_id[:26])
    if row is None:
        raise NotFound(claim=claim_id[:26])
    return await document_of(console, row)


async def _recorded(
    console: Console, person: Person, claim_id: str, sent: Mapping[str, str], proof: ProofFile | None
) -> None:
    said = PaidBack(
        money_of("amount", sent["amount"]), member_of(Rail, sent["rail"]) or Rail.BANK, sent["reference"],
        day_of("received_on", sent["received_on"]), proof,
    )  # fmt: skip
    await ClaimReceipts(console.services.database, console.services.keyring).record(
        person.id, claim_id, sent["key"] or new_id(), said, console.services.photos
    )


async def _done(
    request: Request, console: Console, person: Person, doing: Awaitable[object], claim_id: str, form: str,
    typed: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    async def page(refused: Refused) -> Response:
        return await page_of(request, console, person, {}, refused=refused)

    return await done_or_shown(request, doing, page, PATH, claim_id, form, typed)


async def page_of(
    request: Request, console: Console, person: Person, sent: Mapping[str, str], refusal: Refusal | None = None,
    refused: Refused = NOTHING,
) -> Response:  # fmt: skip
    """Show the claims, with what was typed and not taken."""
    async with console.services.database.transaction() as session:
        found = await reads.claims(session)
        names = await accounts.all_names(session)
    context = ClaimsContext(
        shell(request, person), found, names, OF_CARDS, rollback_in_force(business_day(now())),
        person.may(Permission.CLAIM_BACK), person.may(Permission.WRITE_OFF), person.may(Permission.RECORD_SALES), person.id, NOTHING_TYPED | dict(sent), refusal,
        len(found) == reads.PAGE, refused, proof_here(request, person), business_day(now()).isoformat(), new_id(),
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = PATH
    status = refused.status if refusal is None else refusal.http_status
    return await console.answer(request, "finance/claims.html", context, status=status)


def _rollbacks(console: Console) -> Rollbacks:
    return Rollbacks(console.services.database, console.services.keyring)
