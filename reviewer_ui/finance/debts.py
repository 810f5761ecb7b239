"""How debts of buyers and partners end: written off by two people, paid back by a partner; and deposits that are paid back."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import debts as reads
from database.reads.finance import sales as buyers
from database.reads.people import accounts
from database.tables.columns import now
from database.tables.finance.debts import DebtWriteOffRow, DepositRefundRow
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.identifiers import new_id
from domain.money import Currency
from domain.people.roles import Permission
from domain.places import business_day
from reviewer_ui.finance.proof_form import document_of, sent_proof
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.finance.sale_new import day_of
from reviewer_ui.finance.sales import SalesKeeper, SalesReader
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import ProofHere, proof_here, require_step_up
from reviewer_ui.visit import At, Console, Shell, allowed, shell
from services.finance.debts import PAGE, Debts, WriteOff
from services.finance.deposit_refunds import DEPOSITS, REFUNDS_BACK
from services.finance.proof_files import ProofFile
from services.finance.rail_switches import REASON_MAX
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.repaying import REFERENCE_MAX, Repayment, Repayments
from services.finance.taking_back import Reversals
from web.forms import member_of, money_of

router = APIRouter(prefix=PAGE)
WriterOff = Annotated[Person, Depends(allowed(Permission.WRITE_OFF))]
Line = Annotated[str, Form(max_length=120)]
FORM_PATH = rf"{PAGE}/(write-offs|refunds)"
OFF, BACK, PAID = "off", "back", "paid"  # The forms that begin something new.


@dataclass(frozen=True)
class DebtsContext:
    """The page; `names` are people's by id, `parties` counterparties' by the owner of their accounts, `keys` make pressing twice one act."""

    shell: Shell
    debts: tuple[reads.Debt, ...]
    deposits: tuple[buyers.BuyerEntry, ...]
    write_offs: tuple[DebtWriteOffRow, ...]
    refunds: tuple[DepositRefundRow, ...]
    parties: Mapping[str, str]
    names: Mapping[str, str]
    may_record: bool
    may_write_off: bool
    me: str
    today: str
    wanted: str
    keys: Mapping[str, str]
    refused: Refused
    proof: ProofHere | None
    rails: tuple[Rail, ...] = tuple(Rail)
    currencies: tuple[Currency, ...] = tuple(Currency)
    reference_max: int = REFERENCE_MAX
    reason_max: int = REASON_MAX


@router.get("")
async def listed(request: Request, console: At, person: SalesReader, of: str = "") -> Response:
    """List what is owed, what was written off, and refunds; the forms begin with the account `of`."""
    return await _page(request, console, person, wanted=of[:120])


@router.post("/partner")
async def paid_back(
    request: Request, console: At, person: SalesKeeper, key: Line = "", partner: Line = "", amount: Line = "",
    currency: Line = "", rail: Line = "", reference: Line = "", received_on: Line = "",
) -> Response:  # fmt: skip
    """Record what a partner paid back, once however often it is pressed."""
    typed = {
        "key": key or new_id(), "partner": partner, "amount": amount, "currency": currency, "rail": rail,
        "reference": reference, "received_on": received_on,
    }  # fmt: skip
    return await _done(request, console, person, _received(console, person, typed), PAID, "", typed)


@router.post("/write-offs")
async def ask(request: Request, console: At, person: WriterOff) -> Response:
    """Ask to write a debt off, with the document that shows that it will not be paid."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, "key", "account", "amount", "reason")
    typed = sent | {"key": sent["key"][:120] or new_id()}
    return await _done(request, console, person, _asked(console, person, typed, proof), OFF, "", typed)


@router.post("/write-offs/{write_off_id}/agree")
async def agree(request: Request, console: At, person: WriterOff, write_off_id: str) -> Response:
    """Write it off as the second person, after one more proof of who one is."""
    await require_step_up(request, person)
    return await _done(request, console, person, _debts(console).write_off(person.id, write_off_id), write_off_id)


@router.post("/write-offs/{write_off_id}/keep")
async def keep(request: Request, console: At, person: WriterOff, write_off_id: str) -> Response:
    """Keep the debt."""
    return await _done(request, console, person, _debts(console).keep(person.id, write_off_id), write_off_id)


@router.get("/write-offs/{write_off_id}/evidence")
async def evidence(console: At, person: SalesReader, write_off_id: str) -> Response:  # noqa: ARG001  # Judged.
    """Serve the document of a write-off."""
    async with console.services.database.transaction() as session:
        row = await reads.write_off(session, write_off_id)
    return await document_of(console, row)


@router.post("/refunds")
async def refund(request: Request, console: At, person: SalesKeeper) -> Response:
    """Record what was paid back of a deposit with its document, once however often it is pressed."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, "key", "buyer", "amount", "currency", "rail", "reference", "paid_on")
    typed = sent | {"key": sent["key"][:120] or new_id()}
    return await _done(request, console, person, _refunded(console, person, typed, proof), BACK, "", typed)


@router.post("/refunds/{refund_id}/confirm")
async def confirm(request: Request, console: At, person: SalesKeeper, refund_id: str) -> Response:
    """Confirm a refund as the second person, after one more proof of who one is."""
    await require_step_up(request, person)
    return await _done(request, console, person, _refunds(console).confirm(person.id, refund_id), refund_id)


@router.post("/refunds/{refund_id}/discard")
async def discard(request: Request, console: At, person: SalesKeeper, refund_id: str) -> Response:
    """Discard a refund that waits."""
    return await _done(request, console, person, _refunds(console).discard(person.id, refund_id), refund_id)


@router.post("/refunds/{refund_id}/reverse")
async def ask_reversal(
    request: Request, console: At, person: SalesKeeper, refund_id: str,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:  # fmt: skip
    """Ask to take a refund back that was recorded in error."""
    doing = Reversals(console.services.database, REFUNDS_BACK).ask(person.id, refund_id, reason)
    return await _done(request, console, person, doing, refund_id, "reverse", {"reason": reason})


@router.post("/refunds/{refund_id}/reverse/agree")
async def reverse(request: Request, console: At, person: SalesKeeper, refund_id: str) -> Response:
    """Take a refund back as the second person, after one more proof of who one is."""
    await require_step_up(request, person)
    doing = Reversals(console.services.database, REFUNDS_BACK).reverse(person.id, refund_id)
    return await _done(request, console, person, doing, refund_id)


@router.post("/refunds/{refund_id}/reverse/refuse")
async def leave(request: Request, console: At, person: SalesKeeper, refund_id: str) -> Response:
    """Leave a refund as it is."""
    doing = Reversals(console.services.database, REFUNDS_BACK).keep(person.id, refund_id)
    return await _done(request, console, person, doing, refund_id)


@router.get("/refunds/{refund_id}/evidence")
async def refund_evidence(console: At, person: SalesReader, refund_id: str) -> Response:  # noqa: ARG001  # Judged.
    """Serve the document of a refund."""
    async with console.services.database.transaction() as session:
        row = await reads.refund(session, refund_id)
    return await document_of(console, row)


async def _asked(console: Console, person: Person, typed: Mapping[str, str], proof: ProofFile | None) -> None:
    account, _, currency = typed["account"].rpartition(" ")
    amount = money_of("amount", typed["amount"], member_of(Currency, currency) or Currency.CNY)
    said = WriteOff(account, amount, typed["reason"], proof)
    await _debts(console).ask(person.id, typed["key"], said, console.services.photos)


async def _received(console: Console, person: Person, typed: Mapping[str, str]) -> None:
    owed = money_of("amount", typed["amount"], member_of(Currency, typed["currency"]) or Currency.CNY)
    asked = ReceiptAsked(
        typed["partner"].strip(), member_of(Rail, typed["rail"]) or Rail.BANK, owed, owed, typed["reference"],
        day_of("received_on", typed["received_on"]), ReceiptFor.PARTNER,
    )  # fmt: skip
    await Receipts(console.services.database).record(person.id, typed["key"], asked)


async def _refunded(console: Console, person: Person, typed: Mapping[str, str], proof: ProofFile | None) -> None:
    amount = money_of("amount", typed["amount"], member_of(Currency, typed["currency"]) or Currency.CNY)
    said = Repayment(
        typed["buyer"].strip()[:64], member_of(Rail, typed["rail"]) or Rail.BANK, amount, typed["reference"],
        day_of("paid_on", typed["paid_on"]), proof,
    )  # fmt: skip
    await _refunds(console).record(person.id, typed["key"], said, console.services.photos)


async def _done(
    request: Request, console: Console, person: Person, doing: Awaitable[object], row: str, form: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    async def page(refused: Refused) -> Response:
        return await _page(request, console, person, refused)

    return await done_or_shown(request, doing, page, PAGE, row, form, typed)


async def _page(
    request: Request, console: Console, person: Person, refused: Refused = NOTHING, wanted: str = ""
) -> Response:
    async with console.services.database.transaction() as session:
        owed = await reads.debts(session)
        deposits = tuple(one for one in await buyers.buyers(session) if one.deposit.amount_minor > 0)
        offs, refunds = await reads.write_offs(session), await reads.refunds(session)
        parties = await reads.party_names(session, [one.owner for one in owed if not one.of_buyer])
        names = await accounts.all_names(session)
    context = DebtsContext(
        shell(request, person), owed, deposits, offs, refunds, parties, names, person.may(Permission.RECORD_SALES),
        person.may(Permission.WRITE_OFF), person.id, business_day(now()).isoformat(), wanted,
        {form: refused.was(form, "", "key") or new_id() for form in (OFF, BACK, PAID)}, refused, proof_here(request, person),
    )  # fmt: skip
    return await console.answer(request, "finance/debts.html", context, status=refused.status)


def _debts(console: Console) -> Debts:
    return Debts(console.services.database, console.services.keyring)


def _refunds(console: Console) -> Repayments[DepositRefundRow]:
    return Repayments(console.services.database, DEPOSITS)
