"""The clock of a work item: whose time runs since when, and until when the task must be decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.plain import Plain, past
from database.reads.work.sla import clock_of, intervals, replanned, with_own
from database.reads.work.sla import policies_of as policies_of
from database.reads.work.sla import terms_of as terms_of
from database.tables.work import ClockIntervalRow, ClockPlanRow, WorkItemRow
from domain.cards.card import WaitingFor
from domain.cards.facts import TaskOpened
from domain.identifiers import new_id
from domain.places import business_day
from domain.rules.deadlines import deadlines_in_force
from domain.work.deadlines import RUNNING, ClockOwner, ClockPlan, Policies, Stretch, used

_RUNNING = """
SELECT id, task_id, owner, runs, started_at FROM clock_interval WHERE card_id = $1 AND ended_at IS NULL FOR UPDATE
"""
# Whose time it is while a card waits so; a review's own owners are set by what our people do.
_HAS_IT = {
    WaitingFor.MACHINE: ClockOwner.MACHINE,
    WaitingFor.GATEWAY: ClockOwner.MACHINE,
    WaitingFor.RAIL: ClockOwner.MACHINE,
    WaitingFor.FINANCE: ClockOwner.MACHINE,
    WaitingFor.BANK: ClockOwner.MACHINE,
    WaitingFor.SELLER_FIELDS: ClockOwner.SELLER,
    WaitingFor.SELLER_CODE: ClockOwner.SELLER,
    WaitingFor.SELLER_ITEM: ClockOwner.SELLER,
    WaitingFor.SELLER_OFFER: ClockOwner.SELLER,
    WaitingFor.SELLER_PAYEE: ClockOwner.SELLER,
    WaitingFor.SELLER_CONFIRM: ClockOwner.SELLER,
    WaitingFor.OUTLET: ClockOwner.OUTLET,
}


async def plan(session: AsyncSession, task: WorkItemRow, now: datetime, why: str) -> ClockPlan:
    """Plans the task's clock by the policies in force, in the caller's transaction, and keeps the plan with its cause.

    Sets `warn_at`, `due_at`, `plan_version` and `replan=False` on the task; the caller places it in the queue.
    `why`: opened | policy_changed | escalated | resumed.
    """
    policies, card = policies_in_force(), await stretches(session, task)
    made = replanned(policies, task, card, now)
    task.warn_at, task.due_at = made.warn_at, made.due_at
    task.plan_version, task.replan = made.version, False
    spent = used(policies.calendars[made.calendar], card, now)
    session.add(
        ClockPlanRow(
            id=new_id(), task_id=task.id, policy_version=made.version, policy=made.policy, calendar=made.calendar,
            budget_s=made.budget_s, used_s=spent // timedelta(seconds=1),
            warn_at=made.warn_at, due_at=made.due_at, why=why, at=now,
        )
    )  # fmt: skip
    return made


async def pass_to(
    session: AsyncSession, task: WorkItemRow, owner: ClockOwner, now: datetime, person: str | None = None
) -> None:
    """From now on the time of the item's clock is this owner's: ends the interval that is open and begins the next.

    `person` (id) is who holds it, where one person does. The same owner and person again change nothing.
    """
    clock = clock_of(task)
    running = await _open_interval(session, clock)
    if running is not None:
        if (running.task_id, running.owner, running.person_id) == (task.id, owner, person):
            return
        now = max(now, running.started_at)
        running.ended_at = now
        await session.flush()  # A card has one open interval at any time, and the database holds us to it.
    elif not await _known(session, task.id) and task.opened_at < now:
        first = _interval(clock[0], task.id, ClockOwner.REVIEWER, task.opened_at, now)
        session.add(first)  # Its first stretch was never written down.
    session.add(_interval(clock[0], task.id, owner, now, None, person))
    await session.flush()


async def follow(way: AsyncSession | Plain, card_id: str, waiting_for: WaitingFor, now: datetime) -> None:
    """Pause the clock: the card waits for a party outside the staff, or has ended. The time counts for that party.

    Changes nothing while our people have the card, before its first review, and while an issuer is asked again: the time
    of the party with the question continues. The caller holds the card's lock, so that it cannot move to another party meanwhile.
    """
    plain = await past(way, read=True)
    running = await plain.row(_RUNNING, card_id)
    if running is None or (waiting_for is not WaitingFor.NOBODY and running["runs"]):
        return
    has_it = ClockOwner(running["owner"])
    owner = has_it if waiting_for is WaitingFor.ISSUER else _HAS_IT.get(waiting_for)
    if owner is has_it:
        return
    moment = max(now, running["started_at"])
    await plain.row("UPDATE clock_interval SET ended_at = $2 WHERE id = $1", running["id"], moment)
    if owner is not None:
        await plain.insert(_interval(card_id, running["task_id"], owner, moment))


async def stop_own(session: AsyncSession, task: WorkItemRow, now: datetime) -> None:
    """Stop the time of an item that holds up no card: its open interval ends."""
    running = await _open_interval(session, clock_of(task))
    if running is not None:
        running.ended_at = max(now, running.started_at)
        await session.flush()


async def held(session: AsyncSession, task: WorkItemRow, person: str | None, now: datetime) -> None:
    """Set who has an item with its own clock from now on (id or None); a paused clock stays as it is."""
    running = await _open_interval(session, clock_of(task))
    if running is not None and running.runs:
        await pass_to(session, task, running.owner, now, person)


async def stop(session: AsyncSession, card_id: str, now: datetime) -> None:
    """End the card's open interval: no party has it any more."""
    running = await _open_interval(session, (card_id, None))
    if running is not None:
        running.ended_at = max(now, running.started_at)
        await session.flush()


async def planned(session: AsyncSession, task: WorkItemRow, now: datetime) -> ClockPlan:
    """Return the task's plan, calculated again from the stored version and stretches."""
    policies = await policies_of(session, task.plan_version)
    return replanned(policies, task, await stretches(session, task), now)


def policies_in_force() -> Policies:
    """Return the policies that hold today, as this process knows them."""
    return deadlines_in_force(business_day(datetime.now(UTC)))


def newest_version() -> int:
    """Return the number of the version in force."""
    return policies_in_force().version


async def stretches(session: AsyncSession, task: WorkItemRow) -> list[Stretch]:
    """All intervals of the item's clock, oldest first; an item whose first was never written has run since its opening."""
    return with_own((await intervals(session, [task]))[task.id], task)


def as_opened(task_id: str, made: ClockPlan, now: datetime) -> TaskOpened:
    """Convert the plan for the workflow's timers: whole seconds from now, none before its moment."""
    return TaskOpened(
        task_id,
        _seconds(made.warn_at, now),
        _seconds(made.due_at, now),
        tuple(_seconds(moment, now) for moment in made.chain),
        None if made.end_at is None else _seconds(made.end_at, now),
        made.version,
    )


def _seconds(moment: datetime, now: datetime) -> int:
    return max(0, ceil((moment - now).total_seconds()))


def _interval(
    card_id: str | None, task_id: str, owner: ClockOwner, starts: datetime, ends: datetime | None = None, person: str | None = None
) -> ClockIntervalRow:  # fmt: skip
    return ClockIntervalRow(
        id=new_id(), card_id=card_id, task_id=task_id, owner=owner, person_id=person,
        runs=owner in RUNNING, started_at=starts, ended_at=ends,
    )  # fmt: skip


async def _open_interval(session: AsyncSession, clock: tuple[str | None, str | None]) -> ClockIntervalRow | None:
    """The running interval of a card or, without one, of an item, locked: two at once pass it on one after the other."""
    card_id, task_id = clock
    whose = (
        (ClockIntervalRow.card_id == card_id,)
        if card_id
        else (ClockIntervalRow.card_id.is_(None), ClockIntervalRow.task_id == task_id)
    )
    wanted = select(ClockIntervalRow).where(*whose, ClockIntervalRow.ended_at.is_(None))
    return (await session.execute(wanted.with_for_update())).scalar_one_or_none()


async def _known(session: AsyncSession, task_id: str) -> bool:
    found: Sequence[str] = (
        await session.execute(select(ClockIntervalRow.id).where(ClockIntervalRow.task_id == task_id).limit(1))
    ).scalars().all()  # fmt: skip
    return bool(found)
