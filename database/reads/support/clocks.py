"""The clocks of tickets as they are kept: their runs, and the moments that follow from intervals and policies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.work.sla import terms_of, with_own
from database.tables.support.tickets import TicketClockRow, TicketRow
from database.tables.work import WorkItemRow
from domain.support.clocks import Moments, PromiseFacts, Run, allowed_s, moments, open_promises, used_before
from domain.support.tickets import ClockKind
from domain.work.deadlines import Policies, Policy, Stretch
from domain.work.working_time import WorkingCalendar


@dataclass(frozen=True)
class Planned:
    """The open promises of a ticket by one version of the policies."""

    version: int
    policy: Policy
    calendar: WorkingCalendar
    runs: Mapping[ClockKind, tuple[Run, Moments]]

    @property
    def warn_at(self) -> datetime | None:
        """Return when the first of them is warned of; None where no promise is open."""
        return min((made.warn_at for _, made in self.runs.values()), default=None)

    @property
    def due_at(self) -> datetime | None:
        """Return when the first of them is due; None where no promise is open."""
        return min((made.due_at for _, made in self.runs.values()), default=None)


async def runs_of(session: AsyncSession, tickets: Collection[str]) -> dict[str, list[TicketClockRow]]:
    """Return all runs of these tickets' promises by ticket, oldest first."""
    wanted = select(TicketClockRow).where(TicketClockRow.ticket_id.in_(tickets))
    found: dict[str, list[TicketClockRow]] = defaultdict(list)
    for row in (await session.execute(wanted.order_by(TicketClockRow.started_at, TicketClockRow.name))).scalars():
        found[row.ticket_id].append(row)
    return found


def running(rows: Sequence[TicketClockRow]) -> dict[ClockKind, TicketClockRow]:
    """Return the runs that are neither kept nor ended, by promise."""
    return {row.kind: row for row in rows if row.met_at is None and row.void_at is None}


def planned(
    policies: Policies,
    ticket: TicketRow,
    task: WorkItemRow,
    rows: Sequence[TicketClockRow],
    stretches: Sequence[Stretch],
    now: datetime,
) -> Planned:
    """Return what the ticket's open promises are by these policies; one without a run counts as begun `now` at the latest."""
    policy = policies.policy_for(terms_of(task))
    calendar, had = policies.calendar_for(policy, task.team), with_own(stretches, task)
    open_rows = running(rows)
    reopened = any(row.kind is ClockKind.RESOLUTION and row.met_at is not None for row in rows)
    made: dict[ClockKind, tuple[Run, Moments]] = {}
    for kind, since in open_promises(standing_of(ticket), now, reopened=reopened).items():
        started = open_rows[kind].started_at if kind in open_rows else since
        allowed = allowed_s(policy, kind, used_before(calendar, had, started))
        if allowed is not None:
            run = Run(kind, started, allowed)
            made[kind] = (run, moments(policy, calendar, run, had))
    return Planned(policies.version, policy, calendar, made)


def standing_of(ticket: TicketRow) -> PromiseFacts:
    """Return what decides which promises of a ticket are open."""
    return PromiseFacts(ticket.state, ticket.opened_at, ticket.first_replied_at, ticket.unanswered_since)
