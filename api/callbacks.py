"""What providers report: payments by Alipay and WeChat Pay, cards confirmed by outlets. Nothing is believed without its signature."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from api.services import ApiServices
from domain.cards.facts import PaymentReport
from domain.errors.finance import AmountMismatch
from domain.errors.general import NotFound, SignatureInvalid, TemporarilyUnavailable
from domain.finance.order_kinds import OrderCode, code_of
from domain.finance.rails import Rail
from services.finance.order_kinds import kind_by_key

router = APIRouter(prefix="/callbacks", tags=["callbacks"], include_in_schema=False)
TAKEN, NOT_TAKEN = PlainTextResponse("success"), "fail"


@router.post("/alipay")
async def alipay(request: Request) -> Response:
    """Receive a payment notification (form). Answers the text `success` only after the notification is durable.

    The card asks the gateway itself afterwards, so this only wakes it up: if it cannot be reached now, its own clock
    makes it ask a little later, and the notification must not come again for that.
    """
    services: ApiServices = request.app.state.services
    try:
        report = await services.payments.receive(await request.body())
    except (SignatureInvalid, AmountMismatch, NotFound) as refusal:
        return PlainTextResponse(NOT_TAKEN, refusal.http_status)
    await _notify(services, report)
    return TAKEN


@router.post("/wechat")
async def wechat(request: Request) -> Response:
    """Receive WeChat Pay's sealed callback (JSON). Answers 204 only after it is durable, like Alipay's."""
    services: ApiServices = request.app.state.services
    try:
        report = await services.payments.receive(await request.body(), Rail.WECHAT, request.headers)
    except (SignatureInvalid, AmountMismatch, NotFound) as refusal:
        return JSONResponse({"code": "FAIL", "message": refusal.code}, refusal.http_status)
    await _notify(services, report)
    return Response(status_code=204)


@router.post("/outlets")
@router.post("/outlets/{code}")
async def outlet(request: Request, x_cardloop_signature: Annotated[str | None, Header()] = None) -> dict[str, bool]:
    """Receive an outlet's signed report (JSON); which outlet speaks is part of what is signed, not of the address.

    503 when the card could not be reached: the outlet sends it again.
    """
    services: ApiServices = request.app.state.services
    heard = await services.outlets.receive(await request.body(), x_cardloop_signature)
    if heard is None:
        return {"news": False}
    await services.desk.outlet_reported(heard.card_id, heard.request_id, heard.confirmed)
    return {"news": True}


async def _notify(services: ApiServices, report: PaymentReport) -> None:
    """Have the workflow of the order ask the gateway at once: that of a card only while it waits for the gateway."""
    try:
        if code_of(report.key) is not OrderCode.CARD:
            async with services.database.transaction() as session:
                journey = await kind_by_key(report.key).journey(session, report.key)
            await services.orders.reported(journey)
        elif report.waited_for:
            await services.desk.payment_reported(report.card_id, report.key)
    except TemporarilyUnavailable:
        return  # It reconciles by its own clock.
