"""What buyers owe and have to their credit, and their payments that arrived."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import sales as reads
from database.reads.finance.reserved import Reserved, reserved
from database.reads.people import accounts
from database.tables.columns import now
from database.tables.finance.sales import BuyerReceiptRow
from domain.errors.base import Refusal
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.finance.sale_new import day_of
from reviewer_ui.finance.sales import SalesKeeper, SalesReader
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, see_other, shell
from services.finance.receipts import RECEIPTS_BACK, ReceiptAsked, Receipts
from services.finance.reserving import Reservations
from services.finance.taking_back import Reversals
from web.forms import member_of, money_of

router = APIRouter()
Line = Annotated[str, Form(max_length=120)]


@dataclass(frozen=True)
class TypedReceipt:
    """What was entered, as text; `key` makes pressing twice one payment."""

    key: str
    buyer: str = ""
    amount: str = ""
    currency: str = Currency.CNY.value
    arrived: str = ""
    rail: str = Rail.BANK.value
    reference: str = ""
    received_on: str = ""
    received_for: str = ReceiptFor.RECEIVABLE.value

    def asked(self) -> ReceiptAsked:
        """Return the payment that was entered. Refuse FieldInvalid for text that is none."""
        owed = money_of("amount", self.amount, member_of(Currency, self.currency) or Currency.CNY)
        return ReceiptAsked(
            buyer=self.buyer.strip(), rail=member_of(Rail, self.rail) or Rail.BANK, owed=owed,
            arrived=money_of("arrived", self.arrived) if self.arrived.strip() else owed, reference=self.reference.strip(),
            received_on=day_of("received_on", self.received_on),
            received_for=member_of(ReceiptFor, self.received_for) or ReceiptFor.RECEIVABLE,
        )  # fmt: skip


@dataclass(frozen=True)
class ReceiptLine:
    """A payment as the list shows it."""

    row: BuyerReceiptRow
    buyer: str
    owed: Money
    arrived: Money
    difference: Money


@dataclass(frozen=True)
class BuyersContext:
    """The page of buyers. `refused.row` is the payment whose form was refused; `names` are people's by id."""

    shell: Shell
    entries: tuple[reads.BuyerEntry, ...]
    receipts: tuple[ReceiptLine, ...]
    typed: TypedReceipt
    refusal: Refusal | None
    may_record: bool
    reserved: tuple[Reserved, ...]
    names: Mapping[str, str]
    refused: Refused
    me: str
    rails: tuple[Rail, ...] = tuple(Rail)
    uses: tuple[ReceiptFor, ...] = (ReceiptFor.RECEIVABLE, ReceiptFor.DEPOSIT)
    currencies: tuple[Currency, ...] = tuple(Currency)


@router.get("/sales/buyers")
async def listed(request: Request, console: At, person: SalesReader) -> Response:
    """List what buyers owe, and their newest payments."""
    return await _render(request, console, person, _blank())


@router.post("/sales/buyers")
async def received(
    request: Request, console: At, person: SalesKeeper, key: Line = "", buyer: Line = "", amount: Line = "",
    currency: Line = "", arrived: Line = "", rail: Line = "", reference: Line = "", received_on: Line = "",
    received_for: Line = "",
) -> Response:  # fmt: skip
    """Record a payment, once however often it is pressed; what is refused stays in the form."""
    typed = TypedReceipt(key or new_id(), buyer, amount, currency, arrived, rail, reference, received_on, received_for)
    try:
        await Receipts(console.services.database).record(person.id, typed.key, typed.asked())
    except Refusal as refusal:
        return await _render(request, console, person, typed, refusal)
    return see_other("/sales/buyers")


@router.post("/sales/reserved/{key}/give-up")
async def give_up(request: Request, console: At, person: SalesKeeper, key: str) -> Response:
    """Release the part of a deposit that is held for a card."""
    try:
        await Reservations(console.services.database).give_up(person.id, key)
    except Refusal as refusal:
        return await _render(request, console, person, _blank(), refusal)
    return see_other("/sales/buyers")


@router.post("/sales/buyers/receipts/{receipt_id}/reverse")
async def ask_reversal(
    request: Request, console: At, person: SalesKeeper, receipt_id: str,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:  # fmt: skip
    """Ask to take a payment back that was recorded in error."""
    doing = Reversals(console.services.database, RECEIPTS_BACK).ask(person.id, receipt_id, reason)
    return await _done(request, console, person, doing, receipt_id, "reverse", {"reason": reason})


@router.post("/sales/buyers/receipts/{receipt_id}/reverse/agree")
async def reverse(request: Request, console: At, person: SalesKeeper, receipt_id: str) -> Response:
    """Take a payment back as the second person, after one more proof of who one is."""
    await require_step_up(request, person)
    doing = Reversals(console.services.database, RECEIPTS_BACK).reverse(person.id, receipt_id)
    return await _done(request, console, person, doing, receipt_id, "agree")


@router.post("/sales/buyers/receipts/{receipt_id}/reverse/refuse")
async def keep(request: Request, console: At, person: SalesKeeper, receipt_id: str) -> Response:
    """Leave a payment as it is."""
    doing = Reversals(console.services.database, RECEIPTS_BACK).keep(person.id, receipt_id)
    return await _done(request, console, person, doing, receipt_id, "refuse")


async def _done(
    request: Request, console: Console, person: Person, doing: Awaitable[object], row: str, form: str,
    typed: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    async def page(refused: Refused) -> Response:
        return await _render(request, console, person, _blank(), refused=refused)

    return await done_or_shown(request, doing, page, "/sales/buyers", row, form, typed)


def _blank() -> TypedReceipt:
    return TypedReceipt(new_id(), received_on=business_day(now()).isoformat())


async def _render(
    request: Request, console: Console, person: Person, typed: TypedReceipt, refusal: Refusal | None = None,
    refused: Refused = NOTHING,
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        entries = await reads.buyers(session)
        rows = await reads.receipts(session)
        held = await reserved(session)
        names = await accounts.all_names(session)
    lines = tuple(
        ReceiptLine(
            row, row.buyer.rpartition(":")[2], Money(row.owed_minor, row.currency),
            Money(row.arrived_minor, row.arrived_currency), Money(row.difference_minor),
        )
        for row in rows
    )  # fmt: skip
    may = person.may(Permission.RECORD_SALES)
    context = BuyersContext(
        shell(request, person), entries, lines, typed, refusal, may, held, names, refused, person.id
    )
    if request.method == "POST":
        request.state.back = "/sales/buyers"
    return await console.answer(
        request, "finance/buyers.html", context, status=refused.status if refusal is None else refusal.http_status
    )
