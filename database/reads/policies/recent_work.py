"""The work of the last days as policies judge it: readings, quotes, decisions and secrets shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, QuoteRow, ReadingRow, SubmissionRow
from database.tables.people import AuditRow, PersonRow
from database.tables.review import ReviewDecisionRow
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.cards.card import CardType, Outcome
from domain.cards.pricing import QuoteState
from domain.cards.reading import least_confidence_bp
from domain.cards.review import ReviewOutcome
from domain.money import Currency
from domain.places import business_day
from domain.review.four_eyes import CNY_PER_UNIT_MAX
from domain.support.tickets import TicketCategory, TicketChannel

ROWS_MAX = 5000  # The newest; more would keep the page waiting.
REVEAL = "console:card:reveal_"


@dataclass(frozen=True)
class QuoteMade:
    """One quote in CNY minor units; `committed`: the card is paid for, or may still be."""

    at: datetime
    amount_minor: int
    card_type: CardType
    brand: str
    owner: str  # seller:<id> or partner:<id>
    payee: str
    committed: bool
    basis_minor: int | None  # The balance that was priced, in CNY minor units.
    days_left: int | None
    stock: int


@dataclass(frozen=True)
class DecisionMade:
    """One decision of a person; `value_minor` is the most that the card can be worth, CNY minor units."""

    at: datetime
    card_id: str
    card_type: CardType
    brand: str
    outcome: ReviewOutcome
    reasons: frozenset[str]
    value_minor: int
    probation: bool


@dataclass(frozen=True)
class TicketOpened:
    """One ticket; `waits_since` while it waits for its customer. CNY minor units."""

    category: TicketCategory
    channel: TicketChannel
    value_minor: int
    waits_since: datetime | None


async def tickets(session: AsyncSession, since: datetime) -> list[TicketOpened]:
    """Return the tickets opened since a moment; at most the newest ROWS_MAX."""
    statement = (
        select(TicketRow.category, TicketRow.channel, WorkItemRow.value_minor, TicketRow.waits_since)
        .join(WorkItemRow, WorkItemRow.id == TicketRow.task_id)
        .where(TicketRow.opened_at >= since)
        .order_by(TicketRow.opened_at.desc())
        .limit(ROWS_MAX)
    )
    return [TicketOpened(*row) for row in await session.execute(statement)]


async def quotes(session: AsyncSession, since: datetime) -> list[QuoteMade]:
    """Return the quotes in CNY since a moment, the oldest first; at most the newest ROWS_MAX."""
    columns = (
        QuoteRow.created_at, QuoteRow.amount_minor, CardRow.card_type, CardRow.brand, SubmissionRow.owner, SubmissionRow.payee_index,
        QuoteRow.state, CardRow.outcome, QuoteRow.internal, CardRow.expires_on,
    )  # fmt: skip
    wanted = (
        select(*columns)
        .join(CardRow, CardRow.id == QuoteRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(QuoteRow.created_at > since, QuoteRow.currency == Currency.CNY)
        .order_by(QuoteRow.created_at.desc())
        .limit(ROWS_MAX)
    )
    rows = (await session.execute(wanted)).all()
    return [
        QuoteMade(
            row.created_at, row.amount_minor, row.card_type, row.brand, row.owner, row.payee_index or row.owner,
            row.state in (QuoteState.OPEN, QuoteState.ACCEPTED) and row.outcome in (None, Outcome.PAID),
            row.internal.get("basis_minor"), _days_left(row.expires_on, row.created_at), row.internal.get("stock", 0),
        )
        for row in reversed(rows)
    ]  # fmt: skip


async def decisions(session: AsyncSession, since: datetime) -> list[DecisionMade]:
    """Return what people decided since a moment, undone or not; at most the newest ROWS_MAX."""
    wanted = (
        select(ReviewDecisionRow, WorkItemRow, CardRow, PersonRow.probation_until)
        .join(WorkItemRow, WorkItemRow.id == ReviewDecisionRow.task_id)
        .join(CardRow, CardRow.id == ReviewDecisionRow.card_id)
        .join(PersonRow, PersonRow.id == ReviewDecisionRow.person_id)
        .where(ReviewDecisionRow.made_at > since)
        .order_by(ReviewDecisionRow.made_at.desc())
        .limit(ROWS_MAX)
    )
    return [_decision(*row) for row in (await session.execute(wanted)).all()]


async def face_values(session: AsyncSession, since: datetime) -> list[tuple[str, int]]:
    """Return brand and face value, in the brand's minor units, of the cards submitted since a moment."""
    wanted = (
        select(CardRow.brand, CardRow.face_value_minor)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(SubmissionRow.created_at > since, CardRow.brand.is_not(None), CardRow.face_value_minor.is_not(None))
        .order_by(SubmissionRow.created_at.desc())
        .limit(ROWS_MAX)
    )
    return [(row.brand, row.face_value_minor) for row in await session.execute(wanted)]


async def least_confidences(session: AsyncSession, since: datetime) -> list[int]:
    """Return, for each photo read since a moment, the confidence of its least certain field in use, in basis points."""
    wanted = select(ReadingRow.fields).where(ReadingRow.created_at > since).order_by(ReadingRow.created_at.desc())
    rows: Sequence[list[dict[str, Any]]] = (await session.execute(wanted.limit(ROWS_MAX))).scalars().all()
    return [least for fields in rows if (least := least_confidence_bp(fields)) is not None]


async def reveals(session: AsyncSession, since: datetime) -> list[tuple[str, datetime]]:
    """Return who was shown a secret when, since a moment, the oldest first; at most the newest ROWS_MAX."""
    shown = (AuditRow.act.startswith(REVEAL), AuditRow.act != f"{REVEAL}refused", AuditRow.at > since)
    wanted = select(AuditRow.actor, AuditRow.at).where(*shown).order_by(AuditRow.at.desc()).limit(ROWS_MAX)
    return [(row.actor, row.at) for row in reversed((await session.execute(wanted)).all())]


def _days_left(expires_on: date | None, at: datetime) -> int | None:
    return None if expires_on is None else max(0, (expires_on - business_day(at)).days)


def _decision(
    decision: ReviewDecisionRow, task: WorkItemRow, card: CardRow, probation_until: datetime | None
) -> DecisionMade:
    face = (card.face_value_minor or 0) * (1 if card.currency is Currency.CNY else CNY_PER_UNIT_MAX)
    new = probation_until is not None and probation_until > decision.made_at
    return DecisionMade(
        decision.made_at, card.id, card.card_type, card.brand, decision.outcome, frozenset(task.reasons),
        max(task.value_minor, face), new,
    )  # fmt: skip
