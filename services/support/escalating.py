"""Agents ask other desks for a ticket; the answer, or the end of the question, flows back into the ticket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.notices import tell
from database.tables.quality import BlindReviewRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.support.tickets import TicketFileRow, TicketLinkRow, TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import EscalationOver, EscalationWaits, TicketEnded
from domain.errors.work import SecretInWords
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission
from domain.support.escalations import (
    ANSWER_MAX,
    ANSWERS,
    EVIDENCE_FILES_MAX,
    QUESTION_MAX,
    EscalationState,
)
from domain.support.tickets import UNDER_WAY, InsideDesk, LinkedKind, TicketState
from domain.work.kinds import kind_of
from domain.work.reason_codes import ReasonedAct
from domain.work.task import CameBack
from services.people.permissions import require
from services.support import appeals, asked, clocks, question_work
from services.support.conversation import locked, locked_question, reopen
from services.support.desk import SupportDesk
from services.support.history import happened
from services.support.words import masked
from services.work.assignment import require_able
from services.work.leases import require_held
from services.work.ordering import sent_back
from services.work.reason_codes import require_reason


@dataclass(frozen=True)
class Escalations:
    """Questions of agents to other desks. `person` is a person's id; their rights are checked here."""

    desk: SupportDesk

    async def ask(
        self, person: str, ticket_id: str, desk: InsideDesk, question: str, reason_code: str,
        card_id: str | None = None, files: Sequence[str] = (),
    ) -> str:  # fmt: skip
        """Put a question about the ticket, or one of its cards, to a desk; return its id. The ticket waits inside.

        For the holder of the ticket. To the desk of review `question` and `files` (ids of ticket files) are the new
        evidence. Refuse NotAllowed, NotFound, TicketEnded, what `require_held` refuses, ReasonUnknown, FieldInvalid
        (`question`, `card`, `files`), SecretInWords, EscalationWaits, and NotReviewable for a card that cannot be reviewed
        again.
        """
        words = _required(question, "question", QUESTION_MAX, or_files=desk is InsideDesk.REVIEW and bool(files))
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            ticket, task = await locked(session, ticket_id)
            if ticket.state not in UNDER_WAY:
                raise TicketEnded(into=ticket.merged_into or "")
            now = self.desk.now()
            require_held(task, person, now)
            await require_able(session, person, task, now)
            await require_reason(session, ReasonedAct.ASK_DESK, reason_code)
            await self._require_no_secret(session, ticket, words)
            await _require_linked(session, ticket, card_id)
            await _require_files(session, ticket, files)
            row = TicketEscalationRow(
                id=new_id(), ticket_id=ticket.id, desk=desk, card_id=card_id, reason_code=reason_code, question=words,
                files=list(files), asked_by=person, asked_at=now,
            )  # fmt: skip
            review = await appeals.opened(session, row, now) if desk is InsideDesk.REVIEW else None
            await self._put_to(session, ticket, task, row, review, now)
            ticket.state, ticket.inside_desk, ticket.waits_since = TicketState.WAITING_INSIDE, desk, None
            task.assigned_to, task.assigned_at = task.assigned_to or person, task.assigned_at or now
            facts = {"desk": desk.value, "escalation": row.id, "reason": reason_code}
            happened(session, ticket, f"person:{person}", "desk_asked", now, **facts)
            await clocks.follow(session, ticket, task, now, "escalated")
        return row.id

    async def answer(self, person: str, escalation_id: str, answer_code: str, words: str = "") -> None:
        """Answer a question that the person holds for their desk; with the last answer the ticket is open again.

        Refuse NotAllowed, NotFound, EscalationOver, ReasonUnknown, what `require_held` refuses, OwnWork to who asked,
        FieldInvalid (`answer`) and SecretInWords.
        """
        said = _required(words, "answer", ANSWER_MAX, or_files=True)
        async with self.desk.database.transaction() as session:
            ticket, task, row = await self._open(session, escalation_id)
            if row.desk is InsideDesk.REVIEW or row.task_id is None:  # A review is decided on its own page.
                raise NotFound(escalation=escalation_id[:26])
            item = await session.get_one(WorkItemRow, row.task_id, with_for_update=True, populate_existing=True)
            await require(session, person, kind_of(item.kind).take)
            now = self.desk.now()
            require_held(item, person, now)
            await require_able(session, person, item, now)
            await require_reason(session, ANSWERS[row.desk], answer_code)
            await self._require_no_secret(session, ticket, said)
            row.answer_code, row.answer, row.answered_by = answer_code, said, person
            await flow_back(session, ticket, task, row, now)

    async def withdraw(self, person: str, escalation_id: str) -> None:
        """Take a question back; a second review ends without a result. Refuse NotAllowed, NotFound and EscalationOver."""
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            ticket, task, row = await self._open(session, escalation_id)
            now = self.desk.now()
            await asked.withdraw(session, ticket, row, f"person:{person}", now)
            await _unless_waiting(session, ticket, task)
            await clocks.follow(session, ticket, task, now, "resumed")

    async def _put_to(
        self, session: AsyncSession, ticket: TicketRow, task: WorkItemRow, row: TicketEscalationRow,
        review: BlindReviewRow | None, now: datetime,
    ) -> None:  # fmt: skip
        """Open the piece of work at the desk. Refuse EscalationWaits where the same was asked and is not answered."""
        for other in await asked.open_questions(session, ticket.id):
            if other.id != row.id and (other.desk, other.card_id) == (row.desk, row.card_id):
                raise EscalationWaits()
        await question_work.opened(session, self.desk.keyring, ticket, task, row, review, now)

    async def _open(
        self, session: AsyncSession, escalation_id: str
    ) -> tuple[TicketRow, WorkItemRow, TicketEscalationRow]:
        """The ticket, its work item and the open question, locked in this order."""
        ticket, task, row = await locked_question(session, escalation_id)
        if row.state is not EscalationState.OPEN:
            raise EscalationOver(state=row.state.value)
        return ticket, task, row

    async def _require_no_secret(self, session: AsyncSession, ticket: TicketRow, words: str) -> None:
        if (await masked(session, self.desk.keyring, ticket.id, words)).found:
            raise SecretInWords()


async def flow_back(
    session: AsyncSession, ticket: TicketRow, task: WorkItemRow, row: TicketEscalationRow, now: datetime
) -> None:
    """Close the question whose answer is in `row`, notify the ticket's agent, and open the ticket again after the last one."""
    row.state, row.closed_at = EscalationState.ANSWERED, now
    await asked.close_item(session, row, now)
    facts = {"desk": row.desk.value, "escalation": row.id, "answer": row.answer_code}
    actor = f"person:{row.answered_by}" if row.answered_by else "machine"
    happened(session, ticket, actor, "escalation_answered", now, **facts)
    if not await _unless_waiting(session, ticket, task):
        task.snoozed_until = None
        sent_back(task, CameBack.ANSWERED_INSIDE, f"{ANSWERS[row.desk].value}:{row.answer_code}", now)
    await clocks.follow(session, ticket, task, now, "resumed")
    people = {task.assigned_to or row.asked_by, row.asked_by}
    key = f"{NoticeKind.ANSWERED_INSIDE}:{row.id}"
    await tell(session, people, NoticeKind.ANSWERED_INSIDE, key, task_id=task.id, desk=row.desk.value)


async def _unless_waiting(session: AsyncSession, ticket: TicketRow, task: WorkItemRow) -> bool:
    """Whether a desk is still asked; the ticket then waits for the one that was asked last, else it is open again."""
    waiting = await asked.open_questions(session, ticket.id)
    ticket.inside_desk = waiting[-1].desk if waiting else None
    reopen(ticket, task)
    return bool(waiting)


async def _require_linked(session: AsyncSession, ticket: TicketRow, card_id: str | None) -> None:
    if card_id is None:
        return
    link = await session.get(TicketLinkRow, (ticket.id, card_id[:26]))
    if link is None or link.kind is not LinkedKind.CARD:
        raise NotFound(card=card_id[:26])


async def _require_files(session: AsyncSession, ticket: TicketRow, files: Sequence[str]) -> None:
    if len(files) > EVIDENCE_FILES_MAX:
        raise FieldInvalid(field="files", why="too_many")
    own = select(TicketFileRow.id).where(TicketFileRow.ticket_id == ticket.id, TicketFileRow.id.in_(list(files)))
    if set((await session.execute(own)).scalars()) != set(files):
        raise FieldInvalid(field="files", why="not_expected")


def _required(words: str, field: str, most: int, *, or_files: bool) -> str:
    """The words without surrounding space. Refuse FieldInvalid where they are missing or too long."""
    said = words.strip()
    if not said and not or_files:
        raise FieldInvalid(field=field, why="missing")
    if len(said) > most:
        raise FieldInvalid(field=field, why="too_long")
    return said
