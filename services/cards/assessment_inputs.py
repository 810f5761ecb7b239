"""What our own records say against a card: how surely it was read, whose neighbour its number is, and what a person settled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.latest_readings import by_look
from database.reads.cards.similar import rejected_for_cause
from database.reads.review.valid_decisions import approves
from database.repositories import cards
from database.tables.cards import CardRow, PhotoRow, ReadingRow, SubmissionRow
from database.tables.columns import now
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.reading import FieldName, confidence_bp, least_confidence_bp
from domain.cards.review import SETTLED_BY_CORRECTION, ReviewReason
from domain.money import BASIS_POINTS_PER_ONE
from domain.places import business_day
from domain.rules.assessment import CardClaims, neighbours_of
from domain.rules.brands import brand
from domain.rules.limits import limits_in_force
from domain.rules.reading import reading_in_force
from domain.sealing import KeyRing
from services.cards.provider_calls import claims_of
from services.cards.readings_of_card import numbers_in, of_card

Entry = dict[str, Any]  # A field of a reading as its row keeps it: everything but its value.
NEIGHBOURS_WITHIN = timedelta(days=1)


@dataclass(frozen=True)
class AssessmentInputs:
    """The card's claims with what speaks against them, and the reasons that a reviewer has approved already."""

    claims: CardClaims
    approved: frozenset[ReviewReason]


async def assessment_inputs_of(session: AsyncSession, keyring: KeyRing, card: CardRow) -> AssessmentInputs:
    """Everything of ours that the assessment needs, in one statement."""
    number = cards.open_number(keyring, card)
    near = _neighbours(keyring, card, number or "")
    readings, approved, neighbours, rejected = (
        await session.execute(select(_readings(card.id), _approved(card.id), near, _rejected_before(card)))
    ).one()
    entries = [entry for fields in readings or [] for entry in fields]
    today = business_day(datetime.now(UTC))
    surely, limits = limits_in_force(today).contradiction_bp_min, reading_in_force(today)

    def contradicts(entry: Entry) -> bool:
        return entry["use"] == "differs" and confidence_bp(entry) >= surely

    own = [(one, limits.own_bp(card.brand, one["name"])) for one in entries]
    least = least_confidence_bp(one for one, limit in own if limit is None)
    claims = replace(
        claims_of(card),
        lowest_confidence_bp=BASIS_POINTS_PER_ONE if least is None else least,
        below_own_limit=any(
            one["use"] == "taken" and limit is not None and confidence_bp(one) < limit for one, limit in own
        ),
        typed_differs=any(map(contradicts, entries))
        and any(map(contradicts, await _speaking_of(session, keyring, card, number))),
        number_valid=number is None or brand(card.brand).is_valid(number),
        neighbours=neighbours,
        rejected_before=rejected,
    )
    # What a party says is news for every revision of the fields; what a reviewer saw on the card itself stays settled.
    settled = frozenset(ReviewReason(one) for reasons in approved or [] for one in reasons) & SETTLED_BY_CORRECTION
    return AssessmentInputs(claims, settled)


def _readings(card_id: str) -> Any:
    """The fields of every reading of a current photo."""
    readings = select(func.jsonb_agg(ReadingRow.fields)).join(PhotoRow, PhotoRow.id == ReadingRow.photo_id)
    return readings.where(ReadingRow.card_id == card_id, PhotoRow.current).scalar_subquery()


async def _speaking_of(session: AsyncSession, keyring: KeyRing, card: CardRow, number: str | None) -> list[Entry]:
    """The fields that the current photos show of this card; a number of another card only where none shows this card's (secret)."""
    read = select(ReadingRow).join(PhotoRow, PhotoRow.id == ReadingRow.photo_id)
    wanted = read.where(ReadingRow.card_id == card.id, PhotoRow.current).order_by(ReadingRow.created_at, ReadingRow.id)
    rows = (await session.execute(wanted)).scalars().all()
    numbers = numbers_in(keyring, rows)
    own = {row.id for row in of_card(by_look(rows), numbers, brand(card.brand), number)}
    shown = number in numbers.values()
    return [
        entry
        for row in rows
        for entry in row.fields
        if row.id in own or (entry["name"] == FieldName.NUMBER and not shown)
    ]


def _approved(card_id: str) -> Any:
    """The reasons of every task that ended in an approval, since an item was last asked for again: that one is a new sight."""
    settled = select(func.jsonb_agg(WorkItemRow.reasons)).join(
        ReviewDecisionRow, ReviewDecisionRow.id == WorkItemRow.decision_id
    )
    return settled.where(WorkItemRow.card_id == card_id, approves(card_id)).scalar_subquery()


def _rejected_before(card: CardRow) -> Any:
    """How many other cards with this number a person rejected for cause: the history follows the number, not the account."""
    same = (CardRow.fingerprint == card.fingerprint, CardRow.id != card.id)
    return select(func.count()).select_from(CardRow).where(*same, *rejected_for_cause(CardRow)).scalar_subquery()


def _neighbours(keyring: KeyRing, card: CardRow, number: str) -> Any:
    """How many live cards of other owners carry a neighbouring number, found by their keyed fingerprints.

    Each neighbour's fingerprint can be computed from this number, so no index over numbers or prefixes is stored.
    """
    known = brand(card.brand)
    prints = [keyring.fingerprint(known.issuer, near) for near in neighbours_of(known, number)] if number else []
    owner = select(SubmissionRow.owner).where(SubmissionRow.id == card.submission_id).scalar_subquery()
    return (
        select(func.count())
        .select_from(CardRow)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(
            CardRow.live,
            CardRow.fingerprint.in_(prints),
            CardRow.created_at > now() - NEIGHBOURS_WITHIN,
            SubmissionRow.owner != owner,
        )
        .scalar_subquery()
    )
