"""What an owner may see of their submissions: cards, quotes, codes and payouts. Never an internal price, never a secret."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.asked import Asked, asked_for
from database.reads.cards.differing import differing
from database.reads.ops.providers import Delay, Delays, delay_of, delays
from database.tables.cards import CardEventRow, CardRow, QuoteRow, SubmissionRow
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.finance.tax import TaxWithholdingRow
from domain.cards.card import CardType, EndReason, Outcome, Stage, StoryEntry, WaitingFor
from domain.cards.pricing import BreakdownLine, LineKind, QuoteState
from domain.errors.general import NotFound
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from domain.money import Currency, Money

# Facts of each event that its owner may see. All others are internal: task ids, what the rules
# made of a card before it was offered, how sure the reader was.
PUBLIC_FACTS = frozenset({
    "amount", "answer.en", "answer.zh_CN", "asked_item", "changed", "held_for", "outcome", "party", "payee", "payee_fault", "reason", "reject_reason", "result", "sent_to", "status", "tries_left",
})  # fmt: skip
HIDDEN_EVENTS = frozenset({
    "pricing.valued", "review.warning", "review.breach", "callback.warning", "callback.breach", "callback.reminded", "callback.replanned",
    "callback.snoozed", "callback.woken", "callback.escalated", "callback.taken_over",
})  # fmt: skip


@dataclass(frozen=True)
class QuoteView:
    """A quote that was put before the seller; `amount` is in CNY, `lines` explain it."""

    id: str
    amount: Money
    lines: tuple[BreakdownLine, ...]
    state: QuoteState
    rule_version: str
    offered_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class PayoutView:
    """A payment order of the card; `payee` is masked. `amount` is what is paid out, `withheld` the tax kept back before."""

    amount: Money
    state: PayoutState
    payee: str
    settled_at: datetime | None
    rail: Rail
    withheld: Money

    @property
    def gross(self) -> Money:
        """Return what the card was sold for."""
        return self.amount + self.withheld


@dataclass(frozen=True)
class CardView:
    """One card as its owner sees it; of the number only its last four characters."""

    id: str
    submission_id: str
    position: int
    brand: str
    card_type: CardType
    number_tail: str | None
    face_value: Money | None
    expires_on: date | None
    stage: Stage
    waiting_for: WaitingFor
    since: datetime
    until: datetime | None
    outcome: Outcome | None
    reason: EndReason | None
    reason_detail: str | None
    created_at: datetime
    payee: str
    quote: QuoteView | None
    payout: PayoutView | None
    asked: Asked | None  # While the seller is to send one item again.
    differs: tuple[str, ...] = ()  # Fields that were sent otherwise than a photo surely shows them.
    delay: Delay | None = None  # A party in maintenance: until it is over nothing is promised.

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.stage is Stage.ENDED


@dataclass(frozen=True)
class SubmissionView:
    """A submission with its cards in their original order."""

    id: str
    owner: str
    created_at: datetime
    cards: tuple[CardView, ...]


async def submission(session: AsyncSession, owner: str, submission_id: str) -> SubmissionView:
    """Return the submission with all its cards, in six statements. Refuses (NotFound) what is not the owner's."""
    row = await session.get(SubmissionRow, submission_id)
    if row is None or row.owner != owner:
        raise NotFound()
    chosen = select(CardRow, SubmissionRow).join(SubmissionRow).where(CardRow.submission_id == submission_id)
    cards = await card_views(session, (await session.execute(chosen.order_by(CardRow.position))).all())
    return SubmissionView(row.id, row.owner, row.created_at, cards)


async def submissions(
    session: AsyncSession, owner: str, *, before: str | None, limit: int
) -> tuple[tuple[SubmissionView, ...], str | None]:
    """Return the owner's submissions, newest first, and the cursor of the next page (None at the end).

    `before` is a cursor from here: ids rise with time, so no page is ever skipped over or counted through.
    """
    wanted = (
        select(SubmissionRow).where(SubmissionRow.owner == owner).order_by(SubmissionRow.id.desc()).limit(limit + 1)
    )
    if before is not None:
        wanted = wanted.where(SubmissionRow.id < before)
    rows = (await session.scalars(wanted)).all()
    shown = rows[:limit]
    chosen = (
        select(CardRow, SubmissionRow).join(SubmissionRow).where(CardRow.submission_id.in_([row.id for row in shown]))
    )
    views = await card_views(session, (await session.execute(chosen.order_by(CardRow.position))).all())
    found = tuple(
        SubmissionView(row.id, row.owner, row.created_at, tuple(card for card in views if card.submission_id == row.id))
        for row in shown
    )
    return found, shown[-1].id if len(rows) > limit else None


async def card(session: AsyncSession, owner: str, card_id: str) -> CardView:
    """Return one card of the owner. Refuse NotFound for another owner's."""
    chosen = (
        select(CardRow, SubmissionRow).join(SubmissionRow).where(CardRow.id == card_id, SubmissionRow.owner == owner)
    )
    views = await card_views(session, (await session.execute(chosen)).all())
    if not views:
        raise NotFound()
    return views[0]


async def require_owner(session: AsyncSession, owner: str, card_id: str) -> CardRow:
    """Return the card's row. Refuses (NotFound) another owner's."""
    chosen = select(CardRow).join(SubmissionRow).where(CardRow.id == card_id, SubmissionRow.owner == owner)
    row = await session.scalar(chosen)
    if row is None:
        raise NotFound()
    return row


async def story(session: AsyncSession, card_id: str) -> tuple[StoryEntry, ...]:
    """Return a card's events as its owner may see them, oldest first; access was checked before."""
    chosen = select(CardEventRow).where(CardEventRow.card_id == card_id).order_by(CardEventRow.id)
    rows = [row for row in await session.scalars(chosen) if row.what not in HIDDEN_EVENTS]
    return tuple(StoryEntry(row.at.isoformat(), row.stage, row.what, _public(row.facts)) for row in rows)


async def last_event(session: AsyncSession, card_ids: Sequence[str]) -> int:
    """How many events these cards have; it rises with each that is committed.

    Numbers are given out before a commit, so that a lower one may appear after a higher one; a count misses none.
    """
    counted = select(func.count()).select_from(CardEventRow).where(CardEventRow.card_id.in_(card_ids))
    return await session.scalar(counted) or 0


@dataclass(frozen=True)
class Progress:
    """How many events a card has, whether nothing more will come, and the mark of the maintenance it waits for, if any."""

    events: int
    ended: bool
    held: str = ""


async def progress(session: AsyncSession, card_ids: Collection[str]) -> dict[str, Progress]:
    """Return how far each of these cards is; deleted ones are left out. Events are counted as by `last_event`."""
    counted = select(func.count()).where(CardEventRow.card_id == CardRow.id).scalar_subquery().label("events")
    columns = (CardRow.id, CardRow.stage, CardRow.card_type, CardRow.brand, counted)
    rows = (await session.execute(select(*columns).where(CardRow.id.in_(card_ids)))).all()
    held = await delays(session, now())
    return {row.id: Progress(int(row.events), row.stage is Stage.ENDED, _mark(held, row)) for row in rows}


def _mark(held: Delays, row: Any) -> str:
    delay = None if row.stage is Stage.ENDED else delay_of(held, row.stage, row.card_type, row.brand)
    return "" if delay is None else delay.mark


async def card_views(session: AsyncSession, rows: Iterable[tuple[CardRow, SubmissionRow]]) -> tuple[CardView, ...]:
    """Return the cards with their latest quote and payout and what their photos contradict: four statements, however many cards;
    a fifth where an item is waited for."""
    pairs = list(rows)
    ids = [card.id for card, _ in pairs]
    quotes, payouts = await _latest_quotes(session, ids), await _latest_payouts(session, ids)
    asked = await asked_for(session, [card.id for card, _ in pairs if card.waiting_for is WaitingFor.SELLER_ITEM])
    differs = await differing(session, [card.id for card, _ in pairs if card.outcome is None])
    held = await delays(session, now())
    return tuple(
        replace(
            _card_view(card, sub, quotes.get(card.id), payouts.get(card.id), asked.get(card.id)),
            differs=differs.get(card.id, ()),
            delay=delay_of(held, card.stage, card.card_type, card.brand),
        )
        for card, sub in pairs
    )


async def _latest_quotes(session: AsyncSession, ids: list[str]) -> dict[str, QuoteRow]:
    """Only quotes that were offered: one that a reviewer is still looking at is no promise."""
    chosen = select(QuoteRow).where(QuoteRow.card_id.in_(ids), QuoteRow.offered_at.is_not(None))
    return {row.card_id: row for row in await session.scalars(chosen.order_by(QuoteRow.offered_at))}


async def _latest_payouts(session: AsyncSession, ids: list[str]) -> dict[str, tuple[PayoutRow, int]]:
    """Each card's last order, with the tax that was withheld from it."""
    chosen = (
        select(PayoutRow, func.coalesce(TaxWithholdingRow.tax_minor, 0))
        .outerjoin(TaxWithholdingRow, TaxWithholdingRow.key == PayoutRow.key)
        .where(PayoutRow.card_id.in_(ids))
        .order_by(PayoutRow.prepared_at)
    )
    return {row.card_id: (row, tax) for row, tax in await session.execute(chosen)}


def _public(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if name in PUBLIC_FACTS}


def _card_view(
    card: CardRow, sub: SubmissionRow, quote: QuoteRow | None, payout: tuple[PayoutRow, int] | None, asked: Asked | None
) -> CardView:
    face = None if card.face_value_minor is None else Money(card.face_value_minor, card.currency)
    return CardView(
        id=card.id,
        submission_id=card.submission_id,
        position=card.position,
        brand=card.brand,
        card_type=card.card_type,
        number_tail=card.number_tail,
        face_value=face,
        expires_on=card.expires_on,
        stage=card.stage,
        waiting_for=card.waiting_for,
        since=card.since,
        until=card.until,
        outcome=card.outcome,
        reason=card.reason,
        reason_detail=card.reason_detail,
        created_at=card.created_at,
        payee=sub.payee_masked,
        quote=_quote_view(quote) if quote else None,
        payout=_payout_view(*payout, sub.payee_masked) if payout else None,
        asked=asked,
    )


def _quote_view(row: QuoteRow) -> QuoteView:
    if row.offered_at is None:
        raise ValueError("a quote that was never offered is not shown")
    lines = tuple(_line(line) for line in row.lines)
    amount = Money(row.amount_minor, row.currency)
    return QuoteView(row.id, amount, lines, row.state, row.rule_version, row.offered_at, row.expires_at)


def _line(stored: Mapping[str, Any]) -> BreakdownLine:
    amount = Money(int(stored["amount_minor"]), Currency(stored.get("currency", Currency.CNY)))
    return BreakdownLine(LineKind(stored["kind"]), stored.get("basis_points"), amount)


def _payout_view(row: PayoutRow, tax_minor: int, payee: str) -> PayoutView:
    return PayoutView(
        Money(row.amount_minor, row.currency), row.state, row.payee_masked or payee, row.settled_at, row.rail,
        Money(tax_minor, row.currency),
    )  # fmt: skip
