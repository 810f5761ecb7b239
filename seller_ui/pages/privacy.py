"""A seller asks for a copy of their data or for its erasure, reads what happens and by when, and fetches the copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.responses import Response

from domain.errors.general import FieldInvalid
from domain.places import business_day
from domain.rules.deadlines import deadlines_in_force
from domain.support.privacy import RECORDS_YEARS, ErasedPart, KeptPart, PrivacyWish, answer_days
from domain.support.tickets import WORDS_MAX, TicketCategory, TicketChannel
from languages import translate
from seller_ui.site import NO_FAULTS, REFUSED, Faults, SellerVisit, Visit, status_of, texts, typed
from seller_ui.ticket_forms import fresh_key, key_of, written
from services.support.opening import NewTicket
from web.downloads import as_download
from web.forms import member_of

router = APIRouter()


@dataclass(frozen=True)
class PrivacyPage:
    """Context of privacy.html."""

    wishes: tuple[PrivacyWish, ...]
    erased: tuple[ErasedPart, ...]
    kept: tuple[KeptPart, ...]
    keys: Mapping[PrivacyWish, str]
    typed: Mapping[str, str]
    days: int  # Working days, by the deadline policy.
    faults: Faults = NO_FAULTS
    years: int = RECORDS_YEARS
    words_max: int = WORDS_MAX
    section: str = "help"


@router.get("/privacy")
async def show(visit: SellerVisit) -> Response:
    """Show what can be asked for, what happens then, and by when."""
    return await visit.page("privacy.html", _page({}))


@router.post("/privacy")
async def ask(visit: SellerVisit) -> Response:
    """Open the privacy request as a ticket, once however often the form is sent."""
    form = await visit.request.form()
    sent = texts(form)
    try:
        await visit.site.ticket_throttle.hit("ticket", visit.owner)
        wish = member_of(PrivacyWish, sent.get("wish"))
        if wish is None:
            raise FieldInvalid(field="wish", why="missing")
        asked = await written(form, visit.site.forms)
        new = NewTicket(
            TicketCategory.PRIVACY, translate(f"privacy_wish.{wish.value}", visit.locale), _words(visit, wish, sent), (),
            key=asked.key,
        )  # fmt: skip
        ticket_id = await visit.site.opening.open(visit.owner, new, TicketChannel.WEB)
    except REFUSED as refused:
        return await visit.page("privacy.html", _page(sent, visit.faults(refused)), status=status_of(refused))
    return visit.go(f"/tickets/{ticket_id}")


@router.get("/tickets/{ticket_id}/copy")
async def fetch(visit: SellerVisit, ticket_id: str) -> Response:
    """Give the copy of the seller's data. Refuse NotFound, and CopyExpired for one that is gone."""
    kept = await visit.site.privacy.fetch(visit.owner, ticket_id)
    return as_download(kept.name, kept.media_type, kept.content)


def _words(visit: Visit, wish: PrivacyWish, sent: Mapping[str, str]) -> str:
    asked = translate(f"privacy_asked.{wish.value}", visit.locale)
    added = sent.get("words", "")
    return f"{asked}\n\n{added}" if added else asked


def _page(sent: Mapping[str, str], faults: Faults = NO_FAULTS) -> PrivacyPage:
    keys = {wish: fresh_key() for wish in PrivacyWish}
    wish, key = member_of(PrivacyWish, sent.get("wish")), key_of(sent)
    if wish is not None and key is not None:
        keys[wish] = key
    return PrivacyPage(
        tuple(PrivacyWish), tuple(ErasedPart), tuple(KeptPart), keys, typed(sent, "words", "wish"),
        answer_days(deadlines_in_force(business_day(datetime.now(UTC)))), faults,
    )  # fmt: skip
