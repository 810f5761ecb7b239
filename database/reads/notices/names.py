"""What the facts of notices are called: people by name, reason codes in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.notices import NoticeRow
from database.tables.people import PersonRow
from database.tables.work import ReasonCodeRow
from domain.notices.kinds import NoticeKind
from domain.work.reason_codes import ReasonedAct

PEOPLE = ("by", "person")  # Facts that are a person's id.
# Of which managed list a notice's `reason` is.
ACTS: Mapping[str, ReasonedAct] = {
    NoticeKind.TAKEN_OVER: ReasonedAct.TAKE_OVER,
    NoticeKind.CAME_BACK: ReasonedAct.SNOOZE,
    NoticeKind.RETURNED: ReasonedAct.RETURN,
    NoticeKind.REFUSED: ReasonedAct.REFUSE,
    NoticeKind.HAND_OVER: ReasonedAct.HAND_OVER,
}


@dataclass(frozen=True)
class Names:
    """People's names by id, and each reason's words in Chinese and English by act and code."""

    people: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)


async def names_of(session: AsyncSession, rows: Collection[NoticeRow]) -> Names:
    """Read the names of everything that the facts of these notices mention, in two statements; deleted things are left out."""
    ids = {row.facts[name] for row in rows for name in PEOPLE if name in row.facts}
    codes = {(ACTS[row.kind].value, row.facts["reason"]) for row in rows if row.kind in ACTS and "reason" in row.facts}
    people = await session.execute(select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(ids)))
    listed = select(ReasonCodeRow.act, ReasonCodeRow.code, ReasonCodeRow.zh, ReasonCodeRow.en)
    reasons = await session.execute(listed.where(tuple_(ReasonCodeRow.act, ReasonCodeRow.code).in_(codes)))
    return Names(
        {row[0]: str(row[1]) for row in people}, {(row[0], row[1]): (str(row[2]), str(row[3])) for row in reasons}
    )
