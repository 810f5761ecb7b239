"""What the queues of finance show of each piece of work: what it is about, and its two amounts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import work_glances
from database.reads.finance.work_glances import FinanceGlance
from domain.finance.breaks import BREAK_WORK
from domain.finance.settlement_work import SETTLEMENT_WORK
from domain.work.kinds import KindOfWork

_OF_CARDS = ("console.seller.face_value", "console.queue.offer")
_AMOUNTS = {
    BREAK_WORK.code: ("console.payouts.amount", "recon.difference"),
    SETTLEMENT_WORK.code: ("settlement.sum.sum", "settlement.sum.payable"),
}
_GLANCES = {BREAK_WORK.code: work_glances.breaks, SETTLEMENT_WORK.code: work_glances.runs}


@dataclass(frozen=True)
class Money:
    """The keys of what the two amounts of a row are, and what each piece of finance's work is about, by item."""

    words: tuple[str, str]
    of: dict[str, FinanceGlance]


async def money_of(session: AsyncSession, kind: KindOfWork, task_ids: Collection[str]) -> Money:
    """Return what these pieces of work are about; nothing for work that is not of finance."""
    read = _GLANCES.get(kind.code)
    return Money(_AMOUNTS.get(kind.code, _OF_CARDS), {} if read is None else await read(session, task_ids))
