"""Claim the second payment of a seller who was paid twice, from the page of the order that its provider contradicts."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from reviewer_ui.finance.claims import Claimer
from reviewer_ui.finance.order import answered
from reviewer_ui.finance.proof_form import sent_proof
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At
from services.finance.paid_twice import PaidTwice, Twice

router = APIRouter()
PATH = r"/payouts/[0-9A-Za-z-]{1,80}/paid-twice"


@router.post("/payouts/{key}/paid-twice")
async def propose(request: Request, console: At, person: Claimer, key: str) -> Response:
    """Propose the claim with a document; a second person agrees among the claims. The browser has just shown who is there."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, "words")
    services = console.services
    twice = PaidTwice(services.database, services.keyring)
    doing = twice.propose(person.id, key, Twice(sent["words"], proof), services.photos)
    return await answered(request, console, person, key, doing, sent, "/claims")
