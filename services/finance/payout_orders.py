"""The order's rows: written once per key, judged by their exact amount, and settled together with the card."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories import cards, ledger
from database.repositories.cards import Change
from database.repositories.orders import OrderRow
from database.sealed import ORDER_ACCOUNT, ORDER_NAME, payee_of
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.columns import now
from database.tables.finance.payout import PaymentNotificationRow, PayoutRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.cards.facts import NotificationVerdict
from domain.finance.ledger import payout_paid, payout_prepared, payout_refused
from domain.finance.payout import PayoutOrder, PayoutOutcome, PayoutReport, PayoutState
from domain.finance.postings import rollback
from domain.finance.rails import Rail
from domain.identifiers import short
from domain.money import Money
from domain.sealing import KeyRing
from services.finance import offsets, withholding
from services.finance.payee_faults import payee_fault
from services.finance.routing import refused_again
from services.work import sla


def known_report(row: OrderRow) -> PayoutReport | None:
    """Return the outcome that the gateway gave us for certain; it is not asked again."""
    if row.answered is None:
        return None
    return PayoutReport(row.key, row.answered, row.gateway_reference, None, row.refusal_code)


def order_of(
    keyring: KeyRing, submission: SubmissionRow, quote: QuoteRow, key: str, attempt: int, offset_minor: int = 0
) -> PayoutRow:
    """Make a new order with the payee as the submission names it now: what is sent later is what was written here.

    `offset_minor` of the quote is not sent: the seller owed it.
    """
    account, name = payee_of(keyring, submission)
    return PayoutRow(
        key=key, card_id=quote.card_id, quote_id=quote.id, attempt=attempt, amount_minor=quote.amount_minor - offset_minor,
        currency=quote.currency, rail=submission.payee_rail, payee_masked=submission.payee_masked,
        payee_account_sealed=ORDER_ACCOUNT.seal(keyring, key, account),
        payee_name_sealed=ORDER_NAME.seal(keyring, key, name),
        payee_index=submission.payee_index, offset_minor=offset_minor,
    )  # fmt: skip


def opened_order(keyring: KeyRing, row: PayoutRow, submission: SubmissionRow) -> PayoutOrder:
    """Return the order as it is sent. An order from before orders kept their payee is sent to the submission's."""
    account, name = payee_of(keyring, submission)
    if row.payee_account_sealed is not None and row.payee_name_sealed is not None:
        account = ORDER_ACCOUNT.open(keyring, row.key, row.payee_account_sealed)
        name = ORDER_NAME.open(keyring, row.key, row.payee_name_sealed)
    title = f"Cardloop {short(row.card_id)}"
    return PayoutOrder(row.key, Money(row.amount_minor, row.currency), account, name, title, row.prepared_at)


def verdict_on(row: OrderRow | None, report: PayoutReport) -> NotificationVerdict:
    """Judge a genuine notification: it counts only for an order of ours and its exact amount."""
    if row is None:
        return NotificationVerdict.UNKNOWN_ORDER
    if report.amount != Money(row.amount_minor, row.currency):
        return NotificationVerdict.AMOUNT_MISMATCH
    return NotificationVerdict.ACCEPTED


async def ordered_first(session: AsyncSession, row: PayoutRow, owner: str) -> bool:
    """Writes the order and its postings; tells whether this transaction is the first with the order's key."""
    if not await insert_once(session, row, "key"):
        return False
    sent, offset, cause = (
        Money(row.amount_minor, row.currency), Money(row.offset_minor, row.currency), f"payout:{row.key}",
    )  # fmt: skip
    if offset.amount_minor:
        postings = rollback.payout_prepared(owner, sent, offset, row.rail)
    else:
        postings = payout_prepared(owner, sent, row.rail)
    await ledger.post(session, f"{row.key}:prepared", row.card_id, "payout_prepared", postings, cause=cause)
    return True


async def heard_first(session: AsyncSession, row: PaymentNotificationRow) -> bool:
    """Return whether this notification is heard for the first time; it is kept once."""
    return await insert_once(session, row, "notify_id", generated=("id",))


async def refused_on(session: AsyncSession, at: datetime, rail: Rail = Rail.ALIPAY) -> None:
    """Count a notification that is not the gateway's: all of one day are one row, so that a flood cannot fill the table.

    It has an id of our own: a forged notification must not use up the id of the genuine one.
    """
    verdict = NotificationVerdict.SIGNATURE_INVALID.value
    whose = "" if rail is Rail.ALIPAY else f"{rail.value}-"
    notify_id = f"unverified-{whose}{at:%Y-%m-%d}"
    row = PaymentNotificationRow(notify_id=notify_id, key="", verdict=verdict, received_at=at, rail=rail)
    counted = insert(PaymentNotificationRow).values(row.values("id"))
    more = {"times": PaymentNotificationRow.times + 1, "received_at": at}
    await session.execute(counted.on_conflict_do_update(index_elements=["notify_id"], set_=more))


async def ordered_with(session: AsyncSession, key: str) -> tuple[PayoutRow, SubmissionRow]:
    """Return the order of that key, and the submission that says who is paid."""
    statement = (
        select(PayoutRow, SubmissionRow)
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(PayoutRow.key == key)
    )
    found = (await session.execute(statement)).one()
    return found[0], found[1]


async def owner_of(session: AsyncSession, card: CardRow) -> str:
    """Return who submitted the card: `seller:<id>` or `partner:<id>`."""
    return (await session.get_one(SubmissionRow, card.submission_id)).owner


async def settle_once(session: AsyncSession, row: PayoutRow, outcome: PayoutOutcome, *, ends: bool) -> None:
    """Posts the outcome and moves the card with it; the caller holds the order's row and knows it unsettled.

    Paid always ends the card. Refused ends it where `ends`; else the card waits, its money owed, for another payee.
    """
    amount, paid = Money(row.amount_minor, row.currency), outcome is PayoutOutcome.PAID
    card = await cards.load_for_update(session, row.card_id)
    owner = await owner_of(session, card)
    row.state, row.settled_at = PayoutState.PAID if paid else PayoutState.REFUSED, now()
    await _post_outcome(session, row, owner, amount, paid=paid)
    facts = {"key": row.key, "amount": str(amount), "code": row.refusal_code or ""}
    if row.stated_id is not None:
        facts["stated"] = row.stated_id
    if not paid and (fault := payee_fault(row.rail, row.refusal_code)) is not None:
        facts["payee_fault"] = fault.value
    what, actor = f"payout.{outcome.value}", "gateway" if row.stated_id is None else "machine"
    if paid or ends:
        change = Change(
            Stage.ENDED, WaitingFor.NOBODY, None, what, facts, actor=actor,
            outcome=Outcome.PAID if paid else Outcome.PAYMENT_REFUSED,
            reason=None if paid else EndReason.PAYEE_REFUSED, reason_detail=row.refusal_code,
        )  # fmt: skip
    else:
        change = Change(Stage.PAYOUT, WaitingFor.SELLER_PAYEE, None, what, facts, actor=actor)
    await cards.record(session, row.card_id, change)
    if paid or ends:
        await sla.stop(session, row.card_id, now())
    else:
        await sla.follow(session, row.card_id, WaitingFor.SELLER_PAYEE, now())


async def _post_outcome(session: AsyncSession, row: PayoutRow, owner: str, amount: Money, *, paid: bool) -> None:
    """Post the outcome of an order. A refusal releases what the order had used of the limits, and what it had offset."""
    offset = Money(row.offset_minor, row.currency)
    if paid:
        postings = payout_paid(amount, row.rail)
    elif offset.amount_minor:
        postings = rollback.payout_refused(owner, amount, offset, row.rail)
    else:
        postings = payout_refused(owner, amount, row.rail)
    what = "payout_paid" if paid else "payout_refused"
    await ledger.post(session, f"{row.key}:settled", row.card_id, what, postings, cause=f"payout:{row.key}")
    if not paid:
        await withholding.reverse(session, row.key, now())
        # In the order in which an order that is being made locks them.
        await offsets.undo(session, row.key, now())
        await refused_again(session, row.rail, amount, row.prepared_at)
