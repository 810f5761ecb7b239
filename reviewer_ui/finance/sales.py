"""Sales: the list, one sale with its waterfall line by line and its postings, and taking one back."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import brokered
from database.reads.finance import sales as reads
from database.reads.people import accounts
from database.reads.work.reason_codes import reasons as managed_reasons
from domain.people.roles import Permission
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, allowed, shell
from services.finance.sale_returns import SaleReturns

router = APIRouter()
SalesReader = Annotated[Person, Depends(allowed(Permission.SEE_SALES))]
SalesKeeper = Annotated[Person, Depends(allowed(Permission.RECORD_SALES))]
STATES = ("kept", "asked", "returned")


@dataclass(frozen=True)
class SalesContext:
    """The list; `last` is the id behind which older ones begin, empty where there are none."""

    shell: Shell
    entries: tuple[reads.SaleEntry, ...]
    chosen: str
    states: tuple[str, ...]
    last: str
    may_record: bool


@dataclass(frozen=True)
class SaleContext:
    """One sale; `names` are people's by id. `may_return`: its reader may ask for it to come back, or answer who did.

    `brokered` is what a licensed provider pays its seller, None without such a payment.
    """

    shell: Shell
    sale: reads.SaleView
    names: dict[str, str]
    reasons: tuple[ReasonView, ...]
    why: ReasonView | None
    may_return: bool
    may_agree: bool
    brokered: brokered.BrokeredEntry | None
    refused: Refused


@router.get("/sales")
async def listed(
    request: Request, console: At, person: SalesReader, state: Annotated[str, Query(max_length=20)] = "",
    before: Annotated[str, Query(max_length=26)] = "",
) -> Response:  # fmt: skip
    """List the newest sales, or those of one state."""
    chosen = state if state in STATES else ""
    async with console.services.database.transaction() as session:
        entries = await reads.sales(session, chosen, before)
    last = entries[-1].id if len(entries) == reads.PAGE else ""
    context = SalesContext(shell(request, person), entries, chosen, STATES, last, person.may(Permission.RECORD_SALES))
    return await console.answer(request, "finance/sales.html", context)


@router.get("/sales/{sale_id}")
async def show(request: Request, console: At, person: SalesReader, sale_id: str) -> Response:
    """Show one sale."""
    return await _page(request, console, person, sale_id)


@router.post("/sales/{sale_id}/return")
async def take_back(
    request: Request, console: At, person: SalesKeeper, sale_id: str, reason_code: Annotated[str, Form(max_length=64)] = ""
) -> Response:  # fmt: skip
    """Request reversal of the sale, after confirming one's identity; a second person approves it."""
    await require_step_up(request, person)
    asking = SaleReturns(console.services.database).ask(person.id, sale_id, reason_code)
    return await _done(request, console, person, sale_id, asking, {"reason_code": reason_code})


@router.post("/sales/{sale_id}/return/agree")
async def agree(request: Request, console: At, person: SalesKeeper, sale_id: str) -> Response:
    """Reverse the sale as the second person, after confirming one's identity."""
    await require_step_up(request, person)
    agreeing = SaleReturns(console.services.database).agree(person.id, sale_id)
    return await _done(request, console, person, sale_id, agreeing)


@router.post("/sales/{sale_id}/return/decline")
async def decline(request: Request, console: At, person: SalesKeeper, sale_id: str) -> Response:
    """Leave the sale as it is."""
    declining = SaleReturns(console.services.database).decline(person.id, sale_id)
    return await _done(request, console, person, sale_id, declining)


async def _done(
    request: Request, console: Console, person: Person, sale_id: str, doing: Awaitable[object],
    typed: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    page = partial(_page, request, console, person, sale_id)
    return await done_or_shown(request, doing, page, f"/sales/{sale_id[:26]}", sale_id, "return", typed)


async def _page(
    request: Request, console: Console, person: Person, sale_id: str, refused: Refused = NOTHING
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        sale = await reads.sale(session, sale_id)
        sellers = await brokered.of_sale(session, sale.row.id)
        names = await accounts.all_names(session)
        reasons = tuple(reason_view(one) for one in (await managed_reasons(session))[ReasonedAct.RETURN_SALE])
    why = next((one for one in reasons if one.code == sale.row.reversed_why), None)
    paid = sellers is not None and sellers.payment is not None  # Then the provider takes the money back first.
    may = person.may(Permission.RECORD_SALES) and sale.row.reversed_at is None and not paid
    context = SaleContext(
        shell(request, person), sale, names, reasons, why, may, may and person.id not in sale.row.return_askers, sellers,
        refused,
    )  # fmt: skip
    return await console.answer(request, "finance/sale.html", context, status=refused.status)
