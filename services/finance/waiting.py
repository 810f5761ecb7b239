"""Payments that wait before anything is sent: kept with their reasons and shown on their card until their order is made."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories import cards
from database.repositories.cards import Change
from database.sealed import ORDER_NAME, PAYEE_NAME
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.routing import PayoutWaitRow
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
        not_asked(kept)
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


def not_asked(wait: PayoutWaitRow) -> None:
    """Discard what was said about another payee for the payment."""
    wait.asked_at, wait.asked_by, wait.asked_reason, wait.askers = None, None, "", []
    wait.turned_down_at, wait.turned_down_by = None, None


async def stopped(session: AsyncSession, payment: Payment, now: datetime) -> PaymentHeld | None:
    """Return whom a payment waits for where people stopped it: the seller for another payee, or a second person to decide that.

    None where nobody has, or the doubt was about a payee that is named no more. The caller holds the card.
    """
    wait = await session.get(PayoutWaitRow, payment.key, populate_existing=True)
    if wait is None or payment.card_id is None:
        return None
    if wait.turned_down_at is not None:
        card = await cards.load_for_update(session, payment.card_id)
        if card.waiting_for is not WaitingFor.SELLER_PAYEE:  # What was asked meanwhile had moved it.
            await ask_seller(session, wait, "machine", now)
        return PaymentHeld(WaitingFor.SELLER_PAYEE, None)
    asked = wait.asked_at is not None and wait.ended_at is None and wait.payee_index == payment.payee_index
    return PaymentHeld(WaitingFor.FINANCE, None) if asked else None


async def ask_seller(session: AsyncSession, wait: PayoutWaitRow, actor: str, now: datetime) -> None:
    """Let the card of a wait go on to wait for another payee: its seller gets the message, and the clock is theirs."""
    if wait.card_id is None:
        raise LookupError(wait.key)
    facts = {"key": wait.key, "held_for": ",".join(wait.reasons), "payee": wait.payee_masked}
    change = Change(Stage.PAYOUT, WaitingFor.SELLER_PAYEE, None, "payout.payee_wanted", facts, actor=actor)
    await cards.record(session, wait.card_id, change)
    await sla.follow(session, wait.card_id, WaitingFor.SELLER_PAYEE, now)


async def judged_again(session: AsyncSession, submission_id: str) -> None:
    """Have the payments of a submission that waited for another payee judged again: one was named. The caller holds the submission."""
    of_submission = select(CardRow.id).where(CardRow.submission_id == submission_id)
    turned_down = select(PayoutWaitRow).where(
        PayoutWaitRow.card_id.in_(of_submission), PayoutWaitRow.turned_down_at.is_not(None)
    )
    for wait in (await session.execute(turned_down.order_by(PayoutWaitRow.key).with_for_update())).scalars():
        not_asked(wait)
        wait.released_at, wait.released_by, wait.released_reason = None, None, ""
        wait.reasons, wait.until, wait.signalled_at, wait.ended_at = [], None, None, None


async def goes_on(session: AsyncSession, key: str, now: datetime) -> None:
    """Note that the payment of this key waits no more: its order is made."""
    open_one = PayoutWaitRow.key == key, PayoutWaitRow.ended_at.is_(None)
    ended = update(PayoutWaitRow).where(*open_one).values({PayoutWaitRow.ended_at: now})
    await session.execute(ended.execution_options(synchronize_session=False))
