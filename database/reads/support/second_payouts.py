"""Second payments that support asked for, and the cards of a ticket that one can be asked for."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.tickets import TicketRecord
from database.tables.cards import CardRow
from database.tables.finance.payout import PayeeCorrectionRow
from database.tables.support.payee_requests import PayeeRequestRow
from domain.cards.card import WaitingFor
from domain.support.second_payout import UNDER_WAY, PayeeRequestState
from domain.support.tickets import LinkedKind


@dataclass(frozen=True)
class SecondPayee:
    """A second payment that support asked for: whether the seller named another payee (masked), and finance looks at it."""

    supplied: str  # Empty until they have.


async def of_submission(session: AsyncSession, card_id: str) -> SecondPayee | None:
    """Return the open request of the card's submission; None where the seller's word counts at once."""
    wanted = (
        select(PayeeRequestRow.state, PayeeCorrectionRow.masked)
        .join(CardRow, CardRow.submission_id == PayeeRequestRow.submission_id)
        .outerjoin(PayeeCorrectionRow, PayeeCorrectionRow.id == PayeeRequestRow.correction_id)
        .where(CardRow.id == card_id, PayeeRequestRow.state.in_(UNDER_WAY))
    )
    found = (await session.execute(wanted)).first()
    if found is None:
        return None
    return SecondPayee((found.masked or "") if found.state is PayeeRequestState.SUPPLIED else "")


async def second_payouts(
    session: AsyncSession, found: TicketRecord
) -> tuple[tuple[PayeeRequestRow, ...], tuple[str, ...]]:
    """Return the ticket's requests, oldest first, and the linked cards (ids) that wait for a payee without one."""
    chosen = select(PayeeRequestRow).where(PayeeRequestRow.ticket_id == found.ticket.id).order_by(PayeeRequestRow.id)
    requests = tuple((await session.execute(chosen)).scalars())
    linked = [one.subject for one in found.links if one.kind is LinkedKind.CARD]
    asked = {one.card_id for one in requests if one.state in UNDER_WAY}
    owed = select(CardRow.id).where(CardRow.id.in_(linked), CardRow.waiting_for == WaitingFor.SELLER_PAYEE)
    return requests, tuple(one for one in (await session.execute(owed)).scalars() if one not in asked)
