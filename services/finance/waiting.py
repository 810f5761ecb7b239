"""Payments that wait before anything is sent: kept with their reasons and shown on their card until their order is made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories import cards
from database.repositories.cards import Change
from database.sealed import ORDER_NAME, PAYEE_NAME
from database.tables.cards import SubmissionRow
from database.tables.finance import PayoutRow
from database.tables.finance_routing import PayoutWaitRow
from database.tables.support.goodwill import GoodwillRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import PaymentHeld
from domain.finance.routing import LOOKED_AT, Wait
from domain.money import Money
from domain.places import business_day
from domain.rules.payout_routing import routing_in_force
from domain.sealing import KeyRing
from services.finance.routing import Payment
from services.work import sla


def payment_of_card(keyring: KeyRing, submission: SubmissionRow, card_id: str, key: str, amount: Money) -> Payment:
    """Return the payment of a card to the payee that its submission names now; `amount` is what would be sent."""
    name = PAYEE_NAME.open(keyring, submission.id, submission.payee_name_sealed)
    return Payment(
        key, card_id, submission.owner, submission.payee_rail, amount, submission.payee_masked, submission.payee_index, name
    )  # fmt: skip


def payment_of_goodwill(keyring: KeyRing, given: GoodwillRow, paid: PayoutRow, key: str) -> Payment:
    """Return a goodwill payment: it goes to the payee of an earlier order of the same seller, on its rail."""
    name = "" if paid.payee_name_sealed is None else ORDER_NAME.open(keyring, paid.key, paid.payee_name_sealed)
    amount = Money(given.amount_minor, given.currency)
    return Payment(key, None, given.owner, paid.rail, amount, given.payee_masked, paid.payee_index, name)


async def hold(session: AsyncSession, payment: Payment, wait: Wait, now: datetime) -> PaymentHeld:
    """Keep why a payment waits, and show it on its card; the same reasons again change nothing."""
    fresh = await keep(session, payment, wait, now)
    if fresh and payment.card_id is not None:
        facts = {"key": payment.key, "reasons": ",".join(wait.reasons), "rail": payment.rail.value}
        change = Change(Stage.PAYOUT, waiting_for(wait), wait.until, "payout.waits", facts)
        await cards.record(session, payment.card_id, change)
        await sla.follow(session, payment.card_id, waiting_for(wait), now)
    return held_by(wait)


async def keep(session: AsyncSession, payment: Payment, wait: Wait, now: datetime) -> bool:
    """Keep why a payment waits; return whether that is news."""
    version, reasons = routing_in_force(business_day(now)).version, [one.value for one in wait.reasons]
    row = PayoutWaitRow(
        key=payment.key, card_id=payment.card_id, owner=payment.owner, rail=payment.rail,
        amount_minor=payment.amount.amount_minor, payee_masked=payment.payee_masked, payee_index=payment.payee_index,
        reasons=reasons, policy_version=version, since=now, until=wait.until,
    )  # fmt: skip
    if await insert_once(session, row, "key"):
        return True
    kept = await session.get_one(PayoutWaitRow, payment.key, with_for_update=True, populate_existing=True)
    if kept.payee_index != payment.payee_index:
        kept.released_at, kept.released_by, kept.released_reason = None, None, ""
    fresh = kept.ended_at is not None or (kept.reasons, kept.until) != (reasons, wait.until)
    kept.reasons, kept.until, kept.policy_version, kept.ended_at = reasons, wait.until, version, None
    kept.amount_minor, kept.rail, kept.signalled_at = payment.amount.amount_minor, payment.rail, None
    kept.payee_masked, kept.payee_index = payment.payee_masked, payment.payee_index
    return fresh


def held_by(wait: Wait) -> PaymentHeld:
    """Return whom a workflow waits for, and until when."""
    return PaymentHeld(waiting_for(wait), None if wait.until is None else wait.until.isoformat())


def waiting_for(wait: Wait) -> WaitingFor:
    """Return whom a payment waits for: a person of finance where they can let it go, else what ends automatically."""
    return WaitingFor.FINANCE if LOOKED_AT & set(wait.reasons) else WaitingFor.RAIL


async def goes_on(session: AsyncSession, key: str, now: datetime) -> None:
    """Note that the payment of this key waits no more: its order is made."""
    open_one = PayoutWaitRow.key == key, PayoutWaitRow.ended_at.is_(None)
    ended = update(PayoutWaitRow).where(*open_one).values({PayoutWaitRow.ended_at: now})
    await session.execute(ended.execution_options(synchronize_session=False))
