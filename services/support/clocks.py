"""Whose time a ticket is, and until when it must be answered and solved: each promise is kept as runs of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.clocks import Planned, planned, running, runs_of
from database.tables.support.tickets import TicketClockRow, TicketRow
from database.tables.work import ClockPlanRow, WorkItemRow
from domain.identifiers import new_id
from domain.support.clocks import Moments, Run, owner_at, used_before
from domain.support.tickets import OWNER_OF_DESK, UNDER_WAY, ClockKind, TicketState
from domain.work.deadlines import ClockOwner, Stretch
from domain.work.lease import holder_of
from services.support.asked import withdraw_all
from services.support.history import happened
from services.work import sla
from services.work.ordering import placed

WAITING = frozenset({TicketState.WAITING_CUSTOMER, TicketState.WAITING_INSIDE})


async def follow(session: AsyncSession, ticket: TicketRow, task: WorkItemRow, now: datetime, why: str) -> None:
    """Bring clocks, deadline and place in the queue into line with the ticket's state. Call it after every change.

    `why`: opened | answered | policy_changed | escalated | resumed.
    """
    await align(session, ticket, task, now, why)
    ticket.revision += 1


async def align(session: AsyncSession, ticket: TicketRow, task: WorkItemRow, now: datetime, why: str) -> None:
    """Do what `follow` does for the ticket's own workflow, which does not need notice of its own acts."""
    if ticket.state not in UNDER_WAY:
        await withdraw_all(session, ticket, now)
    task.waiting = ticket.state in WAITING
    await _pass_on(session, ticket, task, now)
    rows = (await runs_of(session, [ticket.id])).get(ticket.id, [])
    had = await sla.stretches(session, task)
    made, before = planned(sla.policies_in_force(), ticket, task, rows, had, now), task.due_at
    _end(session, ticket, rows, made, had, now)
    for kind, (run, moments) in made.runs.items():
        _keep(session, ticket, rows, kind, run, moments, made, now)
    await session.flush()
    await _keep_plan(session, task, rows, made, had, now, why)
    if why == "policy_changed" and task.due_at != before:
        happened(session, ticket, "machine", "clocks_replanned", now)
    placed(task, now)


async def reopen_kept(session: AsyncSession, ticket: TicketRow, at: datetime) -> None:
    """Restart the promises that a withdrawn reply had fulfilled."""
    own = (TicketClockRow.ticket_id == ticket.id, TicketClockRow.met_at == at)
    again = update(TicketClockRow).where(*own).values(met_at=None, met_by="")
    await session.execute(again.execution_options(synchronize_session="fetch"))


def owner_of(ticket: TicketRow, task: WorkItemRow) -> ClockOwner | None:
    """Return the owner of the clock by the ticket's state; none once it is solved."""
    if ticket.state not in UNDER_WAY:
        return None
    if ticket.state is TicketState.WAITING_CUSTOMER:
        return ClockOwner.CUSTOMER
    if ticket.state is TicketState.WAITING_INSIDE and ticket.inside_desk is not None:
        return OWNER_OF_DESK[ticket.inside_desk]
    return ClockOwner.SUPPORT_LEAD if task.escalated else ClockOwner.SUPPORT


async def _pass_on(session: AsyncSession, ticket: TicketRow, task: WorkItemRow, now: datetime) -> None:
    owner = owner_of(ticket, task)
    if owner is None:
        await sla.stop_own(session, task, now)
        return
    ours = owner in (ClockOwner.SUPPORT, ClockOwner.SUPPORT_LEAD)
    holder = holder_of(task, now) or task.assigned_to
    await sla.pass_to(session, task, owner, now, holder if ours else None)


def _end(
    session: AsyncSession, ticket: TicketRow, rows: Sequence[TicketClockRow], made: Planned, had: Sequence[Stretch], now: datetime
) -> None:  # fmt: skip
    """End the runs whose promise is not open any more: kept by a reply or a solution, or void."""
    for kind, row in running(rows).items():
        if kind in made.runs:
            continue
        kept = ticket.solved_at if kind is ClockKind.RESOLUTION else ticket.replied_at
        if ticket.merged_into is None and kept is not None and kept >= row.started_at:
            row.met_at, row.met_by = kept, owner_at(had, kept) or ""
            if row.due_at < kept:
                breached(row, had)
        else:
            row.void_at = now
            if ticket.state in UNDER_WAY:  # Its policy promises it no more.
                happened(session, ticket, "machine", f"dropped_{kind}", now)


def breached(row: TicketClockRow, had: Sequence[Stretch]) -> None:
    """Write down that a run was not kept in time, and which desk had the ticket then; the first time counts."""
    if row.breached_at is None:
        row.breached_at, row.breached_by = row.due_at, owner_at(had, row.due_at) or ""


def _keep(
    session: AsyncSession,
    ticket: TicketRow,
    rows: list[TicketClockRow],
    kind: ClockKind,
    run: Run,
    made: Moments,
    by: Planned,
    now: datetime,
) -> None:
    """Write the run's moments. Where another policy moves a moment that has not come, its mark goes: it is ahead again."""
    row = running(rows).get(kind)
    if row is None:
        number = 1 + sum(one.kind is kind for one in rows)
        row = TicketClockRow(
            ticket_id=ticket.id, kind=kind, name=f"{kind}:{number}", started_at=run.started_at, budget_s=run.allowed_s,
            policy=by.policy.code, policy_version=by.version, warn_at=made.warn_at, due_at=made.due_at,
        )  # fmt: skip
        session.add(row)
        rows.append(row)
        return
    if (row.policy, row.policy_version, row.budget_s) != (by.policy.code, by.version, run.allowed_s):
        if made.warn_at > now:
            row.warned_at = None
        if made.due_at > now:
            row.breached_at, row.breached_by = None, ""
    row.budget_s, row.policy, row.policy_version = run.allowed_s, by.policy.code, by.version
    row.warn_at, row.due_at = made.warn_at, made.due_at


async def _keep_plan(
    session: AsyncSession,
    task: WorkItemRow,
    rows: Sequence[TicketClockRow],
    made: Planned,
    had: Sequence[Stretch],
    now: datetime,
    why: str,
) -> None:
    """Write the work item's deadline, the earliest of its clocks, and the plan where it says something new."""
    marks = running(rows).values()
    task.warned_at = min((row.warned_at for row in marks if row.warned_at is not None), default=None)
    task.breached_at = min((row.breached_at for row in marks if row.breached_at is not None), default=None)
    before = (task.plan_version, task.warn_at, task.due_at)
    task.warn_at, task.due_at = made.warn_at or task.warn_at, made.due_at or task.due_at
    task.plan_version, task.replan = made.version, False
    if (task.plan_version, task.warn_at, task.due_at) == before:
        return
    spent = used_before(made.calendar, had, now)
    session.add(
        ClockPlanRow(
            id=new_id(), task_id=task.id, policy_version=made.version, policy=made.policy.code,
            calendar=made.calendar.code, budget_s=made.policy.budget_s, used_s=spent // timedelta(seconds=1),
            warn_at=task.warn_at, due_at=task.due_at, why=why, at=now,
        )
    )  # fmt: skip
