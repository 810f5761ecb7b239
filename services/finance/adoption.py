"""Take a payment into the books that the gateway made and our rows do not know, as after a restore of an older database."""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards, ledger
from database.repositories.cards import Change
from database.repositories.orders import OrderRow, order, orders_of
from database.session import Database
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.work import WorkItemRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.finance.ledger import owed
from domain.finance.order_kinds import code_of
from domain.finance.payout import RETURNED, PayoutOutcome, PayoutReport, PayoutState
from domain.finance.tax import Withheld
from domain.money import Money
from domain.sealing import KeyRing
from domain.work.deadlines import ClockOwner
from domain.work.kinds import REVIEW
from services.finance import offsets, withholding
from services.finance.payout_orders import order_of, ordered_first
from services.finance.routing import count_made
from services.finance.waiting import goes_on
from services.work import items, sla

KEY = re.compile(r"card-([0-9A-Z]{26})-payout-([1-9][0-9]{0,3})")


class Adopting:
    """Adopt in our rows what the gateway reports for certain. It sends no query and no payment."""

    def __init__(self, database: Database, keyring: KeyRing) -> None:
        self._database = database
        self._keyring = keyring

    async def adopt(self, paid: PayoutReport) -> str | None:
        """Write the order of a payment that arrived; its journey settles it. Returns why not, in words, or None when done.

        Nothing is written where card, quote or amount do not agree: a person must look then.
        """
        if orders_of(paid.key) is not PayoutRow:
            return await self._answer(paid)
        found = KEY.fullmatch(paid.key)
        if found is None or paid.outcome is not PayoutOutcome.PAID or paid.amount is None:
            return "is no order of ours"
        async with self._database.transaction() as session:
            card = await session.get(CardRow, found[1], with_for_update=True)
            if card is None:
                return "was paid for a card that is not here"
            row = await session.get(PayoutRow, paid.key, with_for_update=True)
            if row is not None:
                return _answered(row, paid)
            if card.outcome is not None:
                return f"was paid for a card that ended as {card.outcome.value}"
            submission = await session.get_one(SubmissionRow, card.submission_id)
            offered = await _quote(session, card, submission.owner, paid.amount)
            if offered is None:
                return f"was paid with {paid.amount}, which no quote of its card offered"
            await self._write(session, card, offered, int(found[2]), paid)
        return None

    async def _answer(self, paid: PayoutReport) -> str | None:
        """The order of no card is only ever answered: one that is not here was lost with the word of those who agreed to it."""
        async with self._database.transaction() as session:
            row = await order(session, paid.key, lock=True)
            return f"was paid for a {code_of(paid.key)} order that is not here" if row is None else _answered(row, paid)

    async def _write(
        self,
        session: AsyncSession,
        card: CardRow,
        offered: tuple[QuoteRow, Withheld | None],
        attempt: int,
        paid: PayoutReport,
    ) -> None:
        quote, tax = offered
        submission = await session.get_one(SubmissionRow, card.submission_id)
        amount = Money(quote.amount_minor, quote.currency)
        if quote.state is not QuoteState.ACCEPTED:
            quote.state, quote.answered_at = QuoteState.ACCEPTED, now()
            lines, cause = owed(submission.owner, amount), f"quote:{quote.id}"
            await ledger.post(session, f"{quote.id}:owed", card.id, "owed", lines, cause=cause)
        due = amount if tax is None else tax.net
        sent = due if paid.amount is None else paid.amount
        taken = await _offset_by(session, submission.owner, due, sent)
        row = order_of(self._keyring, submission, quote, paid.key, attempt, (due - sent).amount_minor)
        row.state, row.answered, row.gateway_reference = PayoutState.UNKNOWN, paid.outcome, paid.gateway_reference
        if tax is not None:
            row.amount_minor -= tax.tax.amount_minor
        if await ordered_first(session, row, submission.owner):
            if tax is not None:
                await withholding.keep(session, row, submission.owner, tax, now())
            await offsets.take(session, submission.owner, card.id, paid.key, taken, now())
            await count_made(session, row.rail, sent, now())
            await goes_on(session, paid.key, now())
        # A decision on the card comes too late now: its seller has the money.
        await _close_review(session, card)
        facts = {"key": paid.key, "amount": str(Money(row.amount_minor, row.currency))}
        change = Change(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.found", facts, actor="gateway")
        await cards.record(session, card.id, change)


async def _close_review(session: AsyncSession, card: CardRow) -> None:
    open_one = (WorkItemRow.card_id == card.id, WorkItemRow.kind == REVIEW, WorkItemRow.closed_at.is_(None))
    task = (await session.execute(select(WorkItemRow).where(*open_one).with_for_update())).scalar_one_or_none()
    if task is not None:
        await items.closed(session, task, now())
        await sla.pass_to(session, task, ClockOwner.MACHINE, now())


def _answered(row: OrderRow, paid: PayoutReport) -> str | None:
    if paid.amount != Money(row.amount_minor, row.currency):
        return f"was paid with {paid.amount} where {Money(row.amount_minor, row.currency)} was ordered"
    if row.state is PayoutState.REFUSED and row.refusal_code == RETURNED:
        return None  # It left our account, and came back.
    if row.state is PayoutState.REFUSED:
        return "was paid though it is recorded as refused here"
    if row.answered is None:
        row.answered, row.gateway_reference = paid.outcome, paid.gateway_reference
        row.state = PayoutState.UNKNOWN
    return None


async def _quote(
    session: AsyncSession, card: CardRow, owner: str, amount: Money
) -> tuple[QuoteRow, Withheld | None] | None:
    """The newest quote of which exactly this amount was paid, and the tax withheld from it.

    All of it, what today's tax rules leave, or of an accepted one what its seller's open claims leave besides.
    """
    statement = select(QuoteRow).where(QuoteRow.card_id == card.id, QuoteRow.currency == amount.currency)
    newest = statement.order_by(QuoteRow.created_at.desc()).with_for_update()
    quotes = (await session.execute(newest)).scalars().all()
    taxed = [(quote, withholding.due(quote, card, owner, now())) for quote in quotes]
    for quote, tax in taxed:
        if amount == tax.net:
            return quote, tax
        if amount.amount_minor == quote.amount_minor:  # It was ordered when nothing was withheld.
            return quote, None
    open_minor = sum(claim.left_minor for claim in await offsets.open_claims(session, owner))
    for quote, tax in taxed:
        if quote.state is QuoteState.ACCEPTED and 0 < (tax.net - amount).amount_minor <= open_minor:
            return quote, tax
    return None


async def _offset_by(session: AsyncSession, owner: str, owed_amount: Money, sent: Money) -> list[tuple[str, int]]:
    """The claims that make up the difference between what was owed and what was sent, the oldest first."""
    room, found = (owed_amount - sent).amount_minor, []
    for claim in await offsets.open_claims(session, owner, lock=True):
        if (taken := min(room, claim.left_minor)) > 0:
            found.append((claim.id, taken))
            room -= taken
    return found
