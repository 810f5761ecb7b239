"""What support asked of other desks, as the ticket and the desk show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.people import accounts
from database.reads.support.tickets import TicketRecord
from database.reads.support.tickets import record as ticket_record
from database.tables.quality import BlindReviewRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.support.tickets import TicketFileRow
from database.tables.work import ReasonCodeRow, WorkItemRow
from domain.cards.review import RejectReason, ReviewOutcome
from domain.errors.general import NotFound
from domain.support.escalations import ANSWERS, EscalationState
from domain.support.tickets import InsideDesk
from domain.work.lease import holder_of
from domain.work.reason_codes import ReasonedAct

Worded = Mapping[str, str]  # By locale.


@dataclass(frozen=True)
class EscalationView:
    """One question with its answer. `holder` is who has it since `held_since`; a blind reviewer is not named."""

    id: str
    desk: InsideDesk
    state: EscalationState
    card_id: str | None
    reason: Worded
    question: str
    files: tuple[TicketFileRow, ...]
    asked_by: str
    asked_at: datetime
    holder: str
    held_since: datetime | None
    due_at: datetime | None
    late: bool
    answer: Worded
    words: str
    answered_by: str
    closed_at: datetime | None
    outcome: ReviewOutcome | None  # Of a second review.
    reject_reason: RejectReason | None

    @property
    def open(self) -> bool:
        """Return whether the desk still has it."""
        return self.state is EscalationState.OPEN


@dataclass(frozen=True)
class EscalationRecord:
    """A question with its piece of work and the whole ticket."""

    escalation: EscalationView
    task: WorkItemRow
    ticket: TicketRecord


async def of_ticket(session: AsyncSession, ticket_id: str, now: datetime) -> tuple[EscalationView, ...]:
    """Return the ticket's questions, oldest first."""
    chosen = select(TicketEscalationRow).where(TicketEscalationRow.ticket_id == ticket_id)
    rows = (await session.execute(chosen.order_by(TicketEscalationRow.id))).scalars().all()
    return await _viewed(session, rows, now)


async def record(session: AsyncSession, escalation_id: str, now: datetime) -> EscalationRecord:
    """Return the question of a desk other than review. Refuse NotFound."""
    row = await session.get(TicketEscalationRow, escalation_id[:26])
    if row is None or row.task_id is None or row.desk is InsideDesk.REVIEW:
        raise NotFound(escalation=escalation_id[:26])
    (view,) = await _viewed(session, [row], now)
    task = await session.get_one(WorkItemRow, row.task_id)
    return EscalationRecord(view, task, await ticket_record(session, row.ticket_id))


async def evidence_of(session: AsyncSession, escalation_id: str) -> tuple[str, tuple[TicketFileRow, ...]]:
    """Return the words and files that a second reviewer is given, and nothing else of the ticket."""
    row = await session.get_one(TicketEscalationRow, escalation_id)
    return row.question, (await _files(session, [row]))[row.id]


async def evidence_file(session: AsyncSession, review_id: str, file_id: str) -> TicketFileRow:
    """Return one file of the evidence of a second review. Refuse NotFound."""
    found = (
        select(TicketEscalationRow)
        .join(BlindReviewRow, BlindReviewRow.escalation_id == TicketEscalationRow.id)
        .where(BlindReviewRow.id == review_id[:64])
    )
    row = (await session.execute(found)).scalar_one_or_none()
    if row is None or file_id not in row.files:
        raise NotFound(file=file_id[:26])
    return await session.get_one(TicketFileRow, file_id)


async def _viewed(
    session: AsyncSession, rows: Sequence[TicketEscalationRow], now: datetime
) -> tuple[EscalationView, ...]:
    items = await _items(session, rows)
    reviews = await _reviews(session, rows)
    files, reasons = await _files(session, rows), await _reasons(session)
    holders = {row.id: _held(items.get(row.task_id or ""), now) for row in rows}
    names = await accounts.names_of(
        session, {one for row in rows for one in (row.asked_by, row.answered_by, holders[row.id][0])}
    )
    return tuple(
        _view(
            row, items.get(row.task_id or ""), reviews.get(row.id), files[row.id], reasons, names, holders[row.id], now
        )
        for row in rows
    )


def _view(
    row: TicketEscalationRow, item: WorkItemRow | None, review: BlindReviewRow | None, files: tuple[TicketFileRow, ...],
    reasons: Mapping[tuple[str, str], Worded], names: Mapping[str, str], held: tuple[str | None, datetime | None],
    now: datetime,
) -> EscalationView:  # fmt: skip
    is_open, settled = row.state is EscalationState.OPEN, row.state is EscalationState.ANSWERED
    return EscalationView(
        id=row.id, desk=row.desk, state=row.state, card_id=row.card_id,
        reason=reasons.get((ReasonedAct.ASK_DESK.value, row.reason_code), {}), question=row.question, files=files,
        asked_by=names.get(row.asked_by, ""), asked_at=row.asked_at,
        holder="" if row.desk is InsideDesk.REVIEW else names.get(held[0] or "", ""), held_since=held[1],
        due_at=item.due_at if item is not None and is_open else None,
        late=item is not None and is_open and item.due_at < now,
        answer=reasons.get((ANSWERS[row.desk].value, row.answer_code), {}), words=row.answer,
        answered_by=names.get(row.answered_by or "", ""), closed_at=row.closed_at,
        outcome=review.final_outcome if review is not None and settled else None,
        reject_reason=review.second_reason if review is not None and settled else None,
    )  # fmt: skip


def _held(item: WorkItemRow | None, now: datetime) -> tuple[str | None, datetime | None]:
    """Who holds the piece of work, or was assigned it, and since when."""
    if item is None or item.closed_at is not None:
        return None, None
    holder = holder_of(item, now)
    return (holder, item.leased_at) if holder is not None else (item.assigned_to, item.assigned_at)


async def _items(session: AsyncSession, rows: Sequence[TicketEscalationRow]) -> dict[str, WorkItemRow]:
    wanted = select(WorkItemRow).where(WorkItemRow.id.in_([row.task_id for row in rows if row.task_id]))
    return {one.id: one for one in (await session.execute(wanted)).scalars()}


async def _reviews(session: AsyncSession, rows: Sequence[TicketEscalationRow]) -> dict[str, BlindReviewRow]:
    wanted = select(BlindReviewRow).where(BlindReviewRow.escalation_id.in_([row.id for row in rows]))
    return {one.escalation_id or "": one for one in (await session.execute(wanted)).scalars()}


async def _files(session: AsyncSession, rows: Sequence[TicketEscalationRow]) -> dict[str, tuple[TicketFileRow, ...]]:
    ids = [one for row in rows for one in row.files]
    kept = {
        one.id: one for one in (await session.execute(select(TicketFileRow).where(TicketFileRow.id.in_(ids)))).scalars()
    }
    return {row.id: tuple(kept[one] for one in row.files if one in kept) for row in rows}


async def _reasons(session: AsyncSession) -> dict[tuple[str, str], Worded]:
    acts = [act.value for act in (ReasonedAct.ASK_DESK, *ANSWERS.values())]
    rows = (await session.execute(select(ReasonCodeRow).where(ReasonCodeRow.act.in_(acts)))).scalars()
    return {(row.act, row.code): {"zh_CN": row.zh, "en": row.en} for row in rows}
