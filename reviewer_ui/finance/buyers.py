"""What buyers owe and have to their credit, and their payments that arrived."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import sales as reads
from database.reads.finance.reserved import Reserved, reserved
from database.tables.columns import now
from database.tables.finance_sales import BuyerReceiptRow
from domain.errors.base import Refusal
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from reviewer_ui.finance.sale_new import day_of
from reviewer_ui.finance.sales import SalesKeeper, SalesReader
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, see_other, shell
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.reserving import Reservations
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
    """The page of buyers."""

    shell: Shell
    entries: tuple[reads.BuyerEntry, ...]
    receipts: tuple[ReceiptLine, ...]
    typed: TypedReceipt
    refusal: Refusal | None
    may_record: bool
    reserved: tuple[Reserved, ...]
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


def _blank() -> TypedReceipt:
    return TypedReceipt(new_id(), received_on=business_day(now()).isoformat())


async def _render(
    request: Request, console: Console, person: Person, typed: TypedReceipt, refusal: Refusal | None = None
) -> Response:
    async with console.services.database.transaction() as session:
        entries = await reads.buyers(session)
        rows = await reads.receipts(session)
        held = await reserved(session)
    lines = tuple(
        ReceiptLine(
            row, row.buyer.rpartition(":")[2], Money(row.owed_minor, row.currency),
            Money(row.arrived_minor, row.arrived_currency), Money(row.difference_minor),
        )
        for row in rows
    )  # fmt: skip
    may = person.may(Permission.RECORD_SALES)
    context = BuyersContext(shell(request, person), entries, lines, typed, refusal, may, held)
    if request.method == "POST":
        request.state.back = "/sales/buyers"
    return await console.answer(
        request, "finance/buyers.html", context, status=200 if refusal is None else refusal.http_status
    )
