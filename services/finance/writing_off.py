"""Write a debt off by two people: one asks with a reason, another agrees, or either keeps the debt.

What differs between claims on sellers and debts of buyers and partners is what is posted; the steps are these.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.written_off import WriteOffAsked
from domain.people.acting import ActingReviewer
from services.finance.second_person import Proposal, notify_declined, require_apart


def ask(row: WriteOffAsked, who: ActingReviewer, reason: str, now: datetime) -> None:
    """Write down that a person asks for it."""
    row.write_off_by, row.write_off_askers = who.person, sorted(who.circle)
    row.write_off_reason, row.write_off_asked_at = reason, now


async def agree(session: AsyncSession, row: WriteOffAsked, who: ActingReviewer, now: datetime) -> None:
    """Write down that the second person agreed. Refuses OwnWork to who asked and those who act for them."""
    await require_apart(session, who, row.write_off_askers, now)
    row.ended_by, row.ended_at = who.person, now


async def keep(session: AsyncSession, row: WriteOffAsked, person: str, page: str) -> None:
    """Keep the debt, and notify who asked."""
    await notify_declined(session, row.write_off_by, person, Proposal.WRITE_OFF, page)
    row.write_off_by, row.write_off_askers, row.write_off_reason, row.write_off_asked_at = None, [], "", None
