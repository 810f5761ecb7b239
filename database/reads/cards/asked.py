"""What a reviewer has asked a seller for and why, in the words of the managed list."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.review import ReviewDecisionRow
from database.tables.work import ReasonCodeRow
from domain.cards.review import AskedItem, ReviewOutcome
from domain.work.reason_codes import ReasonedAct


@dataclass(frozen=True)
class Asked:
    """One item that is to be sent again; `words` of its reason by locale, empty where none was kept."""

    item: AskedItem
    reason: str
    words: dict[str, str]


async def asked_for(session: AsyncSession, cards: Collection[str]) -> dict[str, Asked]:
    """Return what was asked for last, of each of these cards that something was asked for: one statement, none for no cards."""
    if not cards:
        return {}
    statement = (
        select(ReviewDecisionRow.card_id, ReviewDecisionRow.asked_item, ReviewDecisionRow.reason_code, ReasonCodeRow.zh, ReasonCodeRow.en)
        .outerjoin(
            ReasonCodeRow, and_(ReasonCodeRow.act == ReasonedAct.ASK_AGAIN.value, ReasonCodeRow.code == ReviewDecisionRow.reason_code)
        )
        .where(ReviewDecisionRow.card_id.in_(cards), ReviewDecisionRow.outcome == ReviewOutcome.ASK_AGAIN, ReviewDecisionRow.applied_at.is_not(None))
        .order_by(ReviewDecisionRow.applied_at)
    )  # fmt: skip
    return {row.card_id: _asked(row) for row in await session.execute(statement)}


def _asked(row: Any) -> Asked:
    words = {} if row.zh is None else {"zh_CN": row.zh, "en": row.en}
    return Asked(row.asked_item, row.reason_code, words)
