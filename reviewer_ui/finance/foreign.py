"""Foreign money: what is open in each currency, and its value at the ends of months."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import sales as reads
from database.tables.finance_sales import FxRevaluationRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.money import Currency, Money
from domain.people.roles import Permission
from reviewer_ui.finance.sale_new import rate_of_form
from reviewer_ui.finance.sales import SalesKeeper, SalesReader
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, see_other, shell
from services.finance.positions import Position, Revaluations, positions
from web.forms import member_of

router = APIRouter()
Line = Annotated[str, Form(max_length=120)]
FOREIGN = tuple(one for one in Currency if one is not Currency.CNY)


@dataclass(frozen=True)
class TypedRate:
    """What was entered, as text."""

    currency: str = FOREIGN[0].value
    month: str = ""
    rate: str = ""
    rate_source: str = ""
    rate_at: str = ""


@dataclass(frozen=True)
class ValueLine:
    """A position's value at the end of a month; `difference` is a gain where it is positive."""

    row: FxRevaluationRow
    open: Money
    before: Money
    after: Money
    difference: Money


@dataclass(frozen=True)
class ForeignContext:
    """The page of foreign money."""

    shell: Shell
    positions: tuple[Position, ...]
    values: tuple[ValueLine, ...]
    typed: TypedRate
    refusal: Refusal | None
    may_record: bool
    currencies: tuple[Currency, ...] = FOREIGN


@router.get("/fx")
async def show(
    request: Request, console: At, person: SalesReader, month: Annotated[str, Query(max_length=7)] = "",
    currency: Annotated[str, Query(max_length=3)] = "",
) -> Response:  # fmt: skip
    """Show every position and its values; `month` and `currency` are what is to be valued."""
    return await _render(request, console, person, TypedRate(currency or FOREIGN[0].value, month))


@router.post("/fx")
async def revalue(
    request: Request, console: At, person: SalesKeeper, currency: Line = "", month: Line = "", rate: Line = "",
    rate_source: Line = "", rate_at: Line = "",
) -> Response:  # fmt: skip
    """Value a position at the end of a month; what is refused stays in the form."""
    typed = TypedRate(currency, month, rate, rate_source, rate_at)
    try:
        known = member_of(Currency, currency)
        if known is None:
            raise FieldInvalid(field="currency", why="missing")
        given = rate_of_form(rate, rate_source, rate_at)
        await Revaluations(console.services.database).record(person.id, known, month.strip(), given)
    except Refusal as refusal:
        return await _render(request, console, person, typed, refusal)
    return see_other("/fx")


async def _render(
    request: Request, console: Console, person: Person, typed: TypedRate, refusal: Refusal | None = None
) -> Response:
    async with console.services.database.transaction() as session:
        found = await positions(session)
        rows = await reads.revaluations(session)
    values = tuple(
        ValueLine(
            row, Money(row.position_minor, row.currency), Money(row.before_minor), Money(row.after_minor),
            Money(row.after_minor - row.before_minor),
        )
        for row in rows
    )  # fmt: skip
    used = tuple(one for one in found.values() if one.open.amount_minor or one.booked.amount_minor)
    context = ForeignContext(shell(request, person), used, values, typed, refusal, person.may(Permission.RECORD_SALES))
    if request.method == "POST":
        request.state.back = "/fx"
    return await console.answer(
        request, "finance/foreign.html", context, status=200 if refusal is None else refusal.http_status
    )
