"""A submission that comes again gets its first receipt before anything else is judged."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.bodies import LargeBody
from api.models import Receipt
from api.services import ApiServices


class ReceiptFirst(LargeBody):
    """A route whose request, sent again in the same bytes under the same key, is neither counted nor judged again.

    The framework judges a body before it calls the route's own function, and its rules may have changed meanwhile.
    """

    async def known(self, request: Request) -> Response | None:
        """Return the first receipt, where there is one."""
        return await _receipt(request)


async def _receipt(request: Request) -> Response | None:
    services: ApiServices = request.app.state.services
    key, partner_id = request.headers.get("idempotency-key", ""), request.state.partner_id
    if not key or "\0" in key:
        return None
    sent = await asyncio.to_thread(services.intake.body_hash, await request.body())
    known = await services.intake.repeated(f"partner:{partner_id}", key, sent)
    if known is None:
        return None
    receipt = Receipt(submission_id=known.submission_id, card_ids=list(known.card_ids), repeated=True)
    return JSONResponse(receipt.model_dump(), 202, headers={"location": f"/v1/submissions/{known.submission_id}"})
