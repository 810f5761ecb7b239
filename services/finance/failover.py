"""After a certain refusal: the seller's earlier payee on another rail is paid, where the policy says so. Never before one."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import routing as reads
from database.reads.finance.routing import PaidPayee
from database.repositories import cards, outbox
from database.repositories.cards import Change
from database.sealed import CORRECTED_ACCOUNT, CORRECTED_NAME, ORDER_ACCOUNT, ORDER_NAME, PAYEE_ACCOUNT, PAYEE_NAME
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance import PayeeCorrectionRow, PayoutRow
from database.tables.finance_rails import ConfirmationRow
from domain.finance.payout import PayeeFault, PayoutState
from domain.finance.routing import Health, RoutingRules
from domain.identifiers import new_id
from domain.places import business_day
from domain.rules.payout_routing import routing_in_force
from domain.sealing import KeyRing
from services.finance.payee_faults import payee_fault

BY = "routing"  # Who named the payee: neither the seller nor staff, but an earlier word of the seller's.
FELL_OVER = "payee_other"  # The message about it.


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
    other = await _best(session, rules, refused, known, now)
    if other is None:
        return False
    await _apply(session, keyring, card, submission, other, now)
    return True


async def _seller_chooses(session: AsyncSession, refused: PayoutRow) -> bool:
    """Whether the transfer is over because its receiver let it be, or while the seller wanted it called off."""
    if payee_fault(refused.rail, refused.refusal_code) is PayeeFault.NOT_CONFIRMED:
        return True
    confirmation = await session.get(ConfirmationRow, refused.key)
    return confirmation is not None and confirmation.cancel_asked_at is not None


async def _best(
    session: AsyncSession, rules: RoutingRules, refused: PayoutRow, known: tuple[PaidPayee, ...], now: datetime
) -> PaidPayee | None:
    """The payee on the rail that the policy prefers, among rails that are used, switched on and well."""
    tried = select(PayoutRow.payee_masked).where(PayoutRow.card_id == refused.card_id).order_by(PayoutRow.key)
    gone = set((await session.execute(tried)).scalars())
    off, health = await reads.switched_off(session), await reads.health(session, now)
    fit = [
        one
        for one in known
        if one.rail is not refused.rail and one.masked not in gone and one.rail not in off and health[one.rail] is Health.WELL
        and (rule := rules.of(one.rail)) is not None and rule.enabled and refused.amount_minor <= rule.transfer_max_minor
    ]  # fmt: skip
    return min(fit, key=lambda one: (rules.preference(one.rail), -one.paid_at.timestamp()), default=None)


async def _apply(
    session: AsyncSession, keyring: KeyRing, card: CardRow, submission: SubmissionRow, other: PaidPayee, now: datetime
) -> None:
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
