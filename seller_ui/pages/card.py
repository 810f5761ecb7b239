"""One card's page: its status, and the one action that is expected of its seller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from database.reads.cards import reading_wait, submissions
from database.reads.cards import seller as reads
from database.reads.cards.seller import CodeView, PhotoView
from database.reads.cards.submissions import CardView
from database.reads.finance.held import of_card as of_waiting_card
from database.reads.ops.providers import MARK_LENGTH
from database.reads.support.callbacks import CallbackView, newest_of_card
from database.reads.support.customers import OwnLine, of_card
from database.reads.support.second_payouts import SecondPayee, of_submission
from database.repositories import cards
from database.tables.cards import CardRow
from database.tables.columns import now
from domain.cards.card import Stage, StoryEntry
from domain.cards.pricing import QuoteState
from domain.cards.review import AskedItem
from domain.finance.payout import PayeeFault
from domain.finance.rails import Rail
from domain.finance.routing import WaitReason
from domain.money import Money
from domain.places import business_day
from domain.rules.brands import Brand, brand
from domain.rules.limits import limits_in_force
from seller_ui.journey import Panel, Step, panel_of, steps_of
from seller_ui.pages.sell import digits_only
from seller_ui.site import NO_FAULTS, REFUSED, Faults, SellerVisit, Visit, status_of, typed
from services.finance.confirmations import ToConfirm
from services.finance.offsets import foreseen
from web.story import Moment, moments
from web.words import without_repeats

router = APIRouter()
CODES_MAX = 3
WANTED = "payout.payee_wanted"
ENDS_OF_PAYMENT = frozenset({"payout.paid", "payout.refused", "payout.returned", WANTED})
FIELDS = ("number", "pin", "face_value", "expiry", "payee_account", "payee_bank", "payee_name", "payee_rail")


@dataclass(frozen=True)
class CardPage:
    """Context of card.html. `typed` fills the forms: what was typed if one came back, else what is known of the card."""

    card: CardView
    brand: Brand
    panel: Panel
    steps: tuple[Step, ...]
    story: tuple[Moment, ...]
    seen: int
    held: str  # The mark of the maintenance that the page shows; empty: none.
    typed: Mapping[str, str]
    photos: tuple[PhotoView, ...]
    code: CodeView | None
    tries_left: int
    may_resend: bool
    asked_item: AskedItem | None
    payee_fault: PayeeFault | None
    second_payee: SecondPayee | None  # Finance must agree to the payee that they name.
    rails: tuple[Rail, ...]
    to_confirm: ToConfirm | None  # Their transfer to confirm in the provider's app.
    confirm_link: str  # Opens it; empty where nothing here can.
    returned: bool  # The money had arrived and came back.
    wanted: tuple[WaitReason, ...] | None  # Why nothing was sent and another payee is asked for; None: it was refused.
    digits_only: bool
    several: bool  # The photos show more than one card.
    may_withdraw: bool  # Until a quote is accepted.
    callback: CallbackView | None  # Their newest request to support.
    may_ask: bool  # No request of theirs waits for an answer.
    tickets: tuple[OwnLine, ...]  # Their newest questions about the card.
    reading: reading_wait.ReadingWait | None = None  # Its photos are still to be read.
    payment_waits: tuple[WaitReason, ...] = ()  # Why nothing was sent yet.
    set_off: Money | None = None  # What of the offered amount they owe us.
    faults: Faults = NO_FAULTS
    section: str = "cards"


@router.get("/cards/{card_id}")
async def show(visit: SellerVisit, card_id: str) -> Response:
    """Render the page in its current state."""
    return await visit.page("card.html", await page_of(visit, card_id))


@router.get("/cards/{card_id}/live")
async def live(
    visit: SellerVisit,
    card_id: str,
    seen: Annotated[int, Query(ge=0)] = 0,
    held: Annotated[str, Query(max_length=MARK_LENGTH)] = "",
) -> Response:
    """Show the moving part of the page; 204 while nothing has happened since the event `seen` and the maintenance is that of `held`."""
    async with visit.site.services.database.transaction() as session:
        await submissions.require_owner(session, visit.owner, card_id)
        found = (await submissions.progress(session, [card_id]))[card_id]
        if (found.events, found.held) == (seen, held):
            return Response(status_code=204)
    return await visit.page("card.html", await page_of(visit, card_id), block="live")


@dataclass(frozen=True)
class ReadingWaitPage:
    """Context of the line that says how long until the photos are read."""

    card_id: str
    reading: reading_wait.ReadingWait | None


@router.get("/cards/{card_id}/ahead")
async def show_reading_wait(visit: SellerVisit, card_id: str) -> Response:
    """Show how many photos are read before the card's own. Refuses (NotFound) another's card."""
    async with visit.site.services.database.transaction() as session:
        await submissions.require_owner(session, visit.owner, card_id)
        found = await reading_wait.of_card(session, card_id, now())
    return await visit.page("reading_wait.html", ReadingWaitPage(card_id, found))


async def answered(
    visit: Visit, card_id: str, sent: Mapping[str, str], answer: Callable[[], Awaitable[object]], then: str = ""
) -> Response:
    """Do what a form on the card's page asks and redirect to `then`, the card's page unless another is named.

    A refusal brings the page back with what was typed and why.
    """
    try:
        await answer()
    except REFUSED as refused:
        page = await page_of(visit, card_id, sent, visit.faults(refused))
        return await visit.page("card.html", page, status=status_of(refused))
    return visit.go(then or f"/cards/{card_id}")


async def page_of(
    visit: Visit, card_id: str, sent: Mapping[str, str] | None = None, faults: Faults = NO_FAULTS
) -> CardPage:
    """Everything the page shows, read in one transaction. Refuses (NotFound) another's card."""
    async with visit.site.services.database.transaction() as session:
        row = await submissions.require_owner(session, visit.owner, card_id)
        # Before the story is read: what happens in between is shown twice rather than missed.
        seen = await submissions.last_event(session, [card_id])
        card = await submissions.card(session, visit.owner, card_id)
        story = await submissions.story(session, card_id)
        callback = await newest_of_card(session, card_id)
        tickets = await of_card(session, visit.owner, card_id)
        details = await _details(session, card_id, panel_of(card))
        waits, set_off = await _payment(session, visit.owner, card)
        second = await of_submission(session, card_id) if panel_of(card) is Panel.PAYEE else None
        unread = await reading_wait.of_card(session, card_id, now()) if _may_be_unread(card) else None
        confirms = panel_of(card) is Panel.CONFIRM
        to_confirm = await visit.site.services.confirmations.of_card(session, card_id) if confirms else None
    known = _known(visit, row) if panel_of(card) is Panel.FIELDS else {}
    chosen, (photos, code, item, several) = brand(card.brand), details
    return CardPage(
        card=card,
        brand=chosen,
        panel=panel_of(card),
        steps=steps_of(card, story),
        story=moments(reversed(without_repeats(story))),
        seen=seen,
        held=card.delay.mark if card.delay and not card.ended else "",
        typed=typed(known | dict(sent or {}), *FIELDS, "code", "words", "wanted"),
        photos=photos,
        code=code,
        tries_left=_tries_left(story),
        may_resend=code is None or code.number < CODES_MAX,
        asked_item=item,
        payee_fault=_payee_fault(story),
        second_payee=second,
        rails=visit.site.services.rails,
        to_confirm=to_confirm,
        confirm_link=_confirm_link(visit, to_confirm),
        returned=_last_end(story) == "payout.returned",
        wanted=_wanted(story),
        digits_only=digits_only(chosen),
        several=several,
        may_withdraw=_may_withdraw(card),
        callback=callback,
        may_ask=callback is None or callback.closed_at is not None,
        tickets=tickets,
        reading=unread,
        payment_waits=waits,
        set_off=set_off,
        faults=faults,
    )


async def _payment(session: AsyncSession, owner: str, card: CardView) -> tuple[tuple[WaitReason, ...], Money | None]:
    """Why the card's payment waits, and what of an offered amount would be offset."""
    if panel_of(card) is Panel.OFFER and card.quote is not None:
        return (), await foreseen(session, owner, card.quote.amount, datetime.now(UTC))
    held = await of_waiting_card(session, card.id) if card.stage is Stage.PAYOUT and not card.ended else None
    return (held.reasons if held is not None else ()), None


async def _details(
    session: AsyncSession, card_id: str, panel: Panel
) -> tuple[tuple[PhotoView, ...], CodeView | None, AskedItem | None, bool]:
    """Only what the panel needs."""
    photos = await reads.photos(session, card_id) if panel is Panel.FIELDS else ()
    code = await reads.code(session, card_id) if panel is Panel.CODE else None
    item = await reads.asked_item(session, card_id) if panel is Panel.ITEM else None
    several = panel is Panel.FIELDS and await reads.shows_several_cards(session, card_id)
    return photos, code, item, several


def _may_be_unread(card: CardView) -> bool:
    return panel_of(card) is Panel.WAIT and card.stage in (Stage.INTAKE, Stage.READING)


def _may_withdraw(card: CardView) -> bool:
    accepted = card.quote is not None and card.quote.state is QuoteState.ACCEPTED
    return not (card.ended or accepted or card.stage is Stage.PAYOUT)


def _tries_left(story: tuple[StoryEntry, ...]) -> int:
    """As the last checked code left it; the issuer may allow fewer tries than we do."""
    left = [entry.facts["tries_left"] for entry in story if "tries_left" in entry.facts]
    return int(left[-1]) if left else limits_in_force(business_day(datetime.now(UTC))).code_tries_max


def _payee_fault(story: tuple[StoryEntry, ...]) -> PayeeFault | None:
    """What was wrong with the payee of the last order; None when the gateway's word says nothing of the payee."""
    faults = [entry.facts.get("payee_fault", "") for entry in story if entry.what == "payout.refused"]
    return PayeeFault(faults[-1]) if faults and faults[-1] else None


def _last_end(story: tuple[StoryEntry, ...]) -> str:
    """How the newest payment ended; empty while none has."""
    return next((entry.what for entry in reversed(story) if entry.what in ENDS_OF_PAYMENT), "")


def _wanted(story: tuple[StoryEntry, ...]) -> tuple[WaitReason, ...] | None:
    """Why the seller is asked for another payee although nothing was sent; None where that is not so."""
    if _last_end(story) != WANTED:
        return None
    asked = next(entry for entry in reversed(story) if entry.what == WANTED)
    return tuple(WaitReason(one) for one in asked.facts.get("held_for", "").split(",") if one)


def _confirm_link(visit: Visit, found: ToConfirm | None) -> str:
    opens = visit.site.services.confirm_url
    return f"{opens}{quote(found.package)}" if found is not None and found.package and opens else ""


def _known(visit: Visit, row: CardRow) -> dict[str, str]:
    """Return the card's known fields in full: its own seller compares them with the card."""
    keyring, chosen = visit.site.services.keyring, brand(row.brand)
    number, pin = cards.open_number(keyring, row) or "", cards.open_pin(keyring, row) or ""
    known = {"number": chosen.grouped(number), "pin": pin}
    known["face_value"] = (
        "" if row.face_value_minor is None else Money(row.face_value_minor, row.currency).decimal_text()
    )
    known["expiry"] = row.expires_on.isoformat() if row.expires_on else ""
    return known
