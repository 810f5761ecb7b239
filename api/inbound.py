"""Mail of customers that a mail server posts as it arrives."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request

from api.services import ApiServices
from domain.errors.general import NotFound

router = APIRouter(prefix="/inbound", tags=["inbound"], include_in_schema=False)


@router.post("/mail")
async def mail(request: Request, x_cardloop_signature: Annotated[str | None, Header()] = None) -> dict[str, str]:
    """Take a mail (raw MIME) with its signature. Answers what became of it once it is durable; repeated, the same again.

    404 where no secret is set: the address is closed.
    """
    services: ApiServices = request.app.state.services
    if services.mail is None:
        raise NotFound()
    return {"outcome": await services.mail.receive(await request.body(), x_cardloop_signature)}
