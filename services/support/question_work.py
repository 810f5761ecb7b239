"""The piece of work of a question at the desk that is asked, with its clock; also of questions from before their kind of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.loop_faults import apart
from database.repositories.set_aside import left_out
from database.tables.quality import BlindReviewRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.identifiers import escalation_task
from domain.sealing import KeyRing
from domain.support.escalations import ASKED, EscalationState
from domain.support.tickets import OWNER_OF_DESK, InsideDesk
from domain.work.deadlines import ClockOwner
from domain.work.lease import holder_of
from services.people.acting import standing
from services.people.kinship import people_linked
from services.support import appeals
from services.support.conversation import locked_question
from services.support.desk import SupportDesk
from services.work import items, sla
from services.work.ordering import placed

LOOP = "old_questions"


async def opened(
    session: AsyncSession, keyring: KeyRing, ticket: TicketRow, task: WorkItemRow, row: TicketEscalationRow,
    review: BlindReviewRow | None, now: datetime,
) -> None:  # fmt: skip
    """Open the work item of a question, whose clock began when it was asked.

    That of a `review` says nothing of the ticket, and is hidden from all who know the first decision.
    """
    kind, moment = ASKED[row.desk], row.asked_at
    item = WorkItemRow(
        id=escalation_task(row.id, kind.code), kind=kind.code, language=ticket.language, seller=ticket.requester,
        team=row.desk.value, value_minor=0, reasons=[ticket.category.value], priority=task.priority, opened_at=moment,
        order_at=moment, warn_at=moment, due_at=moment, barred=sorted((await standing(session, row.asked_by, now)).circle),
    )  # fmt: skip
    if review is not None:
        item.reasons, item.barred, item.team = [], list(review.first_circle), await appeals.team_of(session, review)
    if row.card_id is not None:
        item.linked = sorted(await people_linked(session, keyring, row.card_id))
    await items.opened(session, item, OWNER_OF_DESK[row.desk], moment)
    row.task_id = item.id
    if review is not None:
        review.task_id = item.id
    session.add(row)
    await session.flush()


@dataclass(frozen=True)
class OldQuestions:
    """Gives questions to the desk of review from before their kind of work their place in the queue and their clock."""

    desk: SupportDesk

    async def adopt(self, limit: int) -> int:
        """Open the work of up to `limit` questions and return how many. One that fails is set aside. Raises DatabaseUnavailable."""
        without = (
            select(TicketEscalationRow.id)
            .join(BlindReviewRow, BlindReviewRow.escalation_id == TicketEscalationRow.id)
            .where(
                TicketEscalationRow.desk == InsideDesk.REVIEW,
                TicketEscalationRow.state == EscalationState.OPEN,
                TicketEscalationRow.task_id.is_(None),
                BlindReviewRow.settled_at.is_(None),
                ~left_out(LOOP, TicketEscalationRow.id, self.desk.now()),
            )
            .order_by(TicketEscalationRow.id)
            .limit(limit)
        )
        async with self.desk.database.transaction() as session:
            found, done = list((await session.execute(without)).scalars()), 0
        for escalation_id in found:
            async with apart(self.desk.database, LOOP, escalation_id):
                done += await self._adopted(escalation_id)
        return done

    async def _adopted(self, escalation_id: str) -> bool:
        async with self.desk.database.transaction() as session:
            ticket, task, row = await locked_question(session, escalation_id)
            if row.state is not EscalationState.OPEN or row.task_id is not None:
                return False
            of_row = select(BlindReviewRow).where(BlindReviewRow.escalation_id == row.id).with_for_update()
            review = (await session.execute(of_row)).scalar_one()
            await opened(session, self.desk.keyring, ticket, task, row, review, self.desk.now())
            await self._unchanged(session, row, review)
        return True

    async def _unchanged(self, session: AsyncSession, row: TicketEscalationRow, review: BlindReviewRow) -> None:
        """A review that a person has before them, or that waits for a senior, is so in the queue, too."""
        item, now = await session.get_one(WorkItemRow, row.task_id), self.desk.now()
        if review.second_outcome is not None:
            item.escalated, item.barred = True, sorted({*item.barred, *review.second_circle})
            await sla.pass_to(session, item, ClockOwner.SENIOR, now)
            placed(item, now)
        elif review.leased_by is not None and holder_of(review, now) is not None:
            item.leased_by, item.leased_at, item.leased_until = review.leased_by, now, review.leased_until
