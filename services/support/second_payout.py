"""Agents ask for a second payment to another payee, which the seller enters and finance agrees to; agents never see it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.repositories.loop_faults import apart
from database.repositories.notices import tell
from database.repositories.set_aside import left_out
from database.tables.cards import CardRow
from database.tables.finance.payout import PayeeCorrectionRow
from database.tables.support.payee_requests import PayeeRequestRow
from database.tables.support.tickets import TicketLinkRow, TicketRow
from database.tables.work import WorkItemRow
from domain.cards.card import WaitingFor
from domain.errors.cards import NotExpectedNow
from domain.errors.finance import CorrectionWaits
from domain.errors.general import NotFound
from domain.errors.work import OwnWork
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission
from domain.support.second_payout import UNDER_WAY, PayeeRequestState
from domain.support.tickets import UNDER_WAY as TICKET_UNDER_WAY
from domain.support.tickets import InsideDesk, LinkedKind
from domain.work.reason_codes import ReasonedAct
from domain.work.task import CameBack
from services.people.acting import standing
from services.people.kinship import people_linked
from services.people.permissions import require
from services.support import clocks
from services.support.conversation import locked, reopen
from services.support.desk import SupportDesk
from services.support.history import happened
from services.work.leases import require_held
from services.work.ordering import sent_back
from services.work.reason_codes import require_reason

LOOP = "payee_requests"


@dataclass(frozen=True)
class SecondPayouts:
    """Requests for another payee of money that is owed. `person` is a person's id."""

    desk: SupportDesk

    async def ask(self, person: str, ticket_id: str, card_id: str, reason_code: str) -> str:
        """Ask for a second payment of a card of the ticket; return the request's id.

        For the holder of the ticket. Refuse NotAllowed, NotFound, what `require_held` refuses, ReasonUnknown,
        NotExpectedNow unless the card waits for a payee, OwnWork to people linked to the seller, and CorrectionWaits.
        """
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            ticket, task = await locked(session, ticket_id)
            now = self.desk.now()
            require_held(task, person, now)
            await require_reason(session, ReasonedAct.CORRECT_PAYEE, reason_code)
            link = await session.get(TicketLinkRow, (ticket.id, card_id[:26]))
            if link is None or link.kind is not LinkedKind.CARD:
                raise NotFound(card=card_id[:26])
            card = await cards.load_for_update(session, card_id)
            if card.waiting_for is not WaitingFor.SELLER_PAYEE:
                raise NotExpectedNow(stage=card.stage.value, waiting_for=card.waiting_for.value)
            who = await standing(session, person, now)
            if ticket.requester in who.relatives or await people_linked(
                session, self.desk.keyring, card_id, who.circle
            ):
                raise OwnWork()
            row = PayeeRequestRow(
                id=new_id(), ticket_id=ticket.id, card_id=card_id, submission_id=card.submission_id,
                reason_code=reason_code, asked_by=person, askers=sorted(who.circle), asked_at=now,
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise CorrectionWaits() from None
            happened(session, ticket, f"person:{person}", "payee_asked", now, request=row.id, card=card_id)
            await clocks.follow(session, ticket, task, now, "resumed")
        return row.id

    async def carry(self, limit: int) -> int:
        """Carry what became of up to `limit` requests into their tickets; return how many. Raises DatabaseUnavailable."""
        now, done = self.desk.now(), 0
        over = or_(
            PayeeCorrectionRow.applied_at.is_not(None),
            PayeeCorrectionRow.refused_at.is_not(None),
            CardRow.waiting_for != WaitingFor.SELLER_PAYEE,
        )
        ready = (
            select(PayeeRequestRow.id)
            .join(CardRow, CardRow.id == PayeeRequestRow.card_id)
            .outerjoin(PayeeCorrectionRow, PayeeCorrectionRow.id == PayeeRequestRow.correction_id)
            .where(PayeeRequestRow.state.in_(UNDER_WAY), over, ~left_out(LOOP, PayeeRequestRow.id, now))
            .order_by(PayeeRequestRow.id)
            .limit(limit)
        )
        async with self.desk.database.reading() as session:
            found = list((await session.execute(ready)).scalars())
        for request_id in found:
            async with apart(self.desk.database, LOOP, request_id):
                done += await self._carried(request_id)
        return done

    async def _carried(self, request_id: str) -> bool:
        async with self.desk.database.transaction() as session:
            known = await session.get_one(PayeeRequestRow, request_id)
            ticket, task = await locked(session, known.ticket_id)
            row = await session.get_one(PayeeRequestRow, request_id, with_for_update=True, populate_existing=True)
            if row.state not in UNDER_WAY:
                return False
            row.state, row.ended_at = await _outcome(session, row), self.desk.now()
            happened(session, ticket, "machine", f"payee_{row.state.value}", self.desk.now(), request=row.id)
            if ticket.state in TICKET_UNDER_WAY:
                await self._back(session, ticket, task, row)
        return True

    async def _back(self, session: AsyncSession, ticket: TicketRow, task: WorkItemRow, row: PayeeRequestRow) -> None:
        now = self.desk.now()
        reopen(ticket, task)
        sent_back(task, CameBack.ANSWERED_INSIDE, "", now)
        await clocks.follow(session, ticket, task, now, "resumed")
        key = f"{NoticeKind.ANSWERED_INSIDE}:{row.id}"
        people = {task.assigned_to or row.asked_by, row.asked_by}
        await tell(session, people, NoticeKind.ANSWERED_INSIDE, key, task_id=task.id, desk=InsideDesk.FINANCE.value)


async def _outcome(session: AsyncSession, row: PayeeRequestRow) -> PayeeRequestState:
    correction = await session.get(PayeeCorrectionRow, row.correction_id) if row.correction_id else None
    if correction is not None and correction.applied_at is not None:
        return PayeeRequestState.AGREED
    if correction is not None and correction.refused_at is not None:
        return PayeeRequestState.REFUSED
    return PayeeRequestState.WITHDRAWN
