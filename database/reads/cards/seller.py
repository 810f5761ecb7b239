"""What the seller pages need beside the card itself: photos, what was read of them, the one-time code, the last payee."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.submissions import CardView, card_views
from database.tables.cards import CardEventRow, CardRow, DynamicCodeRow, PhotoRow, ReadingRow, SubmissionRow
from domain.cards.reading import Box, FieldName, confidence_bp
from domain.cards.review import AskedItem
from domain.errors.general import NotFound
from domain.finance.rails import Rail

ASKED = "review.asked_"  # The story's key ends in the item that a reviewer asked for.


@dataclass(frozen=True)
class FieldMark:
    """Where a field is in the photo and how sure the reader is, in basis points; its value is on the card."""

    name: FieldName
    confidence_bp: int
    box: Box | None


@dataclass(frozen=True)
class PhotoView:
    """A card's current photo with the marks of its latest reading; `digest` names it in the photo store."""

    id: str
    digest: str
    width: int
    height: int
    marks: tuple[FieldMark, ...]

    def mark(self, name: FieldName) -> FieldMark | None:
        """Return the mark of that field, if it was read."""
        return next((mark for mark in self.marks if mark.name is name), None)


@dataclass(frozen=True)
class CodeView:
    """The latest one-time code the issuer sent: its number from 1, wrong tries so far, and its end."""

    number: int
    tries: int
    expires_at: datetime | None


@dataclass(frozen=True)
class LastPayee:
    """The payout account of the owner's latest submission: sealed, with the mask that may be shown."""

    submission_id: str
    masked: str
    account_sealed: bytes
    name_sealed: bytes
    rail: Rail


async def cards(
    session: AsyncSession, owner: str, *, before: str | None, limit: int
) -> tuple[tuple[CardView, ...], str | None]:
    """Return the owner's cards, newest first, and the cursor of the next page (None at the end)."""
    wanted = select(CardRow, SubmissionRow).join(SubmissionRow).where(SubmissionRow.owner == owner)
    if before is not None:
        wanted = wanted.where(CardRow.id < before)
    rows = list((await session.execute(wanted.order_by(CardRow.id.desc()).limit(limit + 1))).all())
    views = await card_views(session, rows[:limit])
    return views, views[-1].id if len(rows) > limit else None


async def photos(session: AsyncSession, card_id: str) -> tuple[PhotoView, ...]:
    """List the card's current photos in their order, each with the marks of its latest reading."""
    chosen = select(PhotoRow).where(PhotoRow.card_id == card_id, PhotoRow.current).order_by(PhotoRow.position)
    rows = (await session.scalars(chosen)).all()
    read = select(ReadingRow).where(ReadingRow.card_id == card_id).order_by(ReadingRow.created_at, ReadingRow.id)
    latest = {reading.photo_id: reading for reading in await session.scalars(read)}
    return tuple(_photo(row, latest.get(row.id)) for row in rows)


async def shows_several_cards(session: AsyncSession, card_id: str) -> bool:
    """Return whether the last reading of the card's photos, of which it still has several, found more than one card."""
    photos = select(func.count()).where(PhotoRow.card_id == card_id, PhotoRow.current)
    chosen = select(CardEventRow.facts["several_cards"].astext).where(
        CardEventRow.card_id == card_id, CardEventRow.what == "reading.read"
    )
    last = await session.scalar(chosen.order_by(CardEventRow.id.desc()).limit(1))
    return last == "true" and (await session.scalar(photos) or 0) > 1


async def photo(session: AsyncSession, card_id: str, photo_id: str) -> PhotoView:
    """One current photo of the card. Refuses with NotFound."""
    found = next((view for view in await photos(session, card_id) if view.id == photo_id), None)
    if found is None:
        raise NotFound()
    return found


async def code(session: AsyncSession, card_id: str) -> CodeView | None:
    """Return the latest one-time code of the card, or None when none was sent."""
    chosen = select(DynamicCodeRow).where(DynamicCodeRow.card_id == card_id)
    rows = (await session.scalars(chosen.order_by(DynamicCodeRow.number))).all()
    if not rows:
        return None
    return CodeView(rows[-1].number, sum(row.tries for row in rows), rows[-1].expires_at)


async def asked_item(session: AsyncSession, card_id: str) -> AskedItem | None:
    """Return the item a reviewer asked for last, or None when they never did."""
    chosen = select(CardEventRow.what).where(CardEventRow.card_id == card_id, CardEventRow.what.startswith(ASKED))
    what = await session.scalar(chosen.order_by(CardEventRow.id.desc()).limit(1))
    return AskedItem(what.removeprefix(ASKED)) if what else None


async def last_payee(session: AsyncSession, owner: str) -> LastPayee | None:
    """Return the payout account used last, or None for a first sale."""
    chosen = select(SubmissionRow).where(SubmissionRow.owner == owner).order_by(SubmissionRow.id.desc()).limit(1)
    row = await session.scalar(chosen)
    if row is None:
        return None
    return LastPayee(row.id, row.payee_masked, row.payee_account_sealed, row.payee_name_sealed, row.payee_rail)


def _photo(row: PhotoRow, reading: ReadingRow | None) -> PhotoView:
    marks = tuple(_mark(field) for field in reading.fields) if reading else ()
    return PhotoView(row.id, row.stored_sha256, row.width, row.height, marks)


def _mark(stored: dict[str, Any]) -> FieldMark:
    box = stored.get("box")
    return FieldMark(FieldName(stored["name"]), confidence_bp(stored), Box(**box) if box else None)
