"""What routing asks of our rows: switches, use of the limits, payees that were paid before, and verified names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops.providers import breakers, open_windows
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayeeCorrectionRow, PayoutRow
from database.tables.finance.routing import PayoutUsageRow, PayoutWaitRow, RailSwitchRow, VerifiedNameRow
from database.tables.finance.settlement import SettlementOrderRow, SettlementRunRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from domain.finance.routing import ROUTING, Health, start_of
from domain.ops.maintenance import HOLDING
from domain.ops.providers import PAYOUTS


@dataclass(frozen=True)
class PaidPayee:
    """A payee of a seller that an order was paid to."""

    key: str
    index: str | None
    masked: str
    rail: Rail
    paid_at: datetime


@dataclass(frozen=True)
class FirstPaid:
    """When an order was first paid to a payee; `released`: a person let a payment to it go, and that was paid."""

    at: datetime
    released: bool


@dataclass(frozen=True)
class PaidOfParty:
    """A payee of a counterparty that orders of its runs were paid to; `index` is None where it was not kept."""

    payee_id: str
    index: str | None
    first: FirstPaid

    def same(self, payee_id: str, index: str | None) -> bool:
        """Return whether it is this payee, or another agreement to the same account."""
        return self.payee_id == payee_id or (index is not None and self.index == index)


@dataclass(frozen=True)
class Ordered:
    """What was ordered on a rail and not refused, minor units: that day, that month up to it, and that day for one owner."""

    day_minor: int
    month_minor: int
    owner_day_minor: int


async def switched_off(session: AsyncSession) -> Mapping[Rail, RailSwitchRow]:
    """Return the rails that are switched off, each with its switch."""
    rows = await session.execute(select(RailSwitchRow).where(RailSwitchRow.on_at.is_(None)).order_by(RailSwitchRow.id))
    return {row.rail: row for row in rows.scalars()}


async def is_off(session: AsyncSession, rail: Rail) -> bool:
    """Return whether a person switched the rail off."""
    found = select(RailSwitchRow.id).where(RailSwitchRow.rail == rail, RailSwitchRow.on_at.is_(None))
    return (await session.execute(found)).scalar_one_or_none() is not None


async def ordered(session: AsyncSession, rail: Rail, owner: str | None, day: date) -> Ordered:
    """Return what was ordered on the rail and not refused; nothing is summed for an owner who is None."""
    net = PayoutUsageRow.ordered_minor - PayoutUsageRow.refused_minor
    sums = select(
        func.coalesce(func.sum(net).filter(PayoutUsageRow.day == day), 0).label("day"),
        func.coalesce(func.sum(net), 0).label("month"),
        (literal(0) if owner is None else _of_owner(rail, owner, start_of(day))).label("owner"),
    ).where(PayoutUsageRow.rail == rail, PayoutUsageRow.day.between(day.replace(day=1), day))
    found = (await session.execute(sums)).one()
    return Ordered(int(found.day), int(found.month), int(found.owner))


def _of_owner(rail: Rail, owner: str, begins: datetime) -> ColumnElement[int]:
    """What was ordered for an owner on the rail since then and not refused."""
    cards = (
        select(func.coalesce(func.sum(PayoutRow.amount_minor), 0))
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(
            SubmissionRow.owner == owner, PayoutRow.rail == rail, PayoutRow.prepared_at >= begins,
            PayoutRow.state != PayoutState.REFUSED,
        )
    )  # fmt: skip
    goodwill = (
        select(func.coalesce(func.sum(GoodwillOrderRow.amount_minor), 0))
        .join(GoodwillRow, GoodwillRow.id == GoodwillOrderRow.goodwill_id)
        .where(
            GoodwillRow.owner == owner, GoodwillOrderRow.rail == rail, GoodwillOrderRow.prepared_at >= begins,
            GoodwillOrderRow.state != PayoutState.REFUSED,
        )
    )  # fmt: skip
    return cards.scalar_subquery() + goodwill.scalar_subquery()


async def first_paid(session: AsyncSession, owner: str, payee_index: str | None) -> FirstPaid | None:
    """Return since when orders of this owner were paid to this payee; None where none was."""
    if payee_index is None:
        return None
    same = or_(
        PayoutRow.payee_index == payee_index,
        and_(PayoutRow.payee_index.is_(None), SubmissionRow.payee_index == payee_index),
    )
    let_go = and_(PayoutWaitRow.key == PayoutRow.key, PayoutWaitRow.payee_index == payee_index)
    released = PayoutWaitRow.released_at.is_not(None)
    found = (
        select(PayoutRow.settled_at, PayoutRow.prepared_at, released)
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .outerjoin(PayoutWaitRow, let_go)
        .where(SubmissionRow.owner == owner, PayoutRow.state == PayoutState.PAID, same)
        .order_by(released.desc(), PayoutRow.settled_at, PayoutRow.key)
        .limit(1)
    )
    row = (await session.execute(found)).one_or_none()
    return None if row is None else FirstPaid(row[0] or row[1], bool(row[2]))


async def ordered_to(session: AsyncSession, owner: str, payee_index: str, since: datetime, but: str) -> int:
    """Return what was ordered for cards of the owner to this payee since then and not refused, minor units; without the order `but`."""
    found = (
        select(func.coalesce(func.sum(PayoutRow.amount_minor), 0))
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(
            SubmissionRow.owner == owner, PayoutRow.payee_index == payee_index, PayoutRow.prepared_at >= since,
            PayoutRow.state != PayoutState.REFUSED, PayoutRow.key != but,
        )
    )  # fmt: skip
    return int((await session.execute(found)).scalar_one())


async def paid_payees(session: AsyncSession, owner: str, since: datetime) -> tuple[PaidPayee, ...]:
    """Return the payees of the owner's paid orders since then, the newest first."""
    rows = (
        select(PayoutRow, SubmissionRow.payee_index)
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(
            SubmissionRow.owner == owner, PayoutRow.state == PayoutState.PAID, PayoutRow.settled_at >= since,
            PayoutRow.payee_account_sealed.is_not(None),
        )
        .order_by(PayoutRow.settled_at.desc(), PayoutRow.key)
        .limit(50)
    )  # fmt: skip
    return tuple(
        PaidPayee(
            row.key, row.payee_index or index, row.payee_masked or "", row.rail, row.settled_at or row.prepared_at
        )
        for row, index in await session.execute(rows)
    )


async def named_by_routing(session: AsyncSession, card_id: str, rail: Rail) -> dict[str, Any] | None:
    """Return by what routing named the payee that the card's submission has now; None where another person named it."""
    newest = (
        select(PayeeCorrectionRow)
        .join(CardRow, CardRow.submission_id == PayeeCorrectionRow.submission_id)
        .where(CardRow.id == card_id, PayeeCorrectionRow.applied_at.is_not(None))
        .order_by(PayeeCorrectionRow.applied_at.desc(), PayeeCorrectionRow.id.desc())
        .limit(1)
    )
    row = (await session.execute(newest)).scalar_one_or_none()
    return row.weighed if row is not None and (row.proposed_by, row.rail) == (ROUTING, rail) else None


async def paid_payees_of(session: AsyncSession, counterparty_id: str) -> tuple[PaidOfParty, ...]:
    """Return the payees that orders of a counterparty's runs were paid to."""
    let_go = and_(
        PayoutWaitRow.key == SettlementOrderRow.key, PayoutWaitRow.payee_index == SettlementOrderRow.payee_index
    )
    payee = SettlementOrderRow.payee_id, SettlementOrderRow.payee_index
    found = (
        select(
            *payee,
            func.min(func.coalesce(SettlementOrderRow.settled_at, SettlementOrderRow.prepared_at)),
            func.bool_or(PayoutWaitRow.released_at.is_not(None)),
        )
        .join(SettlementRunRow, SettlementRunRow.id == SettlementOrderRow.run_id)
        .outerjoin(PayoutWaitRow, let_go)
        .where(SettlementRunRow.counterparty_id == counterparty_id, SettlementOrderRow.state == PayoutState.PAID)
        .group_by(*payee)
        .order_by(*payee)
    )
    return tuple(PaidOfParty(row[0], row[1], FirstPaid(row[2], bool(row[3]))) for row in await session.execute(found))


async def ordered_to_party(
    session: AsyncSession, counterparty_id: str, payee_id: str, payee_index: str | None, but: str
) -> int:
    """Return what was ordered for a counterparty's runs to this payee and not refused, minor units; without the order `but`."""
    same = SettlementOrderRow.payee_id == payee_id
    if payee_index is not None:
        same = or_(same, SettlementOrderRow.payee_index == payee_index)
    found = (
        select(func.coalesce(func.sum(SettlementOrderRow.amount_minor), 0))
        .join(SettlementRunRow, SettlementRunRow.id == SettlementOrderRow.run_id)
        .where(
            SettlementRunRow.counterparty_id == counterparty_id, same, SettlementOrderRow.key != but,
            SettlementOrderRow.state != PayoutState.REFUSED,
        )
    )  # fmt: skip
    return int((await session.execute(found)).scalar_one())


async def verified_name(session: AsyncSession, owner: str) -> VerifiedNameRow | None:
    """Return the owner's newest verified name; None where it was never verified."""
    newest = select(VerifiedNameRow).where(VerifiedNameRow.owner == owner)
    ordered = newest.order_by(VerifiedNameRow.verified_at.desc(), VerifiedNameRow.id.desc()).limit(1)
    return (await session.execute(ordered)).scalar_one_or_none()


async def health(session: AsyncSession, now: datetime) -> Mapping[Rail, Health]:
    """Return how each rail does: by the windows of maintenance and by the circuits of its calls."""
    windows = await open_windows(session)
    held = {one.provider for one in windows if one.state in HOLDING}
    failing = {one.name for one in await breakers(session) if one.open_until is not None and one.open_until > now}
    return {rail: _health(rail, held, failing) for rail in Rail}


def _health(rail: Rail, held: set[str], failing: set[str]) -> Health:
    # Alipay was the only provider of payments before there were rails; its windows are those of all payments.
    if f"{PAYOUTS.id}:{rail.value}" in held or (rail is Rail.ALIPAY and PAYOUTS.id in held):
        return Health.MAINTENANCE
    return Health.FAILING if rail.value in failing else Health.WELL
