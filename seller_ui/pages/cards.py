"""My cards, the stream of one card's changes, and its photographs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from database.reads.cards import seller as reads
from database.reads.cards import submissions
from database.reads.cards.submissions import CardView
from database.reads.ops.providers import MARK_LENGTH
from domain.cards.reading import FieldName
from domain.errors.general import NotFound
from domain.rules.brands import catalogue
from gateways.pictures.store import PhotoMissing
from seller_ui.journey import PANELS
from seller_ui.site import SellerVisit
from web.live import last_seen

router = APIRouter()
CARDS_PER_PAGE = 20
NEEDS_SELLER = frozenset(PANELS)


@dataclass(frozen=True)
class CardsPage:
    """Context of cards.html; `older` is the cursor of the next page."""

    cards: tuple[CardView, ...]
    older: str | None
    first_page: bool
    brand_names: dict[str, str]
    brand_shorts: dict[str, str]
    needs_seller: frozenset[object] = NEEDS_SELLER
    section: str = "cards"


@router.get("/cards")
async def mine(visit: SellerVisit, before: Annotated[str | None, Query(max_length=26)] = None) -> Response:
    """List the seller's cards, newest first."""
    async with visit.site.services.database.transaction() as session:
        cards, older = await reads.cards(session, visit.owner, before=before, limit=CARDS_PER_PAGE)
    names = {code: entry.names[visit.locale] for code, entry in catalogue().items()}
    shorts = {code: entry.short[visit.locale] for code, entry in catalogue().items()}
    return await visit.page("cards.html", CardsPage(cards, older, before is None, names, shorts))


@router.get("/cards/{card_id}/events")
async def changes(
    visit: SellerVisit,
    card_id: str,
    seen: int = 0,
    held: Annotated[str, Query(max_length=MARK_LENGTH)] = "",
    last_event_id: Annotated[str, Header()] = "",
) -> Response:
    """Send a server-sent event for each thing that happens to the card, or to the maintenance that it waits for."""
    async with visit.site.services.database.transaction() as session:
        await submissions.require_owner(session, visit.owner, card_id)
    return visit.site.changes.stream(visit.owner, [card_id], last_seen(seen, last_event_id), held)


@router.get("/cards/{card_id}/photos/{photo_id}")
async def photo(visit: SellerVisit, card_id: str, photo_id: str) -> Response:
    """Serve the seller's own photo, small."""
    async with visit.site.services.database.transaction() as session:
        await submissions.require_owner(session, visit.owner, card_id)
        found = await reads.photo(session, card_id, photo_id)
    try:
        return _jpeg(await asyncio.to_thread(visit.site.services.photos.thumbnail, found.digest, 800))
    except PhotoMissing:
        raise NotFound() from None


@router.get("/cards/{card_id}/photos/{photo_id}/{field}")
async def crop(visit: SellerVisit, card_id: str, photo_id: str, field: FieldName) -> Response:
    """Serve the part of the photo where a field was read."""
    async with visit.site.services.database.transaction() as session:
        await submissions.require_owner(session, visit.owner, card_id)
        found = await reads.photo(session, card_id, photo_id)
    mark = found.mark(field)
    if mark is None or mark.box is None:
        raise NotFound()
    try:
        return _jpeg(await asyncio.to_thread(visit.site.services.photos.crop, found.digest, mark.box))
    except PhotoMissing:
        raise NotFound() from None


def _jpeg(content: bytes) -> Response:
    return Response(content, media_type="image/jpeg", headers={"cache-control": "private, no-store"})
