"""The next card: named on the bar, with its photo prefetched so that it opens at once. It is not claimed by that."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import card_page as reads
from database.tables.columns import now
from domain.cards.card import CardType
from domain.money import Money
from domain.rules.brands import brand
from domain.work.kinds import REVIEW
from gateways.pictures.store import PhotoMissing
from reviewer_ui.queue_place import filter_last_seen
from reviewer_ui.visit import At, Console, Decider, Shell, shell
from services.work.next_preview import next_card

router = APIRouter()


@dataclass(frozen=True)
class AheadContext:
    """What comes next; `card_type` is None when nothing does."""

    shell: Shell
    card_type: CardType | None = None
    brand_names: dict[str, str] | None = None
    value: Money | None = None


@router.get("/review/next-preview")
async def next_preview(
    request: Request, console: At, person: Decider, but: Annotated[str, Query(max_length=80)] = ""
) -> Response:
    """Show what "next" would open after the task `but`, as one line for the card's bar; nothing is leased and nothing revealed."""
    wanted = filter_last_seen(request, REVIEW)
    card_id = await next_card(console.services.database, person.id, now(), wanted, but)
    around = shell(request, person)
    context = AheadContext(around) if card_id is None else await _named(console, around, card_id)
    return await console.answer(request, "work/next_preview.html", context, block="line")


async def _named(console: Console, around: Shell, card_id: str) -> AheadContext:
    """The rows and the photo are read as the card's page will read them: the second time they are cached."""
    async with console.services.database.transaction() as session:
        record = await reads.card(session, card_id)
    if record.photos:
        await _bring_near(console, record.photos[0].stored_sha256)
    card, value = record.card, None if record.task is None else Money(record.task.value_minor)
    return AheadContext(around, card.card_type, dict(brand(card.brand).names), value)


async def _bring_near(console: Console, digest: str) -> None:
    try:
        await asyncio.to_thread(console.services.photos.read, digest)
    except PhotoMissing:
        return  # The card's own page will say so.
