"""What a seller answers on a card's page: fields, one-time code, one item again, and the quote."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TypedDict

from fastapi import APIRouter
from starlette.responses import Response

from database.reads import seller as reads
from database.reads import submissions
from database.reads.submissions import CardView
from domain.money import Money
from domain.refusals import FieldInvalid, NotExpectedNow, PhotoEmpty
from domain.review import AskedItem
from domain.rules.brands import brand
from domain.typed import plain
from seller_ui.pages.card import answered
from seller_ui.pages.sell import expiry, face_value
from seller_ui.site import SellerVisit, Visit, texts, uploads

router = APIRouter()


class Fields(TypedDict):
    """The fields of the confirmation form; None leaves one as it is known."""

    number: str | None
    pin: str | None
    face_value: Money | None
    expiry: date | None


@router.post("/cards/{card_id}/fields")
async def confirm_fields(visit: SellerVisit, card_id: str) -> Response:
    """The seller confirms or corrects what was read."""
    sent = texts(await visit.request.form())

    async def confirm() -> None:
        card = await _own(visit, card_id)
        revision = await visit.site.services.intake.correct_fields(
            card_id, **_fields(card, sent), actor=visit.owner, confirmed=_confirmed(sent)
        )
        await visit.site.services.desk.confirm_fields(card_id, revision)

    return await answered(visit, card_id, sent, confirm)


@router.post("/cards/{card_id}/code")
async def enter_code(visit: SellerVisit, card_id: str) -> Response:
    """The seller enters the issuer's one-time code."""
    sent = texts(await visit.request.form())

    async def enter() -> None:
        await _own(visit, card_id)
        code = plain(sent.get("code", "")).replace(" ", "")
        if not (code.isascii() and code.isalnum() and len(code) <= 12):
            raise FieldInvalid(field="code", why="pattern")
        await visit.site.services.desk.enter_code(card_id, code)

    return await answered(visit, card_id, sent, enter)


@router.post("/cards/{card_id}/code/resend")
async def resend_code(visit: SellerVisit, card_id: str) -> Response:
    """The seller asks for another code."""

    async def resend() -> None:
        await _own(visit, card_id)
        await visit.site.services.desk.resend_code(card_id)

    return await answered(visit, card_id, {}, resend)


@router.post("/cards/{card_id}/item")
async def send_item(visit: SellerVisit, card_id: str) -> Response:
    """The seller sends the one item that a reviewer asked for."""
    form = await visit.request.form()
    photos = await uploads(form, "photo")

    async def send() -> None:
        await _own(visit, card_id)
        revision = await _item(visit, card_id, texts(form), photos)
        await visit.site.services.desk.supply_item(card_id, revision)

    return await answered(visit, card_id, texts(form), send)


@router.post("/cards/{card_id}/quote/accept")
async def accept(visit: SellerVisit, card_id: str) -> Response:
    """The seller accepts the quote they were shown."""
    return await _answer_quote(visit, card_id, accept=True)


@router.post("/cards/{card_id}/quote/decline")
async def decline(visit: SellerVisit, card_id: str) -> Response:
    """The seller declines the quote they were shown."""
    return await _answer_quote(visit, card_id, accept=False)


async def _answer_quote(visit: Visit, card_id: str, *, accept: bool) -> Response:
    quote_id = texts(await visit.request.form()).get("quote_id", "")

    async def answer() -> None:
        await _own(visit, card_id)
        await visit.site.services.desk.answer_offer(card_id, quote_id, accept)

    return await answered(visit, card_id, {}, answer)


async def _own(visit: Visit, card_id: str) -> CardView:
    """The seller's card. Refuses (NotFound) another's."""
    async with visit.site.services.database.transaction() as session:
        return await submissions.card(session, visit.owner, card_id)


async def _item(visit: Visit, card_id: str, sent: Mapping[str, str], photos: tuple[bytes, ...]) -> int:
    """Stores the item and returns the fields' revision."""
    async with visit.site.services.database.transaction() as session:
        item = await reads.asked_item(session, card_id)
    intake = visit.site.services.intake
    if item is None:
        raise NotExpectedNow()
    if item is AskedItem.PHOTO:
        if not photos:
            raise PhotoEmpty()
        return await intake.replace_photo(card_id, photos[0], visit.owner)
    if not sent.get(item.value):
        raise FieldInvalid(field=item.value, why="missing")
    if item is AskedItem.EXPIRY:
        return await intake.correct_fields(
            card_id, expiry=expiry(sent["expiry"]), actor=visit.owner, confirmed=_confirmed(sent)
        )
    if item is AskedItem.PIN:
        return await intake.correct_fields(card_id, pin=sent["pin"], actor=visit.owner, confirmed=_confirmed(sent))
    return await intake.correct_fields(card_id, number=sent["number"], actor=visit.owner, confirmed=_confirmed(sent))


def _confirmed(sent: Mapping[str, str]) -> tuple[str, ...]:
    """The marks of typed values that the seller confirmed against the photo."""
    return tuple(sent.get("confirmed", "").split(","))


def _fields(card: CardView, sent: Mapping[str, str]) -> Fields:
    """What the form holds; a field left empty stays as it is known."""
    chosen = brand(card.brand)
    return {
        "number": sent.get("number") or None,
        "pin": sent.get("pin") or None,
        "face_value": face_value(chosen, sent.get("face_value", "")),
        "expiry": expiry(sent.get("expiry", "")),
    }
