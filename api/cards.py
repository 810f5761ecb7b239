"""What a partner answers for its seller: fields, one-time code, one item again, and the quote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path

from api.bodies import LargeBody
from api.caller import Caller, Partner
from api.models import CodeGiven, Done, Fields, Item, PayeeGiven, QuoteAnswer, StoryEntryOut, StoryOut
from database.reads.cards import submissions as reads
from domain.cards.review import AskedItem
from domain.errors.files import PhotoEmpty
from domain.errors.general import FieldInvalid
from domain.errors.review import ReadingDiffers
from domain.finance.rails import require_offered
from domain.typed import plain
from services.ops.parties import require_issuer_works
from web.words import Audience, story_sentence

router = APIRouter(prefix="/v1/cards", tags=["cards"], route_class=LargeBody)  # One item is a photograph.
Id = Annotated[str, Path(pattern=r"^[0-9A-Z]{26}$")]


@router.post("/{card_id}/quote/accept")
async def accept(partner: Partner, card_id: Id, answer: QuoteAnswer) -> Done:
    """Accepts the quote: the seller is paid. The first answer counts."""
    return await _answer(partner, card_id, answer.quote_id, accept=True)


@router.post("/{card_id}/quote/decline")
async def decline(partner: Partner, card_id: Id, answer: QuoteAnswer) -> Done:
    """Declines the quote: the card stays the seller's."""
    return await _answer(partner, card_id, answer.quote_id, accept=False)


@router.post("/{card_id}/withdraw")
async def withdraw(partner: Partner, card_id: Id) -> Done:
    """Takes the card back, at any moment until a quote is accepted; asked for again it changes nothing."""
    await _own(partner, card_id)
    await partner.services.desk.withdraw(card_id, partner.owner)
    return Done(card_id=card_id)


@router.post("/{card_id}/fields")
async def confirm(partner: Partner, card_id: Id, fields: Fields) -> Done:
    """Confirms what was read and what was sent before; a field that is given corrects it.

    One that differs from what the photograph surely says, given now or with the submission, is refused (`reading_differs`)
    until it is confirmed: by the refusal's `marks` as `confirm`.
    """
    await _own(partner, card_id)
    with _asking():
        revision = await partner.services.intake.correct_fields(
            card_id,
            number=fields.number,
            pin=fields.pin,
            face_value=fields.face_value.money() if fields.face_value else None,
            expiry=fields.expiry,
            actor=partner.owner,
            confirmed=fields.confirm,
            kept_too=True,
        )
    await partner.services.desk.confirm_fields(card_id, revision)
    return Done(card_id=card_id)


@router.post("/{card_id}/code")
async def enter_code(partner: Partner, card_id: Id, given: CodeGiven) -> Done:
    """Enters the issuer's one-time code."""
    await _own(partner, card_id)
    await require_issuer_works(partner.services.database, card_id)
    checked = await partner.services.desk.enter_code(card_id, plain(given.code))
    return Done(card_id=card_id, tries_left=checked.tries_left)


@router.post("/{card_id}/code/resend")
async def resend_code(partner: Partner, card_id: Id) -> Done:
    """Has the issuer send another code."""
    await _own(partner, card_id)
    await require_issuer_works(partner.services.database, card_id)
    sent = await partner.services.desk.resend_code(card_id)
    return Done(card_id=card_id, expires_at=sent.expires_at)


@router.post("/{card_id}/items/{item}")
async def send_item(partner: Partner, card_id: Id, item: AskedItem, sent: Item) -> Done:
    """Sends the one item that a reviewer asked for; a value that differs from the photograph is confirmed as a field is."""
    await _own(partner, card_id)
    with _asking():
        revision = await _stored(partner, card_id, item, sent)
    await partner.services.desk.supply_item(card_id, revision)
    return Done(card_id=card_id)


@router.post("/{card_id}/payee")
async def correct_payee(partner: Partner, card_id: Id, given: PayeeGiven) -> Done:
    """Names another payee after the payment gateway refused the one before: the card is paid again, once."""
    rail = require_offered(given.payee_rail, partner.services.rails)
    await partner.services.payees.correct(partner.owner, card_id, given.payee_account, given.payee_name, rail)
    return Done(card_id=card_id)


@router.get("/{card_id}/story")
async def story(partner: Partner, card_id: Id) -> StoryOut:
    """Return what happened to the card so far."""
    async with partner.services.database.transaction() as session:
        await reads.require_owner(session, partner.owner, card_id)
        entries = await reads.story(session, card_id)
    return StoryOut(
        card_id=card_id,
        entries=[
            StoryEntryOut(
                at=datetime.fromisoformat(entry.at),
                stage=entry.stage.value,
                what=entry.what,
                facts=entry.facts,
                sentence=story_sentence(entry.what, entry.facts, partner.locale, Audience.PARTNER),
            )
            for entry in entries
        ],
    )


async def _own(partner: Caller, card_id: str) -> None:
    """Refuses (NotFound) a card that is not the partner's."""
    async with partner.services.database.transaction() as session:
        await reads.require_owner(session, partner.owner, card_id)


@contextmanager
def _asking() -> Iterator[None]:
    """A value that differs from the photograph is refused with the marks that confirm it."""
    try:
        yield
    except ReadingDiffers as refused:
        refused.data["marks"] = refused.marks.split(",")
        raise


async def _answer(partner: Caller, card_id: str, quote_id: str, *, accept: bool) -> Done:
    await _own(partner, card_id)
    await partner.services.desk.answer_offer(card_id, quote_id, accept)
    return Done(card_id=card_id)


async def _stored(partner: Caller, card_id: str, item: AskedItem, sent: Item) -> int:
    """Stores the item and returns the fields' revision."""
    intake = partner.services.intake
    if item is AskedItem.PHOTO:
        if sent.photo is None:
            raise PhotoEmpty()
        return await intake.replace_photo(card_id, sent.photo, partner.owner)
    if not sent.value:
        raise FieldInvalid(field="value", why="missing")
    if item is AskedItem.EXPIRY:
        return await intake.correct_fields(
            card_id, expiry=_date(sent.value), actor=partner.owner, confirmed=sent.confirm
        )
    if item is AskedItem.PIN:
        return await intake.correct_fields(card_id, pin=sent.value, actor=partner.owner, confirmed=sent.confirm)
    return await intake.correct_fields(card_id, number=sent.value, actor=partner.owner, confirmed=sent.confirm)


def _date(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise FieldInvalid(field="value", why="date") from None
