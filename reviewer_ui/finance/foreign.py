"""Foreign money: what is open in each currency, its value at the ends of months, and the exchange of what was kept."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import foreign as reads
from database.reads.people import accounts
from database.tables.columns import now
from database.tables.finance.sales import FxExchangeRow, FxRevaluationRow
from domain.errors.general import FieldInvalid
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.finance.sale_new import day_of, rate_of_form
from reviewer_ui.finance.sales import SalesKeeper, SalesReader
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, shell
from services.finance.exchanges import EXCHANGES_BACK, KEEPS_FOREIGN, REFERENCE_MAX, ExchangeAsked, Exchanges
from services.finance.positions import Position, Revaluations, positions
from services.finance.taking_back import Reversals
from web.forms import member_of, money_of

router = APIRouter()
PATH, VALUE, EXCHANGE = "/fx", "value", "exchange"
Line = Annotated[str, Form(max_length=120)]
FOREIGN = tuple(one for one in Currency if one is not Currency.CNY)


@dataclass(frozen=True)
class ValueLine:
    """A position's value at the end of a month; `difference` is a gain where it is positive."""

    row: FxRevaluationRow
    open: Money
    before: Money
    after: Money
    difference: Money


@dataclass(frozen=True)
class ExchangeLine:
    """An exchange; `difference` is what it realised, a gain where it is positive."""

    row: FxExchangeRow
    sold: Money
    arrived: Money
    difference: Money


@dataclass(frozen=True)
class ForeignContext:
    """The page of foreign money. `refused.row` is the form that was refused, or the exchange; `names` are people's by id.

    `month` and `currency` are what is to be valued; `key` makes pressing twice one exchange.
    """

    shell: Shell
    positions: tuple[Position, ...]
    values: tuple[ValueLine, ...]
    kept: tuple[reads.Kept, ...]
    exchanges: tuple[ExchangeLine, ...]
    names: Mapping[str, str]
    refused: Refused
    month: str
    currency: str
    key: str
    today: str
    me: str
    may_record: bool
    currencies: tuple[Currency, ...] = FOREIGN
    reference_max: int = REFERENCE_MAX


@router.get(PATH)
async def show(
    request: Request, console: At, person: SalesReader, month: Annotated[str, Query(max_length=7)] = "",
    currency: Annotated[str, Query(max_length=3)] = "",
) -> Response:  # fmt: skip
    """Show every position, where foreign money is kept, and its values; `month` and `currency` are what is to be valued."""
    return await _render(request, console, person, month=month, currency=currency)


@router.post(PATH)
async def revalue(
    request: Request, console: At, person: SalesKeeper, currency: Line = "", month: Line = "", rate: Line = "",
    rate_source: Line = "", rate_at: Line = "",
) -> Response:  # fmt: skip
    """Value a position at the end of a month; what is refused stays in the form."""
    typed = {
        "currency": currency, "month": month, "rate": rate, "rate_source": rate_source, "rate_at": rate_at,
    }  # fmt: skip
    return await _done(request, console, person, _valued(console, person, typed), VALUE, typed)


@router.post("/fx/exchanges")
async def exchange(
    request: Request, console: At, person: SalesKeeper, key: Line = "", kept: Line = "", sold: Line = "",
    arrived: Line = "", rate: Line = "", rate_source: Line = "", rate_at: Line = "", reference: Line = "",
    exchanged_on: Line = "",
) -> Response:  # fmt: skip
    """Record an exchange of what was kept, once however often it is pressed; what is refused stays in the form."""
    typed = {
        "key": key or new_id(), "kept": kept, "sold": sold, "arrived": arrived, "rate": rate, "rate_source": rate_source,
        "rate_at": rate_at, "reference": reference, "exchanged_on": exchanged_on,
    }  # fmt: skip
    return await _done(request, console, person, _exchanged(console, person, typed), EXCHANGE, typed)


@router.post("/fx/exchanges/{exchange_id}/confirm")
async def confirm(request: Request, console: At, person: SalesKeeper, exchange_id: str) -> Response:
    """Confirm as the second person, after one more proof of who one is."""
    await require_step_up(request, person)
    doing = Exchanges(console.services.database).confirm(person.id, exchange_id)
    return await _done(request, console, person, doing, exchange_id)


@router.post("/fx/exchanges/{exchange_id}/discard")
async def discard(request: Request, console: At, person: SalesKeeper, exchange_id: str) -> Response:
    """Discard what was recorded."""
    doing = Exchanges(console.services.database).discard(person.id, exchange_id)
    return await _done(request, console, person, doing, exchange_id)


@router.post("/fx/exchanges/{exchange_id}/reverse")
async def ask_reversal(
    request: Request, console: At, person: SalesKeeper, exchange_id: str,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:  # fmt: skip
    """Ask to take an exchange back that was recorded in error."""
    doing = Reversals(console.services.database, EXCHANGES_BACK).ask(person.id, exchange_id, reason)
    return await _done(request, console, person, doing, exchange_id, {"reason": reason}, "reverse")


@router.post("/fx/exchanges/{exchange_id}/reverse/agree")
async def reverse(request: Request, console: At, person: SalesKeeper, exchange_id: str) -> Response:
    """Take an exchange back as the second person, after one more proof of who one is."""
    await require_step_up(request, person)
    doing = Reversals(console.services.database, EXCHANGES_BACK).reverse(person.id, exchange_id)
    return await _done(request, console, person, doing, exchange_id)


@router.post("/fx/exchanges/{exchange_id}/reverse/refuse")
async def keep(request: Request, console: At, person: SalesKeeper, exchange_id: str) -> Response:
    """Leave an exchange as it is."""
    doing = Reversals(console.services.database, EXCHANGES_BACK).keep(person.id, exchange_id)
    return await _done(request, console, person, doing, exchange_id)


async def _valued(console: Console, person: Person, typed: Mapping[str, str]) -> None:
    known = member_of(Currency, typed["currency"])
    if known is None:
        raise FieldInvalid(field="currency", why="missing")
    given = rate_of_form(typed["rate"], typed["rate_source"], typed["rate_at"])
    await Revaluations(console.services.database).record(person.id, known, typed["month"].strip(), given)


async def _exchanged(console: Console, person: Person, typed: Mapping[str, str]) -> None:
    account, _, currency = typed["kept"].rpartition("/")
    known = member_of(Currency, currency)
    if known is None:
        raise FieldInvalid(field="account", why="missing")
    asked = ExchangeAsked(
        account, money_of("sold", typed["sold"], known), money_of("arrived", typed["arrived"]),
        rate_of_form(typed["rate"], typed["rate_source"], typed["rate_at"]), typed["reference"],
        day_of("exchanged_on", typed["exchanged_on"]),
    )  # fmt: skip
    await Exchanges(console.services.database).record(person.id, typed["key"], asked)


async def _done(
    request: Request, console: Console, person: Person, doing: Awaitable[object], row: str,
    typed: Mapping[str, str] | None = None, form: str = "",
) -> Response:  # fmt: skip
    async def page(refused: Refused) -> Response:
        return await _render(request, console, person, refused)

    return await done_or_shown(request, doing, page, PATH, row, form, typed)


async def _render(
    request: Request, console: Console, person: Person, refused: Refused = NOTHING, month: str = "", currency: str = ""
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        found = await positions(session)
        rows = await reads.revaluations(session)
        kept = await reads.kept(session, KEEPS_FOREIGN)
        made = await reads.exchanges(session)
        names = await accounts.all_names(session)
    values = tuple(
        ValueLine(
            row, Money(row.position_minor, row.currency), Money(row.before_minor), Money(row.after_minor),
            Money(row.after_minor - row.before_minor),
        )
        for row in rows
    )  # fmt: skip
    exchanges = tuple(
        ExchangeLine(row, Money(row.sold_minor, row.currency), Money(row.arrived_minor), Money(row.difference_minor))
        for row in made
    )
    used = tuple(one for one in found.values() if one.open.amount_minor or one.booked.amount_minor)
    context = ForeignContext(
        shell(request, person), used, values, kept, exchanges, names, refused, refused.was(VALUE, "", "month") or month,
        refused.was(VALUE, "", "currency") or currency, refused.was(EXCHANGE, "", "key") or new_id(),
        business_day(now()).isoformat(), person.id, person.may(Permission.RECORD_SALES),
    )  # fmt: skip
    return await console.answer(request, "finance/foreign.html", context, status=refused.status)
