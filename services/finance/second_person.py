"""The second person of an act about money: independent of the first, and of the payee."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.notices import tell
from domain.errors.work import OwnWork
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.acting import ActingReviewer
from domain.review.four_eyes import apart
from domain.sealing import KeyRing
from services.people.acting import handled_by, standing
from services.people.kinship import people_linked


class Proposal(StrEnum):
    """What one person proposes and another agrees to or declines."""

    BREAK = "break"
    DAY = "day"
    MONTH = "month"
    BATCH = "batch"
    CLAIM = "claim"
    WRITE_OFF = "write_off"
    CLAIM_RECEIPT = "claim_receipt"
    SALE_RETURN = "sale_return"
    COUNTERPARTY_PAYEE = "counterparty_payee"
    PAYEE = "payee"
    OTHER_PAYEE = "other_payee"
    PART_RETURN = "part_return"
    OUTCOME = "outcome"
    EXCHANGE = "exchange"
    RECEIPT_BACK = "receipt_back"
    EXCHANGE_BACK = "exchange_back"
    PROVIDER_REPAYMENT = "provider_repayment"
    DEPOSIT_REFUND = "deposit_refund"
    REFUND_BACK = "refund_back"
    REVERSAL = "reversal"
    SUSPENSE = "suspense"


async def notify_declined(session: AsyncSession, asker: str | None, person: str, proposal: Proposal, page: str) -> None:
    """Notify the proposer that `person` declined the proposal, with its page; withdrawing one's own notifies no one."""
    if asker is not None and asker != person:
        key = f"{NoticeKind.DECLINED}:{new_id()}"
        await tell(session, [asker], NoticeKind.DECLINED, key, by=person, proposal=proposal.value, page=page)


async def stranger(
    session: AsyncSession, keyring: KeyRing, person: str, owner: str, card_id: str | None, now: datetime
) -> ActingReviewer:
    """Return the standing of a person who has nothing to do with the seller. Refuses OwnWork to a relative or a person linked to them."""
    who = await standing(session, person, now)
    if owner in who.relatives or (card_id and await people_linked(session, keyring, card_id, who.circle)):
        raise OwnWork()
    return who


async def require_apart(session: AsyncSession, who: ActingReviewer, makers: Iterable[str], now: datetime) -> None:
    """Refuse OwnWork to a person who is among the makers (ids, with everyone they act for), or whose account one of them handled."""
    first = frozenset(makers)
    if not apart(first, who.circle, await handled_by(session, first | who.circle, now)):
        raise OwnWork()
