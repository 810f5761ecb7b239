"""After a certain refusal: the seller's earlier payee on the cheapest other rail is paid, where the policy says so. Never before one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import routing as reads
from database.reads.finance.routing import PaidPayee
from database.repositories import cards, outbox
from database.repositories.cards import Change
from database.sealed import CORRECTED_ACCOUNT, CORRECTED_NAME, ORDER_ACCOUNT, ORDER_NAME, PAYEE_ACCOUNT, PAYEE_NAME
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayeeCorrectionRow, PayoutRow
from database.tables.finance.rails import ConfirmationRow
from domain.finance.payout import PayeeFault, PayoutState
from domain.finance.rails import Rail
from domain.finance.routing import ROUTING, Health, RoutingRules, Weighed, place_of, weighed
from domain.identifiers import new_id
from domain.places import business_day
from domain.rules.payout_routing import routing_in_force
from domain.sealing import KeyRing
from services.finance.payee_faults import payee_fault

BY = ROUTING  # Who named the payee: neither the seller nor staff, but an earlier word of the seller's.
FELL_OVER = "payee_other"  # The message about it.


@dataclass(frozen=True)
class Best:
    """The payee that is named instead, and every rail that was weighed, the one taken first."""

    payee: PaidPayee
    rails: tuple[Weighed, ...]


async def fall_over(session: AsyncSession, keyring: KeyRing, refused: PayoutRow, now: datetime) -> bool:
    """Put the seller's earlier payee on another rail in place of the refused one; return whether there was one.

    Only payees that an order of the same seller was paid to, and that this card has not tried; never where the receiver did
    not confirm or the seller called the transfer off: they choose themselves. The caller has settled the order as refused
    for certain and holds its row.
    """
    rules = routing_in_force(business_day(now))
    card = await cards.load_for_update(session, refused.card_id)
    submission = await session.get_one(SubmissionRow, card.submission_id, with_for_update=True)
    if not rules.fail_over or not submission.owner.startswith("seller:") or refused.state is not PayoutState.REFUSED:
        return False
    if await _seller_chooses(session, refused):
        return False
    known = await reads.paid_payees(session, submission.owner, now - timedelta(days=rules.fail_over_days))
    best = await _best(session, rules, refused, submission.owner, known, now)
    if best is None:
        return False
    await _apply(session, keyring, card, submission, best, refused.amount_minor, now)
    return True


async def _seller_chooses(session: AsyncSession, refused: PayoutRow) -> bool:
    """Whether the transfer is over because its receiver let it be, or while the seller wanted it called off."""
    if payee_fault(refused.rail, refused.refusal_code) is PayeeFault.NOT_CONFIRMED:
        return True
    confirmation = await session.get(ConfirmationRow, refused.key)
    return confirmation is not None and confirmation.cancel_asked_at is not None


async def _best(
    session: AsyncSession,
    rules: RoutingRules,
    refused: PayoutRow,
    owner: str,
    known: tuple[PaidPayee, ...],
    now: datetime,
) -> Best | None:
    """The payee on the cheapest rail, among rails that are used, switched on and well: those within their limits first."""
    tried = select(PayoutRow.payee_masked).where(PayoutRow.card_id == refused.card_id).order_by(PayoutRow.key)
    gone = set((await session.execute(tried)).scalars())
    off, health = await reads.switched_off(session), await reads.health(session, now)
    fit = [
        one
        for one in known
        if one.rail is not refused.rail and one.masked not in gone and one.rail not in off and health[one.rail] is Health.WELL
    ]  # fmt: skip
    rails: dict[Rail, Weighed] = {}
    for rail in {one.rail for one in fit}:
        before = await reads.ordered(session, rail, owner, business_day(now))
        found = weighed(
            rules, rail, refused.amount_minor, seller_day_minor=before.owner_day_minor, day_minor=before.day_minor,
            month_minor=before.month_minor,
        )  # fmt: skip
        if found is not None:
            rails[rail] = found
    payees = [one for one in fit if one.rail in rails]
    best = min(payees, key=lambda one: (place_of(rules, rails[one.rail]), -one.paid_at.timestamp()), default=None)
    return None if best is None else Best(best, tuple(sorted(rails.values(), key=lambda one: place_of(rules, one))))


async def _apply(
    session: AsyncSession, keyring: KeyRing, card: CardRow, submission: SubmissionRow, best: Best, amount_minor: int, now: datetime
) -> None:  # fmt: skip
    other = best.payee
    paid = await session.get_one(PayoutRow, other.key)
    if paid.payee_account_sealed is None or paid.payee_name_sealed is None:
        raise LookupError(other.key)
    account = ORDER_ACCOUNT.open(keyring, paid.key, paid.payee_account_sealed)
    name = ORDER_NAME.open(keyring, paid.key, paid.payee_name_sealed)
    correction_id = new_id()
    correction = PayeeCorrectionRow(
        id=correction_id, submission_id=submission.id, proposed_by=BY, masked=other.masked, rail=other.rail,
        account_sealed=CORRECTED_ACCOUNT.seal(keyring, correction_id, account),
        name_sealed=CORRECTED_NAME.seal(keyring, correction_id, name), proposed_at=now, applied_at=now,
        weighed={
            "amount_minor": amount_minor, "costs_minor": {one.rail.value: one.cost_minor for one in best.rails},
            "beyond": {one.rail.value: [why.value for why in one.beyond] for one in best.rails if one.beyond},
        },
    )  # fmt: skip
    session.add(correction)
    submission.payee_account_sealed = PAYEE_ACCOUNT.seal(keyring, submission.id, account)
    submission.payee_name_sealed = PAYEE_NAME.seal(keyring, submission.id, name)
    submission.payee_index, submission.payee_masked, submission.payee_rail = other.index, other.masked, other.rail
    facts = {"payee": other.masked, "rail": other.rail.value}
    change = Change(card.stage, card.waiting_for, card.until, "payout.fell_over", facts)
    await cards.record(session, card.id, change)
    news = {"card_id": card.id, "payee": other.masked, "page": "/wallet"}
    await outbox.put(session, outbox.MESSAGES, submission.owner, FELL_OVER, news)
