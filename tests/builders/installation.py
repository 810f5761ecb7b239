"""Rows of a whole installation for tests of health and alerts: people, cards, payments, tasks, stuck runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.ops.runs import StuckRunRow
from database.tables.people import PersonRow
from database.tables.support.tickets import TicketLinkRow, TicketRow
from database.tables.work import WorkItemRow
from domain.cards.card import CardType
from domain.finance.payout import PayoutState
from domain.identifiers import new_id, ticket_task
from domain.money import Currency
from domain.ops.causes import Sign
from domain.ops.runs import RunKind
from domain.support.tickets import TICKET, LinkedKind, TicketCategory, TicketChannel


async def a_person(database: Database, *roles: str, name: str = "Lin") -> str:
    """Add a person of the console; returns their id."""
    row = PersonRow(id=new_id(), email=f"{new_id()}@example.com", name=name, password_hash="", roles=list(roles))
    async with database.transaction() as session:
        session.add(row)
    return row.id


async def a_card(session: AsyncSession, started_at: datetime, quoted_after: timedelta | None = None) -> str:
    """Add a card that started then, quoted after so long if at all; returns its id."""
    submission = SubmissionRow(
        id=new_id(), owner="seller:one", idempotency_key=new_id(), request_hash="", channel="web", locale="en",
        payee_account_sealed=b"x", payee_name_sealed=b"x", payee_masked="", created_at=started_at,
    )  # fmt: skip
    card = CardRow(
        id=new_id(), submission_id=submission.id, position=0, card_type=CardType.ECOMMERCE, brand="jd",
        currency=Currency.CNY, started_at=started_at, since=started_at, created_at=started_at,
    )  # fmt: skip
    session.add(submission)
    await session.flush()
    session.add(card)
    await session.flush()
    if quoted_after is not None:
        quote = QuoteRow(
            id=f"card:{card.id}:quote:1", card_id=card.id, fields_revision=1, amount_minor=1, rate_bp=1, rule_set="",
            rule_version="", created_at=started_at + quoted_after,
        )  # fmt: skip
        session.add(quote)
    return card.id


async def an_unknown_payment(session: AsyncSession, prepared_at: datetime) -> None:
    """Add a payment whose outcome the gateway has not said."""
    card = await a_card(session, prepared_at)
    session.add(
        PayoutRow(key=new_id(), card_id=card, amount_minor=1, state=PayoutState.UNKNOWN, prepared_at=prepared_at)
    )


def an_overdue_task(now: datetime) -> WorkItemRow:
    """Return an open task past its deadline."""
    return WorkItemRow(
        id=new_id(), value_minor=0, warn_at=now, due_at=now, breached_at=now, opened_at=now, order_at=now
    )


def a_stuck_run(since: datetime) -> StuckRunRow:
    """Return a run that has been stuck since then."""
    subject = new_id()
    return StuckRunRow(
        workflow_id=f"card:{subject}", kind=RunKind.CARD, subject=subject, cause="slow~pricing~~", sign=Sign.SLOW,
        error_class="slow", step="pricing", provider="", build_id="", queue="", reason="", message="", failures=0,
        since=since, value_minor=0, stage="pricing", waiting_for="machine", card_type="ecommerce", brand="jd",
        found_at=since,
    )  # fmt: skip


async def a_ticket(
    session: AsyncSession, opened_at: datetime, category: TicketCategory, *, card_id: str = "", **columns: Any
) -> str:
    """Add a ticket that a seller opened then, about a card if it is named; returns its id."""
    ticket_id = new_id()
    task = WorkItemRow(
        id=ticket_task(ticket_id), kind=TICKET, value_minor=0, opened_at=opened_at, order_at=opened_at,
        warn_at=opened_at + timedelta(hours=4), due_at=opened_at + timedelta(hours=8),
    )  # fmt: skip
    ticket = TicketRow(
        id=ticket_id, task_id=task.id, category=category, channel=TicketChannel.WEB, subject="-", requester="seller:one",
        opened_by="seller:one", opened_at=opened_at, **columns,
    )  # fmt: skip
    session.add(task)
    await session.flush()
    session.add(ticket)
    await session.flush()
    if card_id:
        session.add(
            TicketLinkRow(ticket_id=ticket_id, kind=LinkedKind.CARD, subject=card_id, by="seller:one", at=opened_at)
        )
        await session.flush()
    return ticket_id
