"""Payments that wait before anything is sent, and rails with what they have used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import routing as reads
from database.reads.finance.awaited import AWAITED_KEYS
from database.repositories.orders import ORDER_TABLES
from database.tables.finance.routing import PayoutUsageRow, PayoutWaitRow, RailSwitchRow
from domain.finance.order_kinds import OrderCode, code_of
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from domain.finance.routing import LOOKED_AT, NEVER_ENDS, Health, RailRules, RoutingRules, WaitReason
from domain.identifiers import subject_of
from domain.money import Money
from domain.places import business_day

PAGE = 50


@dataclass(frozen=True)
class HeldView:
    """A payment that waits; `payee` is masked, `subject` the id of what it is for."""

    key: str
    code: OrderCode
    subject: str
    owner: str
    rail: Rail
    amount: Money
    payee: str
    reasons: tuple[WaitReason, ...]
    since: datetime
    until: datetime | None
    released_by: str | None
    released_reason: str
    asked_by: str | None  # Who asked for another payee; a second person agrees.
    askers: tuple[str, ...]
    asked_reason: str

    @property
    def for_person(self) -> bool:
        """Return whether a person can let it go."""
        return self.released_by is None and self.asked_by is None and bool(LOOKED_AT & set(self.reasons))

    @property
    def for_seller(self) -> bool:
        """Return whether the seller can be asked for another payee."""
        if self.code is not OrderCode.CARD or self.asked_by is not None:
            return False
        return self.for_person or self.never_ends

    @property
    def never_ends(self) -> bool:
        """Return whether another payee, or another policy, alone ends the wait: one person may ask the seller."""
        return not LOOKED_AT & set(self.reasons) and bool(NEVER_ENDS & set(self.reasons))


@dataclass(frozen=True)
class RailLimits:
    """The limits of a rail as amounts, and the least that a transfer costs."""

    transfer: Money
    seller: Money
    day: Money
    month: Money
    cost: Money


@dataclass(frozen=True)
class RailView:
    """A rail: what the policy says of it, what was ordered today and this month, what is under way, and its switch."""

    rail: Rail
    rules: RailRules | None
    day: Money
    month: Money
    under_way: int
    unknown: int
    waiting: int
    health: Health
    switch: RailSwitchRow | None
    past: tuple[RailSwitchRow, ...]

    @property
    def limits(self) -> RailLimits | None:
        """Return the limits; None for a rail that the policy does not name."""
        if self.rules is None:
            return None
        known = self.rules
        return RailLimits(
            Money(known.transfer_max_minor), Money(known.seller_day_max_minor), Money(known.day_max_minor),
            Money(known.month_max_minor), Money(known.cost_min_minor),
        )  # fmt: skip


async def held(session: AsyncSession, limit: int = PAGE) -> tuple[HeldView, ...]:
    """Return the payments that wait, the longest waiting first."""
    waiting = select(PayoutWaitRow).where(PayoutWaitRow.ended_at.is_(None))
    rows = await session.execute(waiting.order_by(PayoutWaitRow.since, PayoutWaitRow.key).limit(limit))
    return tuple(_held(row) for row in rows.scalars())


async def of_card(session: AsyncSession, card_id: str) -> HeldView | None:
    """Return why the card's payment waits; None where it does not."""
    mine = select(PayoutWaitRow).where(PayoutWaitRow.card_id == card_id, PayoutWaitRow.ended_at.is_(None))
    row = (await session.execute(mine.order_by(PayoutWaitRow.since.desc()).limit(1))).scalar_one_or_none()
    return None if row is None else _held(row)


async def of_key(session: AsyncSession, key: str) -> HeldView | None:
    """Return why the payment of this key waits; None where it does not."""
    row = await session.get(PayoutWaitRow, key)
    return None if row is None or row.ended_at is not None else _held(row)


async def rails(session: AsyncSession, rules: RoutingRules, now: datetime) -> tuple[RailView, ...]:
    """Return every rail, in the policy's order of preference."""
    off, health = await reads.switched_off(session), await reads.health(session, now)
    waiting = await _waiting(session)
    past = select(RailSwitchRow).where(RailSwitchRow.on_at.is_not(None)).order_by(RailSwitchRow.off_at.desc()).limit(30)
    history = (await session.execute(past)).scalars().all()
    found = []
    for rail in sorted(Rail, key=rules.preference):
        total = await reads.ordered(session, rail, None, business_day(now))
        under_way, unknown = await _open_orders(session, rail)
        found.append(
            RailView(
                rail, rules.of(rail), Money(total.day_minor), Money(total.month_minor), under_way, unknown, waiting.get(rail, 0), health[rail],
                off.get(rail), tuple(one for one in history if one.rail is rail)[:5],
            )
        )  # fmt: skip
    return tuple(found)


async def orders_today(session: AsyncSession, now: datetime) -> int:
    """Return how many orders were made today, on all rails."""
    counted = select(func.coalesce(func.sum(PayoutUsageRow.orders), 0)).where(PayoutUsageRow.day == business_day(now))
    return int((await session.execute(counted)).scalar_one())


async def _open_orders(session: AsyncSession, rail: Rail) -> tuple[int, int]:
    """Count the orders that are not settled, and those of them whose outcome is unknown."""
    found = [0, 0]
    for table in ORDER_TABLES.values():
        open_ones = select(
            func.count(), func.count().filter(table.state == PayoutState.UNKNOWN, table.key.not_in(AWAITED_KEYS))
        ).where(table.rail == rail, table.state.in_((PayoutState.PREPARED, PayoutState.UNKNOWN)))  # fmt: skip
        under_way, unknown = (await session.execute(open_ones)).one()
        found = [found[0] + int(under_way), found[1] + int(unknown)]
    return found[0], found[1]


async def _waiting(session: AsyncSession) -> dict[Rail, int]:
    counted = select(PayoutWaitRow.rail, func.count()).where(PayoutWaitRow.ended_at.is_(None))
    rows = await session.execute(counted.group_by(PayoutWaitRow.rail).order_by(PayoutWaitRow.rail))
    return {rail: int(count) for rail, count in rows}


def _held(row: PayoutWaitRow) -> HeldView:
    return HeldView(
        row.key, code_of(row.key), row.card_id or subject_of(row.key), row.owner, row.rail, Money(row.amount_minor), row.payee_masked,
        tuple(WaitReason(one) for one in row.reasons), row.since, row.until, row.released_by, row.released_reason,
        row.asked_by, tuple(row.askers), row.asked_reason,
    )  # fmt: skip
