"""Payment orders for finance: those whose outcome is unknown stand on top. Nothing here can pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import office as reads
from domain.finance.payout import PayoutState
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
    full: bool


@router.get("/payouts")
async def show(
    request: Request, console: At, person: PayoutReader, state: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """List the newest orders, or those of one state."""
    chosen = member_of(PayoutState, state)
    async with console.services.database.transaction() as session:
        entries = await reads.payouts(session, chosen)
    context = PayoutsContext(shell(request, person), entries, tuple(PayoutState), chosen, len(entries) == reads.PAGE)
    return await console.answer(request, "finance/payouts.html", context)
