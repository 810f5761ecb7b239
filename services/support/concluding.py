"""Second reviews that support asked for are settled: their results flow back into the tickets."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from database.repositories.loop_faults import apart
from database.repositories.set_aside import left_out
from database.tables.quality import BlindReviewRow
from database.tables.support.escalations import TicketEscalationRow
from domain.support.escalations import EscalationState
from domain.support.tickets import InsideDesk
from services.support.appeals import result_of
from services.support.conversation import locked_question
from services.support.desk import SupportDesk
from services.support.escalating import flow_back

LOOP = "appeals"


@dataclass(frozen=True)
class SettledReviews:
    """Carries the results of second reviews into their tickets, once each, whatever restarts."""

    desk: SupportDesk

    async def carry(self, limit: int) -> int:
        """Carry up to `limit` results and return how many. One that fails is set aside. Raises DatabaseUnavailable."""
        now, done = self.desk.now(), 0
        settled = (
            select(TicketEscalationRow.id)
            .join(BlindReviewRow, BlindReviewRow.escalation_id == TicketEscalationRow.id)
            .where(
                TicketEscalationRow.desk == InsideDesk.REVIEW,
                TicketEscalationRow.state == EscalationState.OPEN,
                BlindReviewRow.final_outcome.is_not(None),
                ~left_out(LOOP, TicketEscalationRow.id, now),
            )
            .order_by(TicketEscalationRow.id)
            .limit(limit)
        )
        async with self.desk.database.reading() as session:
            found = list((await session.execute(settled)).scalars())
        for escalation_id in found:
            async with apart(self.desk.database, LOOP, escalation_id):
                done += await self._carried(escalation_id)
        return done

    async def _carried(self, escalation_id: str) -> bool:
        async with self.desk.database.transaction() as session:
            ticket, task, row = await locked_question(session, escalation_id)
            if row.state is not EscalationState.OPEN:
                return False
            found = await session.execute(select(BlindReviewRow).where(BlindReviewRow.escalation_id == row.id))
            review = found.scalar_one()
            row.answer_code = (await result_of(session, row, review)).value
            row.answer = "\n".join(note for note in (review.second_note, review.senior_note) if note)
            row.answered_by = review.senior_person or review.second_person
            await flow_back(session, ticket, task, row, self.desk.now())
        return True
