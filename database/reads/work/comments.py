"""The comments of a card or a work item with their authors and files, as its page shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import PersonRow
from database.tables.work import AttachmentRow, CommentRow, WorkItemRow

COMMENTS_MAX = 100


@dataclass(frozen=True)
class KeptFile:
    """A file kept with a comment; its bytes are elsewhere, sealed."""

    id: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Comment:
    """One comment and who wrote it."""

    id: str
    author: str
    words: str
    at: datetime
    files: tuple[KeptFile, ...]


async def of_card(session: AsyncSession, card_id: str) -> tuple[Comment, ...]:
    """List the card's newest comments, newest first, in two statements."""
    return await _newest(session, CommentRow.card_id == card_id)


async def of_item(session: AsyncSession, task_id: str) -> tuple[Comment, ...]:
    """List the item's newest comments, newest first, in two statements."""
    return await _newest(session, CommentRow.task_id == task_id)


async def of_work(session: AsyncSession, task: WorkItemRow) -> tuple[Comment, ...]:
    """List the newest comments of what the item is about: its card's, or its own where there is no card."""
    return await (of_item(session, task.id) if task.card_id is None else of_card(session, task.card_id))


async def _newest(session: AsyncSession, which: Any) -> tuple[Comment, ...]:
    statement = (
        select(CommentRow, PersonRow.name)
        .join(PersonRow, PersonRow.id == CommentRow.person_id)
        .where(which)
        .order_by(CommentRow.id.desc())
        .limit(COMMENTS_MAX)
    )
    found = (await session.execute(statement)).all()
    files = await _files(session, [row.id for row, _ in found])
    return tuple(Comment(row.id, author, row.words, row.at, tuple(files.get(row.id, ()))) for row, author in found)


async def _files(session: AsyncSession, comment_ids: list[str]) -> dict[str, list[KeptFile]]:
    """The files of these comments, by comment."""
    if not comment_ids:
        return {}
    statement = select(AttachmentRow).where(AttachmentRow.comment_id.in_(comment_ids)).order_by(AttachmentRow.id)
    files: dict[str, list[KeptFile]] = {}
    for row in (await session.execute(statement)).scalars():
        kept = KeptFile(row.id, row.name, row.media_type, row.size_bytes, row.sha256)
        files.setdefault(row.comment_id or "", []).append(kept)
    return files
