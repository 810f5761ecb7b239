"""Whether a payment may leave now, and on which rail.

Payments are judged beside each other; each is counted against the limits as the last act of its transaction, under the lock of
its rail's day. Where the limits do not hold then, another order took what was left of them, and the payment is judged again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire_for
from database.once import insert_once
from database.reads.finance import routing as reads
from database.repositories import outbox
from database.sealed import VERIFIED_NAME
from database.tables.finance.routing import PayeeChangeRow, PayoutUsageRow, PayoutWaitRow
from domain.finance.rails import Rail
from domain.finance.routing import NameState, Route, RoutingRules, Situation, Wait, judge
from domain.identifiers import payout_key
from domain.money import Money
from domain.places import business_day
from domain.rules.payout_routing import routing_in_force
from domain.sealing import KeyRing
from domain.typed import plain_name

SELLER = "seller:"
CHANGED = "payee_changed"  # The message to the old contact.
ALL = timedelta(days=3660)  # Longer than orders are kept.
AGAIN = 10  # Each time another order was counted meanwhile, so that the next judgement sees less of the limit left.
T = TypeVar("T")


class LimitsMoved(Exception):
    """Other orders took what was left of a limit while this one was judged: nothing of it may be written."""


@dataclass(frozen=True)
class AgreedPayee:
    """A counterparty's payee: two people agreed to it. `counterparty` is the name that its own is compared with."""

    id: str
    counterparty_id: str
    counterparty: str
    agreed_at: datetime


@dataclass(frozen=True)
class Payment:
    """A payment before its order is made. `key` is the order's; `card_id` is None where it is not for a card.

    `agreed` is there for a counterparty's alone.
    """

    key: str
    card_id: str | None
    owner: str  # seller:<id> or partner:<id>
    rail: Rail
    amount: Money
    payee_masked: str
    payee_index: str | None
    payee_name: str = field(repr=False)
    agreed: AgreedPayee | None = None


async def route(session: AsyncSession, keyring: KeyRing, payment: Payment, now: datetime) -> Route | Wait:
    """Return the rail of a payment, or why its order must wait. The seller's choice is the rail. Count the order by `count`."""
    rules = routing_in_force(business_day(now))
    found = await situation(session, keyring, payment, rules, now)
    if (wait := judge(rules, found)) is not None:
        return wait
    return Route(payment.rail, rules.version, await _facts(session, rules, payment, found))


async def count(session: AsyncSession, payment: Payment, now: datetime) -> None:
    """Count an order that the transaction has written against the limits. Raises LimitsMoved where they do not hold.

    The last act before the commit: no other order of the rail is counted until then, so that every further statement would
    slow all of them.
    """
    await count_made(session, payment.rail, payment.amount, now)
    total = await reads.ordered(session, payment.rail, _limited(payment), business_day(now))
    rail = routing_in_force(business_day(now)).of(payment.rail)
    if rail is not None and rail.passed(
        seller_day_minor=total.owner_day_minor, day_minor=total.day_minor, month_minor=total.month_minor
    ):
        raise LimitsMoved


async def until_counted(made: Callable[[], Awaitable[T]]) -> T:
    """Make an order in a transaction of its own, again where it ended with LimitsMoved: the others are seen by then."""
    for _ in range(AGAIN):
        with suppress(LimitsMoved):
            return await made()
    return await made()


async def count_made(session: AsyncSession, rail: Rail, amount: Money, now: datetime) -> None:
    """Count an order whatever the limits, e.g. one that has left already; the row of the rail's day is locked until the end."""
    made = insert(PayoutUsageRow).values(
        rail=rail, day=business_day(now), ordered_minor=amount.amount_minor, refused_minor=0, orders=1
    )
    more = {
        "ordered_minor": PayoutUsageRow.ordered_minor + amount.amount_minor, "orders": PayoutUsageRow.orders + 1,
    }  # fmt: skip
    await session.execute(made.on_conflict_do_update(index_elements=["rail", "day"], set_=more))


async def refused_again(session: AsyncSession, rail: Rail, amount: Money, prepared_at: datetime) -> None:
    """Release what a refused order had used of the limits of its day and month."""
    mine = PayoutUsageRow.rail == rail, PayoutUsageRow.day == business_day(prepared_at)
    less = {"refused_minor": PayoutUsageRow.refused_minor + amount.amount_minor}
    await session.execute(update(PayoutUsageRow).where(*mine).values(less).execution_options(synchronize_session=False))


async def why_waiting(session: AsyncSession, keyring: KeyRing, payment: Payment, now: datetime) -> Wait | None:
    """Return why a payment waits at this moment, without counting it; None when it may continue."""
    rules = routing_in_force(business_day(now))
    return judge(rules, await situation(session, keyring, payment, rules, now))


async def situation(
    session: AsyncSession, keyring: KeyRing, payment: Payment, rules: RoutingRules, now: datetime
) -> Situation:
    """Return the facts that a payment is judged by. A change of payee is noted, with one message to the old contact."""
    before = await reads.ordered(session, payment.rail, _limited(payment), business_day(now))
    held = await session.get(PayoutWaitRow, payment.key)
    found = Situation(
        payment.rail,
        payment.amount.amount_minor,
        now,
        switched_off=await reads.is_off(session, payment.rail),
        seller_day_minor=before.owner_day_minor,
        day_minor=before.day_minor,
        month_minor=before.month_minor,
        # A person let this payee go, and no other.
        released=held is not None and held.released_at is not None and held.payee_index == payment.payee_index,
    )
    if payment.agreed is not None:
        return await _agreed(session, payment, payment.agreed, rules, found)
    if payment.card_id is None:  # Goodwill: its payee was paid before, and two people agreed to it.
        name = await _name(session, keyring, payment)
        return replace(found, name=NameState.OTHERS if name is NameState.UNVERIFIED else name)
    first = await reads.first_paid(session, payment.owner, payment.payee_index)
    to_payee = await _ordered_to_new(session, payment, rules, first, now)
    return replace(
        found,
        name=await _name(session, keyring, payment),
        new_payee=to_payee is not None,
        to_payee_minor=to_payee or 0,
        cooling_until=await _cooling(session, payment, rules, now, known=first is not None),
    )


def _limited(payment: Payment) -> str | None:
    """Return whose payments of a day are limited; a counterparty has one payment for a whole period, and no such limit."""
    return payment.owner if payment.agreed is None else None


async def _ordered_to_new(
    session: AsyncSession, payment: Payment, rules: RoutingRules, first: reads.FirstPaid | None, now: datetime
) -> int | None:
    """Return what was ordered before to a payee that is new, so that no sum leaves in small parts; None for a known payee.

    Of payments at once the second one sees the first. As for a change of payee, a partner's payments are not summed: its customers
    have a payee each.
    """
    if payment.payee_index is None or not payment.owner.startswith(SELLER):
        return 0 if first is None else None
    if first is not None and _known(rules, first, now):
        return None
    await acquire_for(session, AdvisoryLock.NEW_PAYEE, f"{payment.owner} {payment.payee_index}")
    return await reads.ordered_to(session, payment.owner, payment.payee_index, now - ALL, payment.key)


def _known(rules: RoutingRules, first: reads.FirstPaid, now: datetime) -> bool:
    return first.released or first.at + timedelta(hours=rules.change_cools_hours) <= now


async def _agreed(
    session: AsyncSession, payment: Payment, payee: AgreedPayee, rules: RoutingRules, found: Situation
) -> Situation:
    """Judge a counterparty's payee by what it was paid before: a known one is judged no more.

    Two people agreed to the payee; a change cools down from then on, as a seller's does, and what was ordered to the payee
    meanwhile counts with this payment, paid or not.
    """
    paid = await reads.paid_payees_of(session, payee.counterparty_id)
    mine = [one.first for one in paid if one.same(payee.id, payment.payee_index)]
    looked_at, hours = any(first.released for first in mine), timedelta(hours=rules.change_cools_hours)
    if any(first.at + hours <= found.now for first in mine):
        return replace(found, name=NameState.OTHERS)
    await acquire_for(session, AdvisoryLock.NEW_PAYEE, f"{payee.counterparty_id} {payee.id}")
    before = await reads.ordered_to_party(
        session, payee.counterparty_id, payee.id, payment.payee_index, payment.key
    )  # fmt: skip
    cools = len(mine) < len(paid) and before + payment.amount.amount_minor >= rules.change_cools_from_minor
    same = same_name(payee.counterparty, payment.payee_name)
    return replace(
        found,
        name=NameState.OTHERS if looked_at else NameState.SAME if same else NameState.DIFFERS,
        new_payee=not looked_at,
        to_payee_minor=before,
        cooling_until=payee.agreed_at + hours if cools else None,
    )


def same_name(one: str, other: str) -> bool:
    """Return whether two names are of one person: spaces, dots between parts, and capitals count for nothing."""
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    return "".join(letter for letter in plain_name(name).casefold() if letter.isalnum())


async def _name(session: AsyncSession, keyring: KeyRing, payment: Payment) -> NameState:
    if not payment.owner.startswith(SELLER):
        return NameState.OTHERS
    row = await reads.verified_name(session, payment.owner)
    if row is None:
        return NameState.UNVERIFIED
    verified = VERIFIED_NAME.open(keyring, row.id, row.name_sealed)
    return NameState.SAME if same_name(verified, payment.payee_name) else NameState.DIFFERS


async def _cooling(
    session: AsyncSession, payment: Payment, rules: RoutingRules, now: datetime, *, known: bool
) -> datetime | None:
    """Until when a seller's change of payee cools down: from the moment on at which the old contact was written to.

    What was ordered to the payee since then counts with this payment, so that no sum leaves in small parts; that an order was
    paid meanwhile (`known`) changes nothing. The change is locked: of two orders at once the second one sees the first.
    """
    if not payment.owner.startswith(SELLER) or payment.payee_index is None:
        return None
    change = (payment.owner, payment.payee_index)
    if known:
        row = await session.get(PayeeChangeRow, change)
        if row is None:
            return None
        noticed = row.noticed_at
    elif (first := await _noticed(session, payment, now)) is not None:
        noticed = first
    else:
        return None
    if (until := noticed + timedelta(hours=rules.change_cools_hours)) <= now:
        return None
    await session.get_one(PayeeChangeRow, change, with_for_update=True, populate_existing=True)
    before = await reads.ordered_to(session, *change, noticed, payment.key)
    return until if before + payment.amount.amount_minor >= rules.change_cools_from_minor else None


async def _noticed(session: AsyncSession, payment: Payment, now: datetime) -> datetime | None:
    """When it was first seen that the seller names another payee than before; None for the first that they name at all."""
    before = await reads.paid_payees(session, payment.owner, now - ALL)
    if not before or payment.payee_index is None:
        return None
    row = PayeeChangeRow(
        owner=payment.owner, payee_index=payment.payee_index, payee_masked=payment.payee_masked,
        before_masked=before[0].masked, noticed_at=now,
    )  # fmt: skip
    if not await insert_once(session, row, "owner", "payee_index"):
        return (await session.get_one(PayeeChangeRow, (payment.owner, payment.payee_index))).noticed_at
    news = {
        "card_id": payment.card_id or "", "payee": payment.payee_masked, "before": before[0].masked, "page": "/wallet",
    }  # fmt: skip
    await outbox.put(session, outbox.MESSAGES, payment.owner, CHANGED, news)
    return now


async def _facts(session: AsyncSession, rules: RoutingRules, payment: Payment, found: Situation) -> dict[str, str]:
    """What the order keeps of how its rail was chosen."""
    rail = rules.of(found.rail)
    cost = rail.cost_minor(found.amount_minor) if rail is not None else 0
    health = (await reads.health(session, found.now))[found.rail]
    return {
        **await _chosen(session, payment), "health": health.value, "cost_minor": str(cost), "name": found.name.value,
        "day_minor": str(found.day_minor + found.amount_minor), "month_minor": str(found.month_minor + found.amount_minor),
        "released": "yes" if found.released else "no",
    }  # fmt: skip


async def _chosen(session: AsyncSession, payment: Payment) -> dict[str, str]:
    """Who chose the rail; after a refusal by cost, with what the transfer costs on each rail that could take it."""
    if payment.agreed is not None:
        return {"chosen_by": "finance"}
    if payment.card_id is None or payment.key == payout_key(payment.card_id, 1):
        return {"chosen_by": "seller"}  # Only a refused order is followed by a payee that routing names.
    named = await reads.named_by_routing(session, payment.card_id, payment.rail)
    if named is None:
        return {"chosen_by": "seller"}
    costs = {f"cost_{rail}_minor": str(minor) for rail, minor in sorted(named.get("costs_minor", {}).items())}
    beyond = {f"beyond_{rail}": "yes" for rail in sorted(named.get("beyond", {}))}
    return {"chosen_by": "cost" if costs else "routing", **costs, **beyond}
