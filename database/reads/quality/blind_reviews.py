"""What blind second reviews say of decisions, and which of them wait: plain rows for the figures of `domain.quality.agreement`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import is_held_by
from database.tables.people import PersonRow
from database.tables.quality import BlindReviewRow
from domain.quality.agreement import SIDES, Case, Figures, figures

CASES_MAX = 20_000
_SAMPLED = BlindReviewRow.escalation_id.is_(
    None
)  # What customers appeal against says nothing about decisions at large.


@dataclass(frozen=True)
class Measured:
    """The figures of one reviewer or brand: its id or code, and the name of a person."""

    key: str
    name: str
    figures: Figures


@dataclass(frozen=True)
class Measurements:
    """All cases of a time, and the same by first reviewer and by brand, the most cases first."""

    all: Figures
    reviewers: tuple[Measured, ...]
    brands: tuple[Measured, ...]
    open: int  # Drawn in that time and not looked at yet.


async def measure(session: AsyncSession, since: datetime) -> Measurements:
    """Of what was drawn since then, at most the newest twenty thousand cases."""
    statement = (
        select(BlindReviewRow, PersonRow.name)
        .join(PersonRow, PersonRow.id == BlindReviewRow.first_person)
        .where(_SAMPLED, BlindReviewRow.drawn_at >= since, BlindReviewRow.second_at.is_not(None))
        .order_by(BlindReviewRow.drawn_at.desc())
        .limit(CASES_MAX)
    )
    found = [(row, name, _case(row)) for row, name in await session.execute(statement)]
    waiting = (
        select(func.count())
        .select_from(BlindReviewRow)
        .where(
            _SAMPLED,
            BlindReviewRow.drawn_at >= since,
            BlindReviewRow.settled_at.is_(None),
            BlindReviewRow.second_at.is_(None),
        )
    )
    return Measurements(
        all=figures([case for _, _, case in found]),
        reviewers=_by([(row.first_person, name, case) for row, name, case in found]),
        brands=_by([(row.brand, "", case) for row, _, case in found]),
        open=(await session.execute(waiting)).scalar_one(),
    )


async def waiting(session: AsyncSession) -> int:
    """Count the sampled cards that await their blind review."""
    open_ones = (
        select(func.count())
        .select_from(BlindReviewRow)
        .where(BlindReviewRow.settled_at.is_(None), BlindReviewRow.second_at.is_(None))
    )
    return int((await session.execute(open_ones)).scalar_one())


async def claimed_by(session: AsyncSession, card_id: str, person: str, moment: datetime) -> str | None:
    """Return the id of the blind review of this card that the person holds and has not made yet."""
    held = (
        BlindReviewRow.second_at.is_(None),
        is_held_by(BlindReviewRow, person, moment),
    )
    found = select(BlindReviewRow.id).where(BlindReviewRow.card_id == card_id, *held).limit(1)
    return (await session.execute(found)).scalar_one_or_none()


async def to_settle(session: AsyncSession, card_id: str, circle: frozenset[str]) -> bool:
    """Return whether two reviewers differ about this card, neither of whom belongs to this circle."""
    found = select(BlindReviewRow.id).where(BlindReviewRow.card_id == card_id, *_differing(circle)).limit(1)
    return (await session.execute(found)).first() is not None


async def of_question(session: AsyncSession, escalation_id: str) -> str | None:
    """Return the id of the review that a question of support opened."""
    found = select(BlindReviewRow.id).where(BlindReviewRow.escalation_id == escalation_id)
    return (await session.execute(found)).scalar_one_or_none()


async def differences(session: AsyncSession, circle: frozenset[str]) -> tuple[BlindReviewRow, ...]:
    """List what waits for a senior of whose circle no one decided on either side, oldest first, at most a hundred."""
    statement = (
        select(BlindReviewRow)
        .where(*_differing(circle))
        .order_by(BlindReviewRow.drawn_at, BlindReviewRow.id)
        .limit(100)
    )
    return tuple((await session.execute(statement)).scalars())


def _differing(circle: frozenset[str]) -> tuple[Any, ...]:
    people = array(sorted(circle))
    neither = (~BlindReviewRow.first_circle.has_any(people), ~BlindReviewRow.second_circle.has_any(people))
    return (BlindReviewRow.settled_at.is_(None), BlindReviewRow.second_at.is_not(None), *neither)


def _by(found: list[tuple[str, str, Case]]) -> tuple[Measured, ...]:
    groups: dict[tuple[str, str], list[Case]] = {}
    for key, name, case in found:
        groups.setdefault((key, name), []).append(case)
    ordered = sorted(groups.items(), key=lambda one: (-len(one[1]), one[0]))
    return tuple(Measured(key, name, figures(cases)) for (key, name), cases in ordered)


def _case(row: BlindReviewRow) -> Case:
    second = SIDES[row.second_outcome or row.first_outcome]
    return Case(SIDES[row.first_outcome], second, SIDES[row.final_outcome] if row.final_outcome else None)
