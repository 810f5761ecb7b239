"""Who is notified of a repair: the people who may agree to it, and its requester."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.notices import tell
from database.tables.ops.repairs import RepairRow
from domain.notices.kinds import NoticeKind
from domain.ops.repair_kinds import KINDS
from domain.people.roles import Permission, permissions_of
from services.notices.recipients import with_roles


class RepairNews(StrEnum):
    """What happened; its words are `notice.repair.<value>`."""

    ASKED = "asked"
    AGREED = "agreed"
    REFUSED = "refused"
    SUSPENDED = "suspended"  # Automatically.
    ENDED = "ended"


async def second_people(session: AsyncSession, row: RepairRow) -> frozenset[str]:
    """Return the people (ids) who may agree to this repair, as far as their roles say."""
    needed = {Permission.CONFIRM_REPAIR, KINDS[row.kind].agreeing or Permission.CONFIRM_REPAIR}
    able = await with_roles(session, None, lambda roles: needed <= permissions_of(roles))
    return frozenset(able) - frozenset(row.makers)


async def tell_repair(
    session: AsyncSession, people: Iterable[str], row: RepairRow, news: RepairNews, *, by: str = "", runs: int = 0,
    at: datetime | None = None,
) -> None:  # fmt: skip
    """Notify these people (ids) once of each event; one that may come again is known by its moment `at`."""
    facts = {"repair": row.id, "repair_kind": row.kind.value, "news_of_repair": news.value}
    if news is RepairNews.ENDED:
        facts["repair_state"] = row.state.value
    if by:
        facts["by"] = by
    if runs:
        facts["runs"] = f"{runs:,}"
    key = f"{NoticeKind.REPAIR}:{row.id}:{news}:{at.isoformat() if at else ''}"
    await tell(session, people, NoticeKind.REPAIR, key, **facts)
