"""Labelled readings as figures need them: counted in groups, and those that were wrong one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.tables.cards import PhotoRow, ReadingRow
from database.tables.quality import ReadingLabelRow
from domain.cards.reading import confidence_bp
from domain.quality.reading_figures import LabelGroup

LABELS_MAX = 50_000  # The newest; more would keep a page waiting.
WRONG_MAX = 2_000

_Placed = tuple[str, str, int]  # Photo, field, and how sure the reader was.


@dataclass(frozen=True)
class WrongLabel:
    """A label whose reading was not what people found, with the photo and the place of the field in it, where both are kept."""

    row: ReadingLabelRow
    stored_sha256: str | None
    box: dict[str, int] | None


async def groups(session: AsyncSession, since: datetime, until: datetime, brand: str = "") -> list[LabelGroup]:
    """Count the labels of a span, of one brand or of all: the newest LABELS_MAX of them."""
    one = ReadingLabelRow
    wanted = select(one).where(one.at > since, one.at <= until, one.confidence_bp.is_not(None))
    if brand:
        wanted = wanted.where(one.brand == brand)
    newest = aliased(one, wanted.order_by(one.at.desc(), one.id.desc()).limit(LABELS_MAX).subquery())
    alike = (newest.brand, newest.field, newest.condition, newest.confidence_bp, newest.accepted)
    counted = select(*alike, func.count()).group_by(*alike).order_by(*alike)
    rows = (await session.execute(counted)).all()
    return [LabelGroup(one[0], one[1], one[2], one[3] or 0, one[4], one[5]) for one in rows]


async def wrong(session: AsyncSession, since: datetime, until: datetime, brand: str = "") -> Sequence[ReadingLabelRow]:
    """Return the labels whose reading was wrong, the surest first: WRONG_MAX at most."""
    one = ReadingLabelRow
    wanted = select(one).where(one.at > since, one.at <= until, one.accepted.is_(False))
    if brand:
        wanted = wanted.where(one.brand == brand)
    surest = wanted.order_by(one.confidence_bp.desc().nulls_last(), one.at.desc(), one.id).limit(WRONG_MAX)
    return (await session.execute(surest)).scalars().all()


async def placed(session: AsyncSession, rows: Sequence[ReadingLabelRow]) -> list[WrongLabel]:
    """Return labels with their photos and places; a photo that was erased since has none."""
    ids = [row.photo_id for row in rows if row.photo_id]
    photos = select(PhotoRow.id, PhotoRow.stored_sha256).where(PhotoRow.id.in_(ids), PhotoRow.erased_at.is_(None))
    found = await session.execute(photos.order_by(PhotoRow.id))
    kept: dict[str, str] = {row.id: row.stored_sha256 for row in found}
    read = select(ReadingRow.photo_id, ReadingRow.fields).where(ReadingRow.photo_id.in_(kept))
    boxes: dict[_Placed, dict[str, int] | None] = {}
    for photo_id, fields in await session.execute(read.order_by(ReadingRow.created_at, ReadingRow.id)):
        boxes |= {(photo_id, str(one["name"]), confidence_bp(one)): _box(one) for one in fields}
    return [WrongLabel(row, kept.get(row.photo_id or ""), boxes.get(_placed_by(row))) for row in rows]


def _placed_by(row: ReadingLabelRow) -> _Placed:
    """Return what a label has in common with its reading: where a photo shows several cards the field is there several times."""
    return row.photo_id or "", row.field, row.confidence_bp or 0


def _box(kept: dict[str, Any]) -> dict[str, int] | None:
    box: dict[str, int] | None = kept.get("box")
    return box
