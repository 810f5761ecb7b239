"""Cards that belong beside the one on the page: its look-alikes, its number's neighbours, and its seller's others.

No number leaves here: adjacent numbers are found by keyed fingerprints, which the caller computes, and returned as card ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BIGINT, Select, case, cast, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, PhotoRow, SubmissionRow
from domain.cards.card import EndReason, Outcome, Stage
from domain.cards.review import FOLLOWS_NUMBER, RejectReason

DISTANCE_MAX = 5  # Of 64 bits: a copy of a photo differs in up to four, another card of the same brand in twelve.
SHOWN_MAX = 5
COUNTED_MAX = 1000  # A partner has submitted a million cards; "1,000+" tells a reviewer as much.
QUARTERS, QUARTER_BITS = 4, 16
BAD_REASONS = (RejectReason.FORGED, RejectReason.ALREADY_USED, RejectReason.NOT_THE_SELLERS)


@dataclass(frozen=True)
class OtherCard:
    """Another card, by what may be shown of it. `bits` is how far its photo's look is from ours, 0 the same."""

    card_id: str
    brand: str
    stage: Stage
    outcome: Outcome | None
    created_at: datetime
    same_seller: bool
    bits: int | None = None

    @property
    def same_photo(self) -> bool:
        """Return whether its photo is ours, and not only much like it: the list and the risks both go by this."""
        return self.bits == 0


@dataclass(frozen=True)
class Rejection:
    """An earlier card with the same number that a person rejected for cause."""

    card_id: str
    reason: RejectReason
    at: datetime
    same_seller: bool


def rejected_for_cause(card: Any) -> tuple[Any, ...]:
    """Return the conditions of cards that a person rejected for what the card itself is."""
    causes = sorted(reason.value for reason in FOLLOWS_NUMBER)
    return card.outcome == Outcome.REJECTED, card.reason == EndReason.REVIEWER, card.reason_detail.in_(causes)


async def rejections(session: AsyncSession, card: CardRow, owner: str) -> tuple[Rejection, ...]:
    """Return the newest earlier rejections of this number, by any seller; none while the number is not known."""
    if card.fingerprint is None:
        return ()
    same = (CardRow.fingerprint == card.fingerprint, CardRow.id != card.id)
    found = (
        select(CardRow.id, CardRow.reason_detail, CardRow.since, SubmissionRow.owner)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(*same, *rejected_for_cause(CardRow))
        .order_by(CardRow.since.desc())
        .limit(SHOWN_MAX)
    )
    rows = await session.execute(found)
    return tuple(Rejection(row.id, RejectReason(row.reason_detail), row.since, row.owner == owner) for row in rows)


@dataclass(frozen=True)
class SellerHistory:
    """The seller's other cards by how they ended; at most `COUNTED_MAX` are counted, `more` says that there are more.

    `bad` are those a reviewer rejected as forged, used up or not the seller's; they are among `rejected` too.
    """

    sold: int
    rejected: int
    in_progress: int
    other: int
    bad: int
    last_day: int
    more: bool
    newest: tuple[OtherCard, ...]


@dataclass(frozen=True)
class Beside:
    """All comparison data of one card."""

    look_alikes: tuple[OtherCard, ...]
    neighbours: tuple[OtherCard, ...]
    seller: SellerHistory


async def beside(session: AsyncSession, card_id: str, owner: str, fingerprints: Sequence[str], now: datetime) -> Beside:
    """Return the card's comparison data, in four or five statements; `fingerprints` are those of adjacent numbers."""
    return Beside(
        look_alikes=await look_alikes(session, card_id, owner),
        neighbours=await neighbours(session, card_id, owner, fingerprints),
        seller=await seller_history(session, card_id, owner, now),
    )


async def look_alikes(session: AsyncSession, card_id: str, owner: str) -> tuple[OtherCard, ...]:
    """Other cards with a photo that differs from one of this card's in at most `DISTANCE_MAX` bits, nearest first.

    Candidates share a quarter of the look but for one bit, which four indexes know; only they are compared.
    """
    mine = select(PhotoRow.look).where(PhotoRow.card_id == card_id, PhotoRow.look.is_not(None)).distinct()
    looks = tuple(look for look in (await session.execute(mine)).scalars() if look is not None)
    if not looks:
        return ()
    bits = func.least(*(_bits_apart(look) for look in looks))
    alike = (
        select(PhotoRow.card_id, func.min(bits).label("bits"))
        .where(or_(*(_candidates(look) for look in looks)), PhotoRow.card_id != card_id, bits <= DISTANCE_MAX)
        .group_by(PhotoRow.card_id)
        .subquery()
    )
    statement = _others(owner, alike.c.bits).join(alike, alike.c.card_id == CardRow.id)
    return await _found(session, statement.order_by(alike.c.bits, CardRow.created_at.desc()).limit(SHOWN_MAX))


async def neighbours(
    session: AsyncSession, card_id: str, owner: str, fingerprints: Sequence[str]
) -> tuple[OtherCard, ...]:
    """Live cards whose number is one of those; newest first."""
    if not fingerprints:
        return ()
    statement = _others(owner).where(CardRow.live, CardRow.fingerprint.in_(fingerprints), CardRow.id != card_id)
    return await _found(session, statement.order_by(CardRow.created_at.desc()).limit(SHOWN_MAX))


async def seller_history(session: AsyncSession, card_id: str, owner: str, now: datetime) -> SellerHistory:
    """How the seller's other cards went."""
    theirs = (
        select(CardRow.outcome, CardRow.reason_detail, CardRow.created_at)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(SubmissionRow.owner == owner, CardRow.id != card_id)
        .limit(COUNTED_MAX + 1)
        .subquery()
    )
    bad = theirs.c.reason_detail.in_([reason.value for reason in BAD_REASONS])
    counted = select(
        func.count(case((theirs.c.outcome == Outcome.PAID, 1))),
        func.count(case((theirs.c.outcome == Outcome.REJECTED, 1))),
        func.count(case((theirs.c.outcome.is_(None), 1))),
        func.count(),
        func.count(case((bad, 1))),
        func.count(case((theirs.c.created_at > now - timedelta(days=1), 1))),
    )
    sold, rejected, open_now, every, bad_ones, last_day = (await session.execute(counted)).one()
    newest = _others(owner).where(SubmissionRow.owner == owner, CardRow.id != card_id)
    return SellerHistory(
        sold=sold,
        rejected=rejected,
        in_progress=open_now,
        other=every - sold - rejected - open_now,
        bad=bad_ones,
        last_day=last_day,
        more=every > COUNTED_MAX,
        newest=await _found(session, newest.order_by(CardRow.id.desc()).limit(SHOWN_MAX)),
    )


def _others(owner: str, bits: Any = None) -> Select[Any]:
    """Return other cards with their shown details; ids rise with time, so the newest have the highest."""
    same = (SubmissionRow.owner == owner).label("same_seller")
    columns = (CardRow.id, CardRow.brand, CardRow.stage, CardRow.outcome, CardRow.created_at, same)
    chosen = select(*columns, (literal(None) if bits is None else bits).label("bits"))
    return chosen.select_from(CardRow).join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)


async def _found(session: AsyncSession, statement: Select[Any]) -> tuple[OtherCard, ...]:
    rows = await session.execute(statement)
    return tuple(
        OtherCard(row.id, row.brand, row.stage, row.outcome, row.created_at, row.same_seller, row.bits) for row in rows
    )


def _bits_apart(look: int) -> Any:
    return func.bit_count(cast(PhotoRow.look.op("#")(literal(look, BIGINT)), BIT(64)))


def _candidates(look: int) -> Any:
    """Photos of which one quarter is ours, or ours with one bit turned; written as the indexes are."""
    return or_(*(_same_quarter(quarter, look >> QUARTER_BITS * quarter & 0xFFFF) for quarter in range(QUARTERS)))


def _same_quarter(quarter: int, value: int) -> Any:
    near = ",".join(str(one) for one in (value, *(value ^ 1 << bit for bit in range(QUARTER_BITS))))
    return text(f"((photo.look >> {QUARTER_BITS * quarter}) & 65535) IN ({near})")
