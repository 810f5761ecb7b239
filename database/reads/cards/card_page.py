"""What the console shows of one card, read in few statements whose number never grows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.stated import Staters, staters
from database.reads.ops.providers import Delay, delay_of, delays
from database.reads.people import accounts
from database.tables.cards import AnswerRow, CardEventRow, CardRow, PhotoRow, QuoteRow, ReadingRow, SubmissionRow
from database.tables.columns import now
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import ReviewOutcome
from domain.errors.general import NotFound
from domain.work.kinds import REVIEW

EVENTS_MAX = 200  # A story longer than this is cut at its beginning; no route writes a quarter as many.


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
    task: WorkItemRow | None
    decisions: tuple[ReviewDecisionRow, ...]
    names: dict[str, str]  # Person id to name, of all people the page mentions.
    # Who stated an outcome that the story names, by the statement's id.
    stated: Mapping[str, Staters] = field(default_factory=dict)
    delay: Delay | None = None  # A party in maintenance that the card waits for, or will.

    @property
    def standing_decision(self) -> ReviewDecisionRow | None:
        """What was decided of the open task and not undone, returned or refused; not yet applied to the card."""
        if self.task is None or self.task.closed_at is not None:
            return None
        made = (one for one in self.decisions if one.task_id == self.task.id and one.void_at is None)
        return next((one for one in made if one.applied_at is None), None)

    @property
    def undelivered(self) -> ReviewDecisionRow | None:
        """A decision that should have been sent: its task is decided, it can no longer be undone, and its workflow does not know it yet."""
        made = self.standing_decision
        if made is None or self.task is None or not self.task.decided:
            return None
        return made if made.effective_at <= now() else None

    @property
    def fields_entered(self) -> bool:
        """A reviewer has entered this card's fields by hand before."""
        return any(one.outcome is ReviewOutcome.APPROVE_CORRECTED and one.applied_at for one in self.decisions)


async def card(session: AsyncSession, card_id: str) -> CardRecord:
    """Return the record of one card in ten statements. Refuses an unknown id."""
    pair = (
        await session.execute(
            select(CardRow, SubmissionRow)
            .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
            .where(CardRow.id == card_id)
        )
    ).one_or_none()
    if pair is None:
        raise NotFound(card=card_id[:26])
    record = CardRecord(
        card=pair[0],
        submission=pair[1],
        photos=await _of_card(session, PhotoRow, card_id, PhotoRow.current.desc(), PhotoRow.position),
        readings=await _of_card(session, ReadingRow, card_id, ReadingRow.created_at.desc(), ReadingRow.id),
        answers=await _of_card(session, AnswerRow, card_id, AnswerRow.id.desc()),
        quote=next(iter(await _of_card(session, QuoteRow, card_id, QuoteRow.created_at.desc(), limit=1)), None),
        events=await _of_card(session, CardEventRow, card_id, CardEventRow.id.desc(), limit=EVENTS_MAX),
        task=await _newest_review(session, card_id),
        decisions=await _of_card(session, ReviewDecisionRow, card_id, ReviewDecisionRow.made_at.desc()),
        names={},
        delay=delay_of(await delays(session, now()), pair[0].stage, pair[0].card_type, pair[0].brand),
    )
    stated = await staters(session, [event.facts.get("stated") for event in record.events])
    return replace(record, names=await _names(session, record), stated=stated)


async def photo(session: AsyncSession, card_id: str, photo_id: str) -> PhotoRow:
    """One photograph of a card. Refuses one that is not this card's."""
    row = await session.get(PhotoRow, photo_id)
    if row is None or row.card_id != card_id:
        raise NotFound(photo=photo_id[:26])
    return row


async def open_task(session: AsyncSession, card_id: str) -> WorkItemRow | None:
    """Return the card's open review task, or None when no decision is pending."""
    statement = select(WorkItemRow).where(
        WorkItemRow.card_id == card_id, WorkItemRow.kind == REVIEW, WorkItemRow.closed_at.is_(None)
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def _newest_review(session: AsyncSession, card_id: str) -> WorkItemRow | None:
    own = (WorkItemRow.card_id == card_id, WorkItemRow.kind == REVIEW)
    statement = select(WorkItemRow).where(*own).order_by(WorkItemRow.opened_at.desc()).limit(1)
    return (await session.execute(statement)).scalar_one_or_none()


async def require_card(session: AsyncSession, card_id: str) -> None:
    """Refuses an id that is no card's."""
    if (await session.execute(select(CardRow.id).where(CardRow.id == card_id))).scalar_one_or_none() is None:
        raise NotFound(card=card_id[:26])


async def card_ids_ending(session: AsyncSession, ending: str, limit: int = 10) -> tuple[str, ...]:
    """Return the newest cards whose id is `ending` or ends with it: people read the last characters to each other."""
    ends = CardRow.id.endswith(ending, autoescape=True)
    statement = select(CardRow.id).where(ends).order_by(CardRow.id.desc()).limit(limit)
    return tuple((await session.execute(statement)).scalars())


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
    return await accounts.names_of(session, mentioned)
