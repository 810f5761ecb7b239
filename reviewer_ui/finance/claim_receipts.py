"""What sellers paid back of claims, on the page of claims: its document, and its end by two people where it was an error."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import claims as reads
from reviewer_ui.finance.claims import PATH, page_of
from reviewer_ui.finance.proof_form import document_of
from reviewer_ui.finance.refused import Refused, done_or_shown
from reviewer_ui.finance.sales import SalesKeeper
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, PayoutReader
from services.finance.claim_receipts import ClaimReceipts

router = APIRouter()


@router.post("/claims/receipts/{receipt_id}/reverse")
async def ask_reversal(
    request: Request, console: At, person: SalesKeeper, receipt_id: str,
    reason: Annotated[str, Form(max_length=2000)] = "",
) -> Response:  # fmt: skip
    """Ask to take a payment back that was recorded in error."""
    doing = _receipts(console).ask_reversal(person.id, receipt_id, reason)
    return await _done(request, console, person, doing, receipt_id, "reverse", {"reason": reason})


@router.post("/claims/receipts/{receipt_id}/reverse/agree")
async def reverse(request: Request, console: At, person: SalesKeeper, receipt_id: str) -> Response:
    """Agree as the second person: the seller owes it again."""
    await require_step_up(request, person)
    return await _done(request, console, person, _receipts(console).reverse(person.id, receipt_id), receipt_id, "agree")


@router.post("/claims/receipts/{receipt_id}/reverse/refuse")
async def keep(request: Request, console: At, person: SalesKeeper, receipt_id: str) -> Response:
    """Leave the payment as it is."""
    return await _done(request, console, person, _receipts(console).keep(person.id, receipt_id), receipt_id, "refuse")


@router.get("/claims/receipts/{receipt_id}/evidence")
async def evidence(console: At, person: PayoutReader, receipt_id: str) -> Response:  # noqa: ARG001  # Judged.
    """Serve the document of a payment."""
    async with console.services.database.transaction() as session:
        row = await reads.receipt(session, receipt_id)
    return await document_of(console, row)


async def _done(
    request: Request, console: Console, person: Person, doing: Awaitable[object], row: str, form: str,
    typed: Mapping[str, str] | None = None,
) -> Response:  # fmt: skip
    async def page(refused: Refused) -> Response:
        return await page_of(request, console, person, {}, refused=refused)

    return await done_or_shown(request, doing, page, PATH, row, form, typed)


def _receipts(console: Console) -> ClaimReceipts:
    return ClaimReceipts(console.services.database, console.services.keyring)
