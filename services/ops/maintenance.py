"""Put a provider into maintenance, plan it, and take it out again: one clear answer for each person, everything on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories.audit import plain
from database.session import Database
from database.tables.ops.providers import ProviderStepRow, ProviderWindowRow
from database.tables.people import AuditRow, PersonRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.ops import MaintenanceOverlaps, NotInMaintenance
from domain.identifiers import new_id
from domain.ops.maintenance import (
    AHEAD,
    HOLDING,
    LONGEST,
    OPEN,
    REASON_MAX,
    SHARES,
    Why,
    Window,
    WindowState,
    closed,
    held_from,
    resumed,
    with_end,
)
from domain.ops.providers import provider_named
from domain.people.roles import Permission
from domain.rules.brands import brands_of_issuer, issuers
from services.people.permissions import require
from services.work.secret_scan import require_no_number

PAST = timedelta(minutes=5)  # A beginning that a person typed a moment ago counts as now.
SYSTEM = "system:"


@dataclass(frozen=True)
class WindowInput:
    """The maintenance that a person asks for. `starts_at` None: now; `ends_at` None: until a person ends it."""

    provider: str
    brand: str
    reason: str
    starts_at: datetime | None
    ends_at: datetime | None


class Maintenance:
    """Windows of maintenance. `by` is a person's id, or `system:<user>` for who works at the command line."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def begin(self, by: str, asked: WindowInput) -> str:
        """Hold the provider's calls from now on, or from the planned moment on; return the window's id.

        A window that is being resumed gives way to the new one. Refuses NotAllowed, FieldInvalid and MaintenanceOverlaps.
        """
        now = self._now()
        _require_valid(asked, now)
        starts_at = asked.starts_at or now
        async with self._database.transaction() as session:
            await _require_may(session, by)
            await acquire(session, AdvisoryLock.MAINTENANCE)
            for row in await _open(session, asked.provider):
                if not _concerns(row, asked.brand) or not window_of(row).overlaps(starts_at, asked.ends_at):
                    continue
                if row.state is not WindowState.RESUMING or (row.brand, starts_at > now) != (asked.brand, False):
                    await _require_apart(session, row, starts_at, asked.ends_at)
                note_step(session, row, closed(window_of(row), now), Why.PERSON, by)
            row = _new(by, asked, starts_at, now)
            session.add(row)
            await session.flush()
            window = window_of(row)
            if starts_at <= now:
                window = held_from(window, now)
            note_step(session, row, window, Why.PERSON, by)
            session.add(_audit(by, "begin", row))
            return row.id

    async def end(self, by: str, window_id: str, *, at_once: bool = False) -> None:
        """Cancel a planned window, or resume the provider in stages; `at_once` skips the stages, also while it is resumed.

        Refuses NotAllowed, NotFound and, when another was quicker, NotInMaintenance.
        """
        now = self._now()
        async with self._database.transaction() as session:
            await _require_may(session, by)
            await acquire(session, AdvisoryLock.MAINTENANCE)
            row = await session.get(ProviderWindowRow, window_id)
            if row is None:
                raise NotFound(window=window_id)
            window = window_of(row)
            if row.state is WindowState.PLANNED:
                after = closed(window, now)
            elif row.state in HOLDING:
                after = resumed(window, SHARES[-1] if at_once else SHARES[0], now)
            elif row.state is WindowState.RESUMING and at_once and row.share < SHARES[-1]:
                after = resumed(window, SHARES[-1], now)
            else:
                raise await _changed(session, row)
            note_step(session, row, after, Why.PERSON, by)
            session.add(_audit(by, "end", row))

    async def change_end(self, by: str, window_id: str, ends_at: datetime | None) -> None:
        """Give a window that is planned or holds its provider another end; None: until a person ends it.

        What sellers, partners and reviewers read follows at once. The same end again changes nothing. Refuses NotAllowed,
        NotFound, FieldInvalid, MaintenanceOverlaps with a later window, and NotInMaintenance when it is over or resumed.
        """
        now = self._now()
        async with self._database.transaction() as session:
            await _require_may(session, by)
            await acquire(session, AdvisoryLock.MAINTENANCE)
            row = await session.get(ProviderWindowRow, window_id)
            if row is None:
                raise NotFound(window=window_id)
            if row.state is not WindowState.PLANNED and row.state not in HOLDING:
                raise await _changed(session, row)
            if row.ends_at == ends_at:
                return
            _require_end(row.starts_at, ends_at, now)
            for other in await _open(session, row.provider):
                if other.id != row.id and _concerns(other, row.brand):
                    await _require_apart(session, other, row.starts_at, ends_at)
            after = with_end(window_of(row), ends_at)
            row.ends_at, row.next_at = after.ends_at, after.next_at
            session.add(_step(row, now, Why.END_CHANGED, by, ends_at))
            session.add(_audit(by, "change_end_of", row))

    async def open_window(self, provider: str, brand: str = "") -> str:
        """Return the id of the provider's window that is in force, else of its next planned one. Refuses NotInMaintenance."""
        async with self._database.transaction() as session:
            rows = [row for row in await _open(session, provider) if row.brand == brand]
        if not rows:
            raise NotInMaintenance(state=WindowState.ENDED.value, by="", since=None)
        return min(rows, key=lambda row: (row.state is WindowState.PLANNED, row.starts_at)).id


def window_of(row: ProviderWindowRow) -> Window:
    """Return the row as the rules know it."""
    return Window(
        row.id, row.provider, row.brand, row.reason, row.starts_at, row.ends_at, row.state, row.share, row.since, row.next_at
    )  # fmt: skip


def note_step(session: AsyncSession, row: ProviderWindowRow, after: Window, why: Why, actor: str) -> None:
    """Change a window and keep the change in its history."""
    row.state, row.share, row.since, row.next_at = after.state, after.share, after.since, after.next_at
    if after.state in HOLDING and row.held_at is None:
        row.held_at = after.since
    if after.state not in OPEN:
        row.closed_at = after.since
    session.add(_step(row, after.since, why, actor))


def _step(
    row: ProviderWindowRow, at: datetime, why: Why, actor: str, ends_at: datetime | None = None
) -> ProviderStepRow:
    return ProviderStepRow(
        window_id=row.id, at=at, state=row.state, share=row.share, why=why, actor=actor, ends_at=ends_at
    )


def _require_valid(asked: WindowInput, now: datetime) -> None:
    provider = provider_named(asked.provider)
    if provider is None or (provider.issuer and provider.issuer not in issuers()):
        raise FieldInvalid(field="provider", why="unknown")
    if asked.brand and (not provider.issuer or asked.brand not in brands_of_issuer(provider.issuer)):
        raise FieldInvalid(field="brand", why="unknown")
    if not asked.reason.strip():
        raise FieldInvalid(field="reason", why="missing")
    if len(asked.reason) > REASON_MAX:
        raise FieldInvalid(field="reason", why="too_long")
    require_no_number(asked.reason)
    starts_at = asked.starts_at or now
    if not now - PAST <= starts_at <= now + AHEAD:
        raise FieldInvalid(field="starts_at", why="out_of_range")
    _require_end(starts_at, asked.ends_at, now)


def _require_end(starts_at: datetime, ends_at: datetime | None, now: datetime) -> None:
    if ends_at is not None and not max(starts_at, now) < ends_at <= starts_at + LONGEST:
        raise FieldInvalid(field="ends_at", why="out_of_range")


async def _require_apart(
    session: AsyncSession, other: ProviderWindowRow, starts_at: datetime, ends_at: datetime | None
) -> None:
    """Refuse MaintenanceOverlaps where another window shares a moment with this one."""
    if window_of(other).overlaps(starts_at, ends_at):
        by = await _name(session, other.created_by)
        raise MaintenanceOverlaps(by=by, since=other.starts_at, until=other.ends_at)


async def _changed(session: AsyncSession, row: ProviderWindowRow) -> NotInMaintenance:
    """Return the refusal that names who brought the window to where it is."""
    last = await _last_step(session, row.id)
    return NotInMaintenance(state=row.state.value, by=await _name(session, last.actor), since=row.since)


async def _require_may(session: AsyncSession, by: str) -> None:
    if not by.startswith(SYSTEM):
        await require(session, by, Permission.MANAGE_PROVIDERS)


async def _open(session: AsyncSession, provider: str) -> list[ProviderWindowRow]:
    wanted = (ProviderWindowRow.provider == provider, ProviderWindowRow.state.in_(OPEN))
    rows = await session.execute(select(ProviderWindowRow).where(*wanted).order_by(ProviderWindowRow.starts_at))
    return list(rows.scalars())


def _concerns(row: ProviderWindowRow, brand: str) -> bool:
    """Whether two windows would hold the same calls: a window of all of a provider holds every brand's."""
    return not row.brand or not brand or row.brand == brand


def _new(by: str, asked: WindowInput, starts_at: datetime, now: datetime) -> ProviderWindowRow:
    return ProviderWindowRow(
        id=new_id(), provider=asked.provider, brand=asked.brand, reason=asked.reason.strip(), starts_at=starts_at,
        ends_at=asked.ends_at, state=WindowState.PLANNED, share=SHARES[-1], since=now, next_at=starts_at, created_by=by,
    )  # fmt: skip


async def _last_step(session: AsyncSession, window_id: str) -> ProviderStepRow:
    of_window = select(ProviderStepRow).where(ProviderStepRow.window_id == window_id)
    return (await session.execute(of_window.order_by(ProviderStepRow.id.desc()).limit(1))).scalar_one()


async def _name(session: AsyncSession, actor: str) -> str:
    """A person's name; what the machine or the command line did is named as it is."""
    person = await session.get(PersonRow, actor)
    return actor if person is None else person.name


def _audit(by: str, act: str, row: ProviderWindowRow) -> AuditRow:
    facts = plain(
        {
            "window": row.id,
            "brand": row.brand,
            "starts_at": row.starts_at,
            "ends_at": row.ends_at,
            "state": row.state.value,
        }
    )
    actor, source = (by, "cli") if by.startswith(SYSTEM) else (f"person:{by}", "console")
    return AuditRow(
        actor=actor, act=f"{source}:provider:{act}_maintenance", subject=row.provider, reason=row.reason, facts=facts
    )
