"""Parts of a payment that came back, on the order's page: booked by two people, dismissed with a reason, and proposed to be paid again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import part_returns as reads
from reviewer_ui.finance.order import Stater, answered
from reviewer_ui.finance.proof_form import document_of, sent_proof
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, PayoutReader
from services.finance.part_returns import CameBack, PartReturns
from services.finance.proof_files import ProofFile
from web.forms import money_of

router = APIRouter()
PATH = r"/payouts/[0-9A-Za-z-]{1,80}/parts"


@router.post("/payouts/{key}/parts")
async def propose(request: Request, console: At, person: Stater, key: str) -> Response:
    """Propose to book a part that came back, with a document. The browser has just shown who is there."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, "amount", "part_reason")
    doing = _proposed(console, person, key, sent, proof)
    return await answered(request, console, person, key, doing, sent, f"/payouts/{key}#parts")


@router.post("/payouts/{key}/parts/dismiss")
async def dismiss(
    request: Request, console: At, person: Stater, key: str, wrong: Annotated[str, Form(max_length=500)] = ""
) -> Response:
    """Keep that the amount that the provider names did not come back."""
    return await answered(
        request, console, person, key, _parts(console).dismiss(person.id, key, wrong), {"wrong": wrong}
    )


@router.post("/payouts/{key}/parts/{part_id}/agree")
async def agree(request: Request, console: At, person: Stater, key: str, part_id: str) -> Response:
    """Agree as the second person: the part is booked, and proposed to be paid again."""
    await require_step_up(request, person)
    return await answered(request, console, person, key, _parts(console).agree(person.id, part_id))


@router.post("/payouts/{key}/parts/{part_id}/decline")
async def decline(request: Request, console: At, person: Stater, key: str, part_id: str) -> Response:
    """Discard a proposal."""
    return await answered(request, console, person, key, _parts(console).decline(person.id, part_id))


@router.post("/payouts/{key}/parts/{part_id}/pay-again")
async def pay_again(request: Request, console: At, person: Stater, key: str, part_id: str) -> Response:
    """Propose again to pay a part whose payment was declined or failed."""
    return await answered(request, console, person, key, _parts(console).pay_again(person.id, part_id))


@router.get("/payouts/{key}/parts/{part_id}/evidence")
async def evidence(console: At, person: PayoutReader, key: str, part_id: str) -> Response:  # noqa: ARG001  # Judged.
    """Serve the document of a part."""
    async with console.services.database.transaction() as session:
        row = await reads.evidence(session, key, part_id)
    return await document_of(console, row)


async def _proposed(
    console: Console, person: Person, key: str, sent: Mapping[str, str], proof: ProofFile | None
) -> None:
    said = CameBack(money_of("amount", sent["amount"]), sent["part_reason"], proof)
    await _parts(console).propose(person.id, key, said, console.services.photos)


def _parts(console: Console) -> PartReturns:
    return PartReturns(console.services.database, console.services.keyring)
