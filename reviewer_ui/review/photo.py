"""A card's photograph: sharp for the holder of the task's lease, and an unreadably small preview for others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from database.reads.cards import card_page as reads
from database.reads.quality import blind_reviews
from database.tables.columns import now
from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.work.lease import holder_of
from gateways.pictures.store import PhotoMissing
from reviewer_ui.audit import note
from reviewer_ui.review.card_view import covered, covered_boxes
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Revealer
from services.people.acting import standing
from services.review.reveal_record import uncovered

router = APIRouter()
PREVIEW_SIDE_MAX = 40  # Pixels: sixteen digits across half of it are 1 pixel each, which is unreadable.
JPEG = "image/jpeg"


@router.get("/cards/{card_id}/photos/{photo_id}")
async def sharp(console: At, person: Revealer, card_id: str, photo_id: str) -> Response:
    """Return the whole photo to the holder of the card's task or blind review; every view is in the audit log.

    Number and PIN are black in it where the reading knows their places, until this person revealed them.
    """
    async with console.services.database.transaction() as session:
        row = await reads.photo(session, card_id, photo_id)
        held = _held_by(await reads.open_task(session, card_id), person)
        if not held and not await _looked_at_again(session, card_id, person):
            raise NotFound(photo=photo_id[:26])
        note(session, person, "console:card:see_photo", card_id)
        record = await reads.card(session, card_id)
        hidden = covered_boxes(record, photo_id, covered(record, await uncovered(session, person.id, card_id)))
    return await _picture(lambda digest: console.services.photos.covered(digest, hidden), row.stored_sha256)


@router.get("/cards/{card_id}/photos/{photo_id}/preview")
async def preview(console: At, _: Revealer, card_id: str, photo_id: str) -> Response:
    """Serve a preview: what kind of picture it is, without a readable digit."""
    async with console.services.database.transaction() as session:
        row = await reads.photo(session, card_id, photo_id)
    return await _picture(lambda digest: console.services.photos.thumbnail(digest, PREVIEW_SIDE_MAX), row.stored_sha256)


async def _looked_at_again(session: AsyncSession, card_id: str, person: Person) -> bool:
    """A second review of the card is in this person's hand, or a difference about it is theirs to settle."""
    if await blind_reviews.claimed_by(session, card_id, person.id, now()) is not None:
        return True
    if not person.may(Permission.SETTLE):
        return False
    return await blind_reviews.to_settle(session, card_id, (await standing(session, person.id, now())).circle)


def _held_by(task: WorkItemRow | None, person: Person) -> bool:
    return task is not None and holder_of(task, now()) == person.id


async def _picture(read: Callable[[str], bytes], digest: str) -> Response:
    try:
        return Response(await asyncio.to_thread(read, digest), media_type=JPEG)
    except PhotoMissing:
        raise NotFound(photo=digest[:12]) from None
