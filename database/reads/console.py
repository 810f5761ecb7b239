"""What the console shows of the review queue and of one card, read in few statements whose number never grows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, select, true, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.intake import CardEventRow, CardRow, PhotoRow, SubmissionRow
from database.tables.people import PersonRow
from database.tables.pricing import QuoteRow
from database.tables.reading import ReadingRow
from database.tables.review import ReviewDecisionRow, ReviewTaskRow
from database.tables.verification import AnswerRow
from domain.cards import CardType
from domain.money import Money
from domain.refusals import NotFound
from domain.review import ReviewOutcome, ReviewReason

PAGE = 20
EVENTS_MAX = 200  # A story longer than this is cut at its beginning; no route writes a quarter as many.


@dataclass(frozen=True)
class Wanted:
    """The filters of the queue page; None leaves a filter open."""

    card_type: CardType | None = None
    brand: str | None = None
    reason: ReviewReason | None = None


@dataclass(frozen=True)
class Place:
    """Where a page of the queue ends: the order's own columns, so that the next page starts right behind them."""

    escalated: bool
    due_at: datetime
    task_id: str

    def text(self) -> str:
        """The place as it stands in a link."""
        return f"{int(self.escalated)}~{self.due_at.isoformat()}~{self.task_id}"

    @classmethod
    def from_text(cls, text: str) -> Place:
        """The inverse of `text`. Raises ValueError for anything else."""
        escalated, due_at, task_id = text.split("~", 2)
        moment = datetime.fromisoformat(due_at)
        if moment.tzinfo is None or escalated not in ("0", "1"):
            raise ValueError("not a place in the queue")
        return cls(escalated == "1", moment, task_id)


@dataclass(frozen=True)
class QueueEntry:
    """One waiting task. `holder` is the name of whoever holds a lease that has not run out."""

    task_id: str
    card_id: str
    card_type: CardType
    brand: str
    value: Money
    reasons: tuple[ReviewReason, ...]
    opened_at: datetime
    warn_at: datetime
    due_at: datetime
    escalated: bool
    holder_id: str | None
    holder: str | None
    held_until: datetime | None

    @property
    def place(self) -> Place:
        """Its place in the order of the queue."""
        return Place(self.escalated, self.due_at, self.task_id)


@dataclass(frozen=True)
class QueuePage:
    """Tasks in order: escalated first, then due soonest; `after` is None on the last page."""

    entries: tuple[QueueEntry, ...]
    after: Place | None


async def queue(
    session: AsyncSession, wanted: Wanted, after: Place | None, now: datetime, limit: int = PAGE
) -> QueuePage:
    """One page of open tasks behind `after`, in one statement.

    The escalated and the others are two sorted scans of one index, joined; a single scan could not give
    "escalated first" and "due soonest" at once.
    """
    halves = [_half(escalated, wanted, after, limit + 1) for escalated in (True, False)]
    both = union_all(*halves).subquery()
    order = (both.c.escalated.desc(), both.c.due_at, both.c.id)
    found = (await session.execute(_with_holder(both, now).order_by(*order).limit(limit + 1))).all()
    entries = tuple(_entry(row) for row in found[:limit])
    return QueuePage(entries, entries[-1].place if len(found) > limit else None)


@dataclass(frozen=True)
class CardRecord:
    """Everything stored of one card that its page may show, newest first where there are several.

    Sealed columns are in `card` and `readings`; the page opens what its reader may see and passes on nothing else.
    """

    card: CardRow
    submission: SubmissionRow
    photos: tuple[PhotoRow, ...]
    readings: tuple[ReadingRow, ...]
    answers: tuple[AnswerRow, ...]
    quote: QuoteRow | None
    events: tuple[CardEventRow, ...]
    task: ReviewTaskRow | None
    decisions: tuple[ReviewDecisionRow, ...]
    names: dict[str, str]  # Person id to name, of everybody the page mentions.

    @property
    def undelivered(self) -> ReviewDecisionRow | None:
        """A decision that was written down while the task is still open: its workflow has not been told yet."""
        if self.task is None or self.task.closed_at is not None:
            return None
        written = (one for one in self.decisions if one.task_id == self.task.id and one.applied_at is None)
        return next(written, None)

    @property
    def fields_entered(self) -> bool:
        """A reviewer has entered this card's fields by hand before."""
        return any(one.outcome is ReviewOutcome.APPROVE_CORRECTED and one.applied_at for one in self.decisions)


async def card(session: AsyncSession, card_id: str) -> CardRecord:
    """The record of one card in nine statements. Refuses an unknown id."""
    pair = (
        await session.execute(
            select(CardRow, SubmissionRow)
            .join(SubmissionRow, _c(SubmissionRow.id) == CardRow.submission_id)
            .where(_c(CardRow.id) == card_id)
        )
    ).one_or_none()
    if pair is None:
        raise NotFound(card=card_id[:26])
    record = CardRecord(
        card=pair[0],
        submission=pair[1],
        photos=await _of_card(session, PhotoRow, card_id, PhotoRow.current.desc(), PhotoRow.position),  # type: ignore[attr-defined]
        readings=await _of_card(session, ReadingRow, card_id, _c(ReadingRow.created_at).desc()),
        answers=await _of_card(session, AnswerRow, card_id, _c(AnswerRow.id).desc()),
        quote=next(iter(await _of_card(session, QuoteRow, card_id, _c(QuoteRow.created_at).desc(), limit=1)), None),
        events=await _of_card(session, CardEventRow, card_id, _c(CardEventRow.id).desc(), limit=EVENTS_MAX),
        task=next(
            iter(await _of_card(session, ReviewTaskRow, card_id, _c(ReviewTaskRow.opened_at).desc(), limit=1)), None
        ),
        decisions=await _of_card(session, ReviewDecisionRow, card_id, _c(ReviewDecisionRow.made_at).desc()),
        names={},
    )
    return replace(record, names=await _names(session, record))


async def photo(session: AsyncSession, card_id: str, photo_id: str) -> PhotoRow:
    """One photograph of a card. Refuses one that is not this card's."""
    row = await session.get(PhotoRow, photo_id)
    if row is None or row.card_id != card_id:
        raise NotFound(photo=photo_id[:26])
    return row


async def open_task(session: AsyncSession, card_id: str) -> ReviewTaskRow | None:
    """The card's open review task, or None when nobody's decision is waited for."""
    statement = select(ReviewTaskRow).where(_c(ReviewTaskRow.card_id) == card_id, _c(ReviewTaskRow.closed_at).is_(None))
    return (await session.execute(statement)).scalar_one_or_none()


async def require_card(session: AsyncSession, card_id: str) -> None:
    """Refuses an id that is no card's."""
    if (await session.execute(select(_c(CardRow.id)).where(_c(CardRow.id) == card_id))).scalar_one_or_none() is None:
        raise NotFound(card=card_id[:26])


async def card_ids_ending(session: AsyncSession, ending: str, limit: int = 10) -> tuple[str, ...]:
    """Ids of cards whose id is `ending` or ends with it: people read the last characters to each other."""
    statement = select(_c(CardRow.id)).where(_c(CardRow.id).endswith(ending, autoescape=True)).limit(limit)
    return tuple((await session.execute(statement)).scalars())


def _half(escalated: bool, wanted: Wanted, after: Place | None, limit: int) -> Select[Any]:
    task = ReviewTaskRow.__table__.c  # type: ignore[attr-defined]
    where = [task.closed_at.is_(None), task.escalated.is_(escalated), *_filters(task, wanted)]
    if after is not None:
        where.append(_behind(task, escalated, after))
    return select(*task).where(and_(*where)).order_by(task.due_at, task.id).limit(limit)


def _behind(task: Any, escalated: bool, after: Place) -> ColumnElement[bool]:
    if escalated == after.escalated:
        return tuple_(task.due_at, task.id) > tuple_(after.due_at, after.task_id)
    return true() if after.escalated else false()  # Behind an escalated place stand all others, not the reverse.


def _filters(task: Any, wanted: Wanted) -> list[ColumnElement[bool]]:
    filters = []
    if wanted.card_type is not None:
        filters.append(task.card_type == wanted.card_type)
    if wanted.brand is not None:
        filters.append(task.brand == wanted.brand)
    if wanted.reason is not None:
        filters.append(task.reasons.contains([wanted.reason.value]))
    return filters


def _with_holder(tasks: Any, now: datetime) -> Select[Any]:
    held = and_(_c(PersonRow.id) == tasks.c.leased_by, tasks.c.leased_until > now)
    return select(tasks, _c(PersonRow.name).label("holder")).select_from(tasks.outerjoin(PersonRow, held))


def _entry(row: Any) -> QueueEntry:
    held = row.holder is not None
    return QueueEntry(
        task_id=row.id,
        card_id=row.card_id,
        card_type=CardType(row.card_type),
        brand=row.brand,
        value=Money(row.value_minor),
        reasons=tuple(ReviewReason(reason) for reason in row.reasons),
        opened_at=row.opened_at,
        warn_at=row.warn_at,
        due_at=row.due_at,
        escalated=row.escalated,
        holder_id=row.leased_by if held else None,
        holder=row.holder,
        held_until=row.leased_until if held else None,
    )


async def _of_card(
    session: AsyncSession, table: Any, card_id: str, *order: Any, limit: int | None = None
) -> tuple[Any, ...]:
    statement = select(table).where(table.card_id == card_id).order_by(*order).limit(limit)
    return tuple((await session.execute(statement)).scalars())


async def _names(session: AsyncSession, record: CardRecord) -> dict[str, str]:
    mentioned = {decision.person_id for decision in record.decisions if decision.person_id is not None}
    if record.task is not None and record.task.leased_by is not None:
        mentioned.add(record.task.leased_by)
    mentioned |= {event.actor.removeprefix("person:") for event in record.events if event.actor.startswith("person:")}
    return await names(session, mentioned)


async def names(session: AsyncSession, person_ids: set[str] | Sequence[str]) -> dict[str, str]:
    """The names of these people by their ids."""
    found = await session.execute(select(_c(PersonRow.id), _c(PersonRow.name)).where(_c(PersonRow.id).in_(person_ids)))
    return {row.id: row.name for row in found}


def _c(column: Any) -> Any:
    """A mapped attribute as the column it is at class level; SQLModel annotates it as the value's type."""
    return column
