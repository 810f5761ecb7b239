"""Payment orders for finance: those of unknown outcome come first. Nothing here can pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import office as reads
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from reviewer_ui.visit import At, PayoutReader, Shell, shell
from web.forms import member_of

router = APIRouter()


@dataclass(frozen=True)
class PayoutsContext:
    """The payouts page; `full` says that older orders than these are not shown."""

    shell: Shell
    entries: tuple[reads.PayoutEntry, ...]
    states: tuple[PayoutState, ...]
    chosen: PayoutState | None
    rails: tuple[Rail, ...]
    rail: Rail | None
    full: bool


@router.get("/payouts")
async def show(
    request: Request,
    console: At,
    person: PayoutReader,
    state: Annotated[str, Query(max_length=20)] = "",
    rail: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """List the newest orders of cards and of goodwill, or those of one state or rail."""
    chosen, way = member_of(PayoutState, state), member_of(Rail, rail)
    async with console.services.database.transaction() as session:
        entries = await reads.payouts(session, chosen, way)
    context = PayoutsContext(
        shell(request, person), entries, tuple(PayoutState), chosen, tuple(Rail), way, len(entries) == reads.PAGE
    )
    return await console.answer(request, "finance/payouts.html", context)
