"""Record a sale: a form, a preview of everything that would be posted, and the act itself. Nothing needs a script."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards.named import NAMED_MAX, card_named
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.general import CardNumberTyped, FieldInvalid
from domain.finance.counterparties import Instalments
from domain.finance.fx import Rate
from domain.finance.sales import PaidFrom, SaleMode
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.places import BUSINESS_ZONE, business_day
from reviewer_ui.finance.refused import entered
from reviewer_ui.finance.sales import SalesKeeper
from reviewer_ui.visit import At, Console, Shell, see_other, shell
from services.finance.reserving import Reservations
from services.finance.sales import SaleAsked, Sales, Worked
from web.forms import member_of, money_of

router = APIRouter()
Line = Annotated[str, Form(max_length=120)]
Named = Annotated[str, Form(max_length=NAMED_MAX)]


@dataclass(frozen=True)
class TypedSale:
    """What was entered, as text; `key` makes pressing twice one sale."""

    key: str
    card_id: str = ""
    buyer: str = ""
    price: str = ""
    currency: str = Currency.CNY.value
    sold_on: str = ""
    mode: str = SaleMode.OWN.value
    paid_from: str = PaidFrom.RECEIVABLE.value
    instalments: str = Instalments.NO.value
    rate: str = ""
    rate_source: str = ""
    rate_at: str = ""

    def asked(self) -> SaleAsked:
        """Return the sale that was entered. Refuse FieldInvalid for text that is none."""
        currency = member_of(Currency, self.currency) or Currency.CNY
        return SaleAsked(
            card_id=self.card_id.strip(), buyer=self.buyer.strip(), price=money_of("price", self.price, currency),
            sold_on=day_of("sold_on", self.sold_on), mode=member_of(SaleMode, self.mode) or SaleMode.OWN,
            paid_from=member_of(PaidFrom, self.paid_from) or PaidFrom.RECEIVABLE,
            instalments=member_of(Instalments, self.instalments) or Instalments.NO,
            rate=None if currency is Currency.CNY else rate_of_form(self.rate, self.rate_source, self.rate_at),
        )  # fmt: skip

    def pairs(self) -> list[tuple[str, str]]:
        """Return every field with its text, for a form that sends it again."""
        return [(one.name, str(getattr(self, one.name))) for one in fields(self)]


@dataclass(frozen=True)
class NewSaleContext:
    """The form, and after it was sent the preview beside it; `left` is what remains after each line of the waterfall."""

    shell: Shell
    typed: TypedSale
    today: str
    worked: Worked | None
    left: tuple[Money, ...]
    refusal: Refusal | None
    modes: tuple[SaleMode, ...] = tuple(SaleMode)
    payers: tuple[PaidFrom, ...] = tuple(PaidFrom)
    currencies: tuple[Currency, ...] = tuple(Currency)
    named_max: int = NAMED_MAX


@router.get("/sales/new")
async def form(
    request: Request, console: At, person: SalesKeeper, card: Annotated[str, Query(max_length=26)] = "",
    buyer: Annotated[str, Query(max_length=40)] = "", paid_from: Annotated[str, Query(max_length=40)] = "",
) -> Response:  # fmt: skip
    """Show the form, for a card where its page led here, and for the buyer whose deposit is held for it."""
    payer = member_of(PaidFrom, paid_from) or PaidFrom.RECEIVABLE
    typed = TypedSale(
        new_id(), card_id=card, buyer=buyer, sold_on=business_day(now()).isoformat(), paid_from=payer.value
    )  # fmt: skip
    return await _render(request, console, person, typed)


@router.post("/sales/preview")
async def preview(
    request: Request, console: At, person: SalesKeeper, key: Line = "", card_id: Named = "", buyer: Line = "", price: Line = "",
    currency: Line = "", sold_on: Line = "", mode: Line = "", paid_from: Line = "", instalments: Line = "", rate: Line = "",
    rate_source: Line = "", rate_at: Line = "",
) -> Response:  # fmt: skip
    """Show what the sale would come to; nothing is written."""
    typed = TypedSale(
        key or new_id(), card_id, buyer, price, currency, sold_on, mode, paid_from, instalments, rate, rate_source, rate_at
    )  # fmt: skip
    try:
        typed = await _of_card(console, typed)
        with entered("card_id"):
            worked = await Sales(console.services.database).preview(person.id, typed.asked())
    except Refusal as refusal:
        return await _render(request, console, person, typed, refusal=refusal)
    return await _render(request, console, person, typed, worked)


@router.post("/sales")
async def record(
    request: Request, console: At, person: SalesKeeper, key: Line = "", card_id: Named = "", buyer: Line = "", price: Line = "",
    currency: Line = "", sold_on: Line = "", mode: Line = "", paid_from: Line = "", instalments: Line = "", rate: Line = "",
    rate_source: Line = "", rate_at: Line = "", act: Line = "",
) -> Response:  # fmt: skip
    """Record the sale, or hold the deposit for it (`act` reserve), once however often it is pressed; what is refused stays in the form."""
    typed = TypedSale(
        key or new_id(), card_id, buyer, price, currency, sold_on, mode, paid_from, instalments, rate, rate_source, rate_at
    )  # fmt: skip
    try:
        typed = await _of_card(console, typed)
        with entered("card_id"):
            place = await _done(console, person, key, typed.asked(), reserves=act == "reserve")
    except Refusal as refusal:
        return await _render(request, console, person, typed, refusal=refusal)
    return see_other(place)


async def _done(console: Console, person: SalesKeeper, key: str, asked: SaleAsked, *, reserves: bool) -> str:
    """Record the sale or hold the deposit; return the page that shows it."""
    database = console.services.database
    if reserves:
        await Reservations(database).reserve(person.id, key, asked)
        return "/sales/buyers"
    return f"/sales/{await Sales(database).record(person.id, key, asked)}"


async def _of_card(console: Console, typed: TypedSale) -> TypedSale:
    """Return what was entered with the id of the card that it names. Refuse FieldInvalid (`card_id`) and CardNumberTyped."""
    async with console.services.database.transaction() as session:
        return replace(typed, card_id=await card_named(session, "card_id", typed.card_id))


def day_of(field: str, written: str) -> date:
    """Return a typed day. Refuse FieldInvalid for text that is none."""
    try:
        return date.fromisoformat(written.strip())
    except ValueError:
        raise FieldInvalid(field=field, why="not_a_date") from None


def rate_of_form(rate: str, source: str, at: str) -> Rate:
    """Return a typed rate; its moment is on the office's clock. Refuse FieldInvalid for a moment that is none."""
    try:
        moment = datetime.fromisoformat(at.strip())
    except ValueError:
        raise FieldInvalid(field="rate_at", why="not_a_date") from None
    placed = moment if moment.tzinfo is not None else moment.replace(tzinfo=BUSINESS_ZONE)
    return Rate(rate.strip(), source.strip(), placed.astimezone(UTC))


async def _render(
    request: Request, console: Console, person: SalesKeeper, typed: TypedSale, worked: Worked | None = None,
    refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    if request.method == "POST":
        request.state.back = "/sales/new"
    if isinstance(refusal, CardNumberTyped):
        typed = replace(typed, card_id="")  # A secret is shown on no page.
    left = worked.made.remainders() if worked is not None else ()
    context = NewSaleContext(
        shell(request, person, "/sales/new"), typed, business_day(now()).isoformat(), worked, left, refusal
    )
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "finance/sale_new.html", context, status=status)
