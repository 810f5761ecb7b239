"""Sellers of brokered cards whom a licensed provider pays: one person of finance records its payment, another confirms."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import brokered as reads
from database.reads.finance import provider_debts
from database.reads.people import accounts
from database.tables.columns import now
from database.tables.finance.sales import ProviderRepaymentRow
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.identifiers import new_id
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from reviewer_ui.finance.proof_form import document_of, sent_proof
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.finance.sale_new import day_of
from reviewer_ui.finance.sales import SalesKeeper, SalesReader
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import ProofHere, proof_here, require_step_up
from reviewer_ui.visit import At, Console, Shell, shell
from services.finance.brokered_payments import REFERENCE_MAX, BrokeredPayments, ProviderPaid
from services.finance.proof_files import ProofFile
from services.finance.provider_repayments import PROVIDERS
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.repaying import Repayment, Repayments
from web.forms import member_of, money_of

router = APIRouter()
PATH = "/sales/brokered"
ARRIVED, REPAID = "arrived", "repaid"
Line = Annotated[str, Form(max_length=120)]
FORM_PATH = r"/sales/brokered/[0-9A-Za-z]{1,26}"


@dataclass(frozen=True)
class BrokeredContext:
    """The page; `names` are people's by id, `today` the last day that a payment can have.

    `key` makes pressing twice one payment of our part, whose form is refused under `ARRIVED`; `repay_key` one
    repayment, refused under `REPAID`.
    """

    shell: Shell
    entries: tuple[reads.BrokeredEntry, ...]
    names: Mapping[str, str]
    may_record: bool
    me: str
    today: str
    full: bool
    refused: Refused
    proof: ProofHere | None
    splits: tuple[reads.SplitAccount, ...]
    debts: tuple[provider_debts.OwedBack, ...]
    repayments: tuple[ProviderRepaymentRow, ...]
    key: str
    repay_key: str
    rails: tuple[Rail, ...] = tuple(Rail)
    reference_max: int = REFERENCE_MAX


@router.get("/sales/brokered")
async def listed(request: Request, console: At, person: SalesReader) -> Response:
    """List what waits for a second person, what is not paid yet, and what was paid."""
    return await _page(request, console, person)


@router.post("/sales/brokered")
async def arrived(
    request: Request, console: At, person: SalesKeeper, key: Line = "", provider: Line = "", amount: Line = "",
    kept: Line = "", rail: Line = "", reference: Line = "", received_on: Line = "",
) -> Response:  # fmt: skip
    """Record that our part arrived from a split account, less what the provider kept of it, once however often it is pressed."""
    typed = {
        "key": key or new_id(), "provider": provider, "amount": amount, "kept": kept, "rail": rail, "reference": reference,
        "received_on": received_on,
    }  # fmt: skip
    return await _done(request, console, person, _arrived(console, person, typed), ARRIVED, typed)


@router.post("/sales/brokered/repayments")
async def repay(request: Request, console: At, person: SalesKeeper) -> Response:
    """Record what was paid back to a provider with its document, once however often it is pressed."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, "key", "provider", "amount", "rail", "reference", "paid_on")
    typed = sent | {"key": sent["key"][:120] or new_id()}
    return await _done(request, console, person, _repaid(console, person, typed, proof), REPAID, typed)


@router.post("/sales/brokered/repayments/{repayment_id}/confirm")
async def confirm_repayment(request: Request, console: At, person: SalesKeeper, repayment_id: str) -> Response:
    """Confirm a repayment as the second person, after one more proof of who one is."""
    await require_step_up(request, person)
    return await _done(request, console, person, _repayments(console).confirm(person.id, repayment_id), repayment_id)


@router.post("/sales/brokered/repayments/{repayment_id}/discard")
async def discard_repayment(request: Request, console: At, person: SalesKeeper, repayment_id: str) -> Response:
    """Discard a repayment that was recorded."""
    return await _done(request, console, person, _repayments(console).discard(person.id, repayment_id), repayment_id)


@router.get("/sales/brokered/repayments/{repayment_id}/evidence")
async def repayment_evidence(console: At, person: SalesReader, repayment_id: str) -> Response:  # noqa: ARG001  # Judged.
    """Serve the document of a repayment."""
    async with console.services.database.transaction() as session:
        row = await provider_debts.repayment_evidence(session, repayment_id)
    return await document_of(console, row)


@router.post("/sales/brokered/{sale_id}")
async def record(request: Request, console: At, person: SalesKeeper, sale_id: str) -> Response:
    """Record a payment of the provider with its document, once however often it is pressed."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, "reference", "amount", "paid_on")
    return await _done(request, console, person, _recorded(console, person, sale_id, sent, proof), sale_id, sent)


@router.post("/sales/brokered/payments/{payment_id}/confirm")
async def confirm(request: Request, console: At, person: SalesKeeper, payment_id: str) -> Response:
    """Confirm as the second person, after one more proof of who one is."""
    await require_step_up(request, person)
    return await _done(request, console, person, _payments(console).confirm(person.id, payment_id), payment_id)


@router.post("/sales/brokered/payments/{payment_id}/discard")
async def discard(request: Request, console: At, person: SalesKeeper, payment_id: str) -> Response:
    """Discard what was recorded."""
    return await _done(request, console, person, _payments(console).discard(person.id, payment_id), payment_id)


@router.get("/sales/brokered/payments/{payment_id}/evidence")
async def evidence(console: At, person: SalesReader, payment_id: str) -> Response:  # noqa: ARG001  # Judged.
    """Serve the provider's document."""
    async with console.services.database.transaction() as session:
        row = await reads.evidence(session, payment_id)
    return await document_of(console, row)


async def _recorded(
    console: Console, person: Person, sale_id: str, sent: Mapping[str, str], proof: ProofFile | None
) -> None:
    said = ProviderPaid(
        sent["reference"], money_of("amount", sent["amount"]), day_of("paid_on", sent["paid_on"]), proof
    )
    await _payments(console).record(person.id, sale_id, said, console.services.photos)


async def _arrived(console: Console, person: Person, typed: Mapping[str, str]) -> None:
    amount = money_of("amount", typed["amount"])
    kept = money_of("kept", typed["kept"]) if typed["kept"].strip() else Money(0)
    asked = ReceiptAsked(
        typed["provider"].strip(), member_of(Rail, typed["rail"]) or Rail.BANK, amount + kept, amount, typed["reference"].strip(),
        day_of("received_on", typed["received_on"]), ReceiptFor.COMMISSION,
    )  # fmt: skip
    await Receipts(console.services.database).record(person.id, typed["key"], asked)


async def _repaid(console: Console, person: Person, typed: Mapping[str, str], proof: ProofFile | None) -> None:
    said = Repayment(
        typed["provider"].strip()[:64], member_of(Rail, typed["rail"]) or Rail.BANK, money_of("amount", typed["amount"]),
        typed["reference"], day_of("paid_on", typed["paid_on"]), proof,
    )  # fmt: skip
    await _repayments(console).record(person.id, typed["key"], said, console.services.photos)


async def _done(
    request: Request, console: Console, person: Person, doing: Awaitable[object], row: str,
    typed: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    async def page(refused: Refused) -> Response:
        return await _page(request, console, person, refused)

    return await done_or_shown(request, doing, page, PATH, row, "", typed)


async def _page(request: Request, console: Console, person: Person, refused: Refused = NOTHING) -> Response:
    async with console.services.database.transaction() as session:
        entries = await reads.brokered(session)
        names = await accounts.all_names(session)
        splits = await reads.split_accounts(session)
        debts, repaid = await provider_debts.owed_back(session), await provider_debts.repayments(session)
    context = BrokeredContext(
        shell(request, person), entries, names, person.may(Permission.RECORD_SALES), person.id,
        business_day(now()).isoformat(), len(entries) == reads.PAGE, refused, proof_here(request, person),
        splits, debts, repaid, refused.was(ARRIVED, "", "key") or new_id(), refused.was(REPAID, "", "key") or new_id(),
    )  # fmt: skip
    return await console.answer(request, "finance/brokered.html", context, status=refused.status)


def _payments(console: Console) -> BrokeredPayments:
    return BrokeredPayments(console.services.database, console.services.keyring)


def _repayments(console: Console) -> Repayments[ProviderRepaymentRow]:
    return Repayments(console.services.database, PROVIDERS)
