"""What a seller answers on a card's page: fields, one-time code, one item again, and the quote."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from typing import TypedDict

from fastapi import APIRouter
from starlette.responses import Response

from database.reads.cards import seller as reads
from database.reads.cards import submissions
from database.reads.cards.submissions import CardView
from database.tables.cards import CardRow
from domain.cards.card import CardType, WaitingFor
from domain.cards.review import AskedItem
from domain.errors.cards import NotExpectedNow
from domain.errors.files import PhotoEmpty
from domain.errors.general import FieldInvalid, TemporarilyUnavailable
from domain.money import Money
from domain.rules.brands import brand
from domain.support.callbacks import CallbackWanted
from domain.typed import plain
from seller_ui.pages.card import answered
from seller_ui.pages.sell import expiry, face_value, named_payee
from seller_ui.site import SellerVisit, Visit, collect, require_filled, texts, uploads
from services.ops.parties import require_issuer_works
from services.support.callbacks import Asked
from web.forms import member_of
from workflows.starter import start_cards

router = APIRouter()


class Fields(TypedDict):
    """The fields of the confirmation form; None leaves one as it is known."""

    number: str | None
    pin: str | None
    face_value: Money | None
    expiry: date | None


@router.post("/cards/{card_id}/fields")
async def confirm_fields(visit: SellerVisit, card_id: str) -> Response:
    """Confirm or correct what was read, as the seller."""
    sent = texts(await visit.request.form())

    async def confirm() -> None:
        async with visit.site.services.database.transaction() as session:
            row = await submissions.require_owner(session, visit.owner, card_id)
        if row.waiting_for is WaitingFor.SELLER_FIELDS:
            _require_fields(row, sent)
        revision = await visit.site.services.intake.correct_fields(
            card_id, **_fields(row, sent), actor=visit.owner, confirmed=_confirmed(sent)
        )
        await visit.site.services.desk.confirm_fields(card_id, revision)

    return await answered(visit, card_id, sent, confirm)


@router.post("/cards/{card_id}/split")
async def split(visit: SellerVisit, card_id: str) -> Response:
    """Split the submission: the seller says that each photo shows a card of its own."""
    services = visit.site.services

    async def divide() -> None:
        await _own(visit, card_id)
        await start_cards(services.intake, services.desk, await services.intake.split(card_id, visit.owner))

    return await answered(visit, card_id, {}, divide, then="/cards")


@router.post("/cards/{card_id}/code")
async def enter_code(visit: SellerVisit, card_id: str) -> Response:
    """Enter the issuer's one-time code, as the seller."""
    sent = texts(await visit.request.form())

    async def enter() -> None:
        await _own(visit, card_id)
        code = plain(sent.get("code", "")).replace(" ", "")
        if not (code.isascii() and code.isalnum() and len(code) <= 12):
            raise FieldInvalid(field="code", why="pattern")
        await require_issuer_works(visit.site.services.database, card_id)
        await visit.site.services.desk.enter_code(card_id, code)

    return await answered(visit, card_id, sent, enter)


@router.post("/cards/{card_id}/code/resend")
async def resend_code(visit: SellerVisit, card_id: str) -> Response:
    """Request another one-time code, as the seller."""

    async def resend() -> None:
        await _own(visit, card_id)
        await require_issuer_works(visit.site.services.database, card_id)
        await visit.site.services.desk.resend_code(card_id)

    return await answered(visit, card_id, {}, resend)


@router.post("/cards/{card_id}/item")
async def send_item(visit: SellerVisit, card_id: str) -> Response:
    """Send the one item that a reviewer asked the seller for."""
    form = await visit.request.form()
    photos = await uploads(form, "photo")

    async def send() -> None:
        await _own(visit, card_id)
        revision = await _item(visit, card_id, texts(form), photos)
        await visit.site.services.desk.supply_item(card_id, revision)

    return await answered(visit, card_id, texts(form), send)


@router.post("/cards/{card_id}/payee")
async def correct_payee(visit: SellerVisit, card_id: str) -> Response:
    """Name another payee after the payment gateway refused the one before."""
    sent = texts(await visit.request.form())

    async def correct() -> None:
        payee = named_payee(visit, sent)
        await visit.site.services.payees.correct(visit.owner, card_id, payee.account, payee.name, payee.rail)

    return await answered(visit, card_id, sent, correct)


@router.post("/cards/{card_id}/transfer/cancel")
async def call_off_transfer(visit: SellerVisit, card_id: str) -> Response:
    """Have a transfer that is not confirmed called off, to name another payee; it is over when the provider says so."""
    services = visit.site.services

    async def call_off() -> None:
        key = await services.confirmations.cancel(visit.owner, card_id)
        with suppress(TemporarilyUnavailable):  # The card asks by its own clock, too.
            await services.desk.payment_reported(card_id, key)

    return await answered(visit, card_id, {}, call_off)


@router.post("/cards/{card_id}/withdraw")
async def withdraw(visit: SellerVisit, card_id: str) -> Response:
    """Withdraw the card, as the seller."""

    async def take_back() -> None:
        await _own(visit, card_id)
        await visit.site.services.desk.withdraw(card_id, visit.owner)

    return await answered(visit, card_id, {}, take_back)


@router.post("/cards/{card_id}/callback")
async def ask_support(visit: SellerVisit, card_id: str) -> Response:
    """Request a call or object to a decision, as the seller."""
    sent = texts(await visit.request.form())

    async def ask() -> None:
        await visit.site.callback_throttle.hit("callback", visit.owner)
        wanted = member_of(CallbackWanted, sent.get("wanted"))
        if wanted is None:
            raise FieldInvalid(field="wanted", why="missing")
        await visit.site.services.callbacks.ask(visit.owner, card_id, Asked(wanted, sent.get("words", "")))

    return await answered(visit, card_id, sent, ask)


@router.post("/cards/{card_id}/quote/accept")
async def accept(visit: SellerVisit, card_id: str) -> Response:
    """Accept the quote that the seller was shown."""
    return await _answer_quote(visit, card_id, accept=True)


@router.post("/cards/{card_id}/quote/decline")
async def decline(visit: SellerVisit, card_id: str) -> Response:
    """Decline the quote that the seller was shown."""
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
    require_filled(sent, item.value)
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


def _require_fields(card: CardRow, sent: Mapping[str, str]) -> None:
    """Raises FormRefused with every field that is malformed, or neither typed nor known; an outlet's card may lack some."""
    chosen, lenient = brand(card.brand), card.card_type is CardType.REGIONAL

    def check_number() -> None:
        if sent.get("number") or not (card.number_sealed or lenient):
            chosen.require_number(require_filled(sent, "number"))

    def check_pin() -> None:
        if chosen.pin is not None and (sent.get("pin") or not (card.pin_sealed or lenient)):
            chosen.require_pin(require_filled(sent, "pin"))

    collect(
        check_number,
        check_pin,
        lambda: face_value(chosen, sent.get("face_value", "")),
        lambda: expiry(sent.get("expiry", "")),
    )


def _fields(card: CardRow, sent: Mapping[str, str]) -> Fields:
    """What the form holds; a field left empty stays as it is known."""
    chosen = brand(card.brand)
    return {
        "number": sent.get("number") or None,
        "pin": sent.get("pin") or None,
        "face_value": face_value(chosen, sent.get("face_value", "")),
        "expiry": expiry(sent.get("expiry", "")),
    }
