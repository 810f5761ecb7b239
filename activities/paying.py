"""The order's rows: written once per key, judged by their exact amount, and settled together with the card."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from activities import clocks
from database.repositories import cards, ledger
from database.repositories.cards import Change
from database.tables.columns import now
from database.tables.intake import CardRow, SubmissionRow
from database.tables.payout import PaymentNotificationRow, PayoutRow
from domain.cards import EndReason, Outcome, Stage, WaitingFor
from domain.facts import NotificationVerdict
from domain.ledger import payout_paid, payout_refused
from domain.money import Money
from domain.payout import PayoutOutcome, PayoutReport, PayoutState


def settled_report(row: PayoutRow) -> PayoutReport | None:
    """The outcome of an order that is settled already."""
    known = {PayoutState.PAID: PayoutOutcome.PAID, PayoutState.REFUSED: PayoutOutcome.REFUSED}.get(row.state)
    return None if known is None else PayoutReport(row.key, known, row.gateway_reference, None, row.refusal_code)


def verdict_on(row: PayoutRow | None, report: PayoutReport) -> NotificationVerdict:
    """What a genuine notification is worth: it counts only for an order of ours and its exact amount."""
    if row is None:
        return NotificationVerdict.UNKNOWN_ORDER
    if report.amount != Money(row.amount_minor, row.currency):
        return NotificationVerdict.AMOUNT_MISMATCH
    return NotificationVerdict.ACCEPTED


async def prepared_first(session: AsyncSession, row: PayoutRow) -> bool:
    """Whether this transaction is the first with the order's key."""
    columns: Any = PayoutRow
    statement = insert(PayoutRow).values(row.model_dump()).on_conflict_do_nothing(index_elements=["key"])
    return (await session.execute(statement.returning(columns.key))).scalar_one_or_none() is not None


async def heard_first(session: AsyncSession, row: PaymentNotificationRow) -> bool:
    """Whether this notification is heard for the first time; it is kept once."""
    columns: Any = PaymentNotificationRow
    values = row.model_dump(exclude={"id"})
    statement = insert(PaymentNotificationRow).values(values).on_conflict_do_nothing(index_elements=["notify_id"])
    return (await session.execute(statement.returning(columns.id))).scalar_one_or_none() is not None


async def refused_on(session: AsyncSession, at: datetime) -> None:
    """Counts a notification that is not the gateway's: all of one day are one row, so that nobody can fill the table.

    It stands under an id of our own: a forged notification must not use up the id of the genuine one.
    """
    verdict = NotificationVerdict.SIGNATURE_INVALID.value
    row = PaymentNotificationRow(notify_id=f"unverified-{at:%Y-%m-%d}", key="", verdict=verdict, received_at=at)
    columns: Any = PaymentNotificationRow
    counted = insert(PaymentNotificationRow).values(row.model_dump(exclude={"id"}))
    more = {"times": columns.times + 1, "received_at": at}
    await session.execute(counted.on_conflict_do_update(index_elements=["notify_id"], set_=more))


async def ordered_with(session: AsyncSession, key: str) -> tuple[PayoutRow, SubmissionRow]:
    """The order of that key, and the submission that says who is paid."""
    payout: Any = PayoutRow
    card: Any = CardRow
    submission: Any = SubmissionRow
    statement = (
        select(PayoutRow, SubmissionRow)
        .join(CardRow, card.id == payout.card_id)
        .join(SubmissionRow, submission.id == card.submission_id)
        .where(payout.key == key)
    )
    found = (await session.execute(statement)).one()
    return found[0], found[1]


async def owner_of(session: AsyncSession, card: CardRow) -> str:
    """Who handed the card in: `seller:<id>` or `partner:<id>`."""
    return (await session.get_one(SubmissionRow, card.submission_id)).owner


async def settle_once(session: AsyncSession, row: PayoutRow, outcome: PayoutOutcome, code: str | None) -> None:
    """Posts the outcome and ends the card with it; the caller holds the order's row and knows it unsettled."""
    amount, paid = Money(row.amount_minor, row.currency), outcome is PayoutOutcome.PAID
    card = await cards.load_for_update(session, row.card_id)
    owner = await owner_of(session, card)
    row.state = PayoutState.PAID if paid else PayoutState.REFUSED
    row.settled_at, row.refusal_code = now(), code
    postings = payout_paid(amount) if paid else payout_refused(owner, amount)
    await ledger.post(session, f"{row.key}:settled", row.card_id, f"payout_{outcome.value}", postings)
    facts = {"key": row.key, "amount": str(amount), "code": code or ""}
    await cards.record(
        session,
        row.card_id,
        Change(
            Stage.ENDED, WaitingFor.NOBODY, None, f"payout.{outcome.value}", facts, actor="gateway",
            outcome=Outcome.PAID if paid else Outcome.PAYMENT_REFUSED,
            reason=None if paid else EndReason.PAYEE_REFUSED, reason_detail=code,
        ),
    )  # fmt: skip
    await clocks.stop(session, row.card_id, now())
