"""Handing cards in, and looking at them."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from sse_starlette import EventSourceResponse

from api.caller import Partner
from api.models import NewSubmission, Receipt, SubmissionOut, SubmissionsOut
from api.receipts import ReceiptFirst
from database.reads.cards import submissions as reads
from domain.cards.intake import Submission
from domain.errors.general import IdempotencyKeyMissing
from domain.finance.rails import require_offered
from web.live import last_seen
from workflows.starter import start_cards

router = APIRouter(prefix="/v1/submissions", tags=["submissions"])
receipts = APIRouter(prefix="/v1/submissions", tags=["submissions"], route_class=ReceiptFirst)
KEY = re.compile(r"[\x21-\x7e]{1,64}")
Id = Annotated[str, Path(pattern=r"^[0-9A-Z]{26}$")]
PAGE_MOST = 100


@receipts.post("", status_code=202)
async def submit(
    request: Request,
    partner: Partner,
    new: NewSubmission,
    response: Response,
    idempotency_key: Annotated[str, Header()] = "",
) -> Receipt:
    """Takes all cards or none. The same key with the same content gets the same receipt.

    202: the cards are stored and go on by themselves, also when part of the platform is away at the moment.
    """
    if not KEY.fullmatch(idempotency_key):
        raise IdempotencyKeyMissing()
    await partner.limits.submissions.hit("submissions", partner.partner_id)
    services = partner.services
    submission = Submission(
        owner=partner.owner,
        idempotency_key=idempotency_key,
        cards=tuple(card.submitted() for card in new.cards),
        payee_account=new.payee.account,
        payee_name=new.payee.name,
        payee_rail=require_offered(new.payee.rail, services.rails),
        channel="api",
        locale=partner.locale,
        intake_point=new.intake_point,
        body_hash=await asyncio.to_thread(services.intake.body_hash, await request.body()),
    )
    receipt = await services.intake.submit(submission)
    if not receipt.repeated:
        await start_cards(services.intake, services.desk, receipt.card_ids)
    response.headers["location"] = f"/v1/submissions/{receipt.submission_id}"
    return Receipt(submission_id=receipt.submission_id, card_ids=list(receipt.card_ids), repeated=receipt.repeated)


@router.get("")
async def listed(
    partner: Partner,
    before: Annotated[str | None, Query(pattern=r"^[0-9A-Z]{26}$")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MOST)] = 20,
) -> SubmissionsOut:
    """List the partner's submissions, newest first."""
    async with partner.services.database.transaction() as session:
        found, following = await reads.submissions(session, partner.owner, before=before, limit=limit)
    return SubmissionsOut(submissions=[SubmissionOut.of(view) for view in found], next=following)


@router.get("/{submission_id}")
async def shown(partner: Partner, submission_id: Id) -> SubmissionOut:
    """Return the submission with all its cards."""
    async with partner.services.database.transaction() as session:
        return SubmissionOut.of(await reads.submission(session, partner.owner, submission_id))


@router.get("/{submission_id}/events", response_class=EventSourceResponse)
async def changes(
    partner: Partner,
    submission_id: Id,
    seen: Annotated[int, Query(ge=0, le=2**62)] = 0,
    last_event_id: Annotated[str, Header()] = "",
) -> EventSourceResponse:
    """Server-sent events: `changed` whenever something happened to a card or to the maintenance that it waits for, `ended` when all cards have."""
    async with partner.services.database.transaction() as session:
        view = await reads.submission(session, partner.owner, submission_id)
    return partner.changes.stream(partner.owner, [card.id for card in view.cards], last_seen(seen, last_event_id))
