"""What time alone does to a ticket: a silent customer is reminded, then the ticket is solved, and a solved one closes for good."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.support.tickets import TicketMessageRow, TicketRow
from database.tables.work import WorkItemRow
from domain.identifiers import new_id
from domain.places import business_day
from domain.rules.tickets import TicketRules, tickets_in_force
from domain.support.tickets import MessageKind, TicketState
from languages import translate
from services.support import clocks, grams
from services.support.announcing import CLOSED, announce
from services.support.conversation import solve
from services.support.history import happened
from services.work import items

BY_SILENCE = "no_answer"  # Of the managed list `solve_ticket`.


async def pass_time(session: AsyncSession, ticket: TicketRow, task: WorkItemRow, now: datetime) -> datetime | None:
    """Send reminders and close the ticket when the policy's times have passed; return when to check again.

    The ticket is locked. The notices are sent with the replies that are due.
    """
    rules = tickets_in_force(business_day(now))
    if ticket.state is TicketState.WAITING_CUSTOMER:
        return await _silent(session, ticket, task, rules, now)
    if ticket.state is TicketState.SOLVED and ticket.solved_at is not None:
        closes = ticket.solved_at + timedelta(days=rules.reopen_days)
        if closes > now:
            return closes
        ticket.state, ticket.closed_at = TicketState.CLOSED, now
        await items.closed(session, task, now)
        happened(session, ticket, "machine", "closed", now, policy=rules.version)
        if ticket.requester.startswith("partner:"):  # A seller heard of it when the ticket was solved.
            await announce(session, ticket, CLOSED)
        await clocks.align(session, ticket, task, now, "answered")
    return None


async def _silent(
    session: AsyncSession, ticket: TicketRow, task: WorkItemRow, rules: TicketRules, now: datetime
) -> datetime | None:
    since = ticket.waits_since or now
    noticed = ticket.silence_noticed_at
    if noticed is None or noticed < since:
        notice = since + timedelta(days=rules.silence_notice_days)
        if notice > now:
            return notice
        ticket.silence_noticed_at = noticed = now
        await _say(session, ticket, "ticket_notice.silence", rules.silence_close_days, now)
        facts = {"days": str(rules.silence_close_days), "policy": rules.version}
        happened(session, ticket, "machine", "silence_noticed", now, **facts)
    closes = noticed + timedelta(days=rules.silence_close_days)
    if closes > now:
        return closes
    solve(ticket, task, None, BY_SILENCE, now)
    await _say(session, ticket, "ticket_notice.solved_by_silence", rules.reopen_days, now)
    happened(session, ticket, "machine", "solved_by_silence", now, policy=rules.version)
    await clocks.align(session, ticket, task, now, "answered")
    return now + timedelta(days=rules.reopen_days)


async def _say(session: AsyncSession, ticket: TicketRow, key: str, days: int, now: datetime) -> None:
    words = translate(key, ticket.language, {"count": days})
    session.add(
        TicketMessageRow(
            id=new_id(), ticket_id=ticket.id, kind=MessageKind.NOTICE, author="machine", words=words,
            channel=ticket.channel, at=now, effective_at=now,
        )
    )  # fmt: skip
    await grams.index(session, ticket.id)
