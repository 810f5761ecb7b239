"""What has changed since the last look, for all open pages of one process at once, each in one statement."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from sqlalchemy import and_, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardEventRow, CardRow
from database.tables.columns import now
from database.tables.notices import NoticeRow
from database.tables.people import ConsoleSessionRow, PersonRow
from database.tables.work import CommentRow, WorkItemRow

_NOTICE: Any = NoticeRow
_SESSION: Any = ConsoleSessionRow
_PERSON: Any = PersonRow
_CARD: Any = CardRow
_EVENT: Any = CardEventRow
_TASK: Any = WorkItemRow
_COMMENT: Any = CommentRow


async def queue_mark(session: AsyncSession) -> int:
    """A number that rises with every change of the queue, perhaps a moment before the change can be seen."""
    return int(await session.scalar(text("SELECT last_value FROM work_item_change")) or 0)


async def unread(session: AsyncSession, people: Collection[str]) -> dict[str, int]:
    """How many notices each of these people has not read; nobody is left out."""
    statement = (
        select(_NOTICE.person_id, func.count())
        .where(_NOTICE.person_id.in_(people), _NOTICE.read_at.is_(None))
        .group_by(_NOTICE.person_id)
    )
    counted = {row[0]: int(row[1]) for row in await session.execute(statement)}
    return dict.fromkeys(people, 0) | counted


async def signed_in(session: AsyncSession, sessions: Collection[str], idle: timedelta) -> frozenset[str]:
    """Those of these sessions that still open anything: neither ended nor over nor unused for `idle`."""
    at = now()
    good = and_(_SESSION.ended_at.is_(None), _SESSION.expires_at > at, _SESSION.seen_at > at - idle, _PERSON.active)
    statement = (
        select(_SESSION.id).join(PersonRow, _PERSON.id == _SESSION.person_id).where(_SESSION.id.in_(sessions), good)
    )
    return frozenset((await session.execute(statement)).scalars())


async def card_marks(session: AsyncSession, cards: Collection[str]) -> dict[str, str]:
    """For each card a digest that changes with its story, its comments, and the state of its work items: also when a lease runs out."""
    story = select(func.count(_EVENT.id)).where(_EVENT.card_id == _CARD.id).scalar_subquery()
    said = select(func.count()).where(_COMMENT.card_id == _CARD.id).scalar_subquery()
    state = tuple_(
        _TASK.id, _TASK.phase, _TASK.leased_by, _TASK.leased_until > now(), _TASK.decided, _TASK.escalated,
        _TASK.assigned_to, _TASK.snoozed_until, _TASK.due_at, _TASK.closed_at,
    )  # fmt: skip
    task = (
        select(func.string_agg(func.concat(state), aggregate_order_by(literal(" "), _TASK.opened_at, _TASK.id)))
        .where(_TASK.card_id == _CARD.id)
        .scalar_subquery()
    )
    statement = select(_CARD.id, func.md5(func.concat(story, " ", said, " ", task))).where(_CARD.id.in_(cards))
    return {row[0]: str(row[1]) for row in await session.execute(statement)}
