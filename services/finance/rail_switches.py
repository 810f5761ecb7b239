"""Switch a rail off at once, and on again by two people. Open payments are still queried; nothing new is sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.routing import RailSwitchRow
from domain.errors.finance import RailOffAlready, RailSwitched
from domain.errors.general import FieldInvalid
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.people.roles import Permission
from services.finance.second_person import require_apart
from services.people.acting import standing
from services.people.permissions import require

REASON_MAX = 500


class RailSwitches:
    """The switches. `person` is a person's id. Every process reads them with each order that it makes or sends."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def off(self, person: str, rail: Rail, reason: str) -> None:
        """Switch a rail off at once; switched off already by them for that reason, nothing changes.

        Refuses NotAllowed, FieldInvalid (`reason`), and RailOffAlready: a second reason is not dropped without a word.
        """
        said = required_reason(reason)
        async with self._database.transaction() as session:
            await require(session, person, Permission.SWITCH_RAILS)
            row = RailSwitchRow(id=new_id(), rail=rail, off_at=self._now(), off_by=person, off_reason=said)
            if await insert_once(session, row):
                session.add(by_person(person, "console:rail:off", rail.value, reason=said))
                return
            is_off = await _locked(session, rail)
            if (is_off.off_by, is_off.off_reason) != (person, said):
                raise RailOffAlready()

    async def ask_on(self, person: str, rail: Rail, reason: str) -> None:
        """Ask to switch a rail on again; asked already by them, nothing changes.

        Refuses NotAllowed, FieldInvalid (`reason`), and RailSwitched when it is on, or another has asked.
        """
        said = required_reason(reason)
        async with self._database.transaction() as session:
            await require(session, person, Permission.SWITCH_RAILS)
            row = await _locked(session, rail)
            if row.asked_by == person:
                return
            if row.asked_by is not None:
                raise RailSwitched()
            row.asked_by, row.asked_at, row.asked_reason = person, self._now(), said
            row.askers = sorted((await standing(session, person, self._now())).circle)
            session.add(by_person(person, "console:rail:ask_on", rail.value, reason=said))

    async def agree_on(self, person: str, rail: Rail) -> None:
        """Agree as the second person: payments leave again; agreed to already by them, nothing changes.

        Refuses NotAllowed, RailSwitched, and OwnWork to who asked.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.SWITCH_RAILS)
            row = await _open(session, rail)
            if row is None and await _switched_on_by(session, rail) == person:
                return
            if row is None or row.asked_by is None:
                raise RailSwitched()
            await require_apart(session, await standing(session, person, self._now()), row.askers, self._now())
            row.on_at, row.on_by = self._now(), person
            session.add(by_person(person, "console:rail:on", rail.value, facts={"asked_by": row.asked_by}))

    async def leave_off(self, person: str, rail: Rail) -> None:
        """Discard the wish to switch a rail on, one's own too. Refuses NotAllowed and RailSwitched."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.SWITCH_RAILS)
            row = await _locked(session, rail)
            if row.asked_by is None:
                raise RailSwitched()
            session.add(by_person(person, "console:rail:leave_off", rail.value, facts={"asked_by": row.asked_by}))
            row.asked_by, row.asked_at, row.asked_reason, row.askers = None, None, "", []


def required_reason(reason: str, name: str = "reason") -> str:
    """Return a reason as one line. Refuses FieldInvalid for none, or one that is too long."""
    said = " ".join(reason.split())
    if not said or len(said) > REASON_MAX or not said.isprintable():
        raise FieldInvalid(
            field=name, why="missing" if not said else "too_long" if len(said) > REASON_MAX else "malformed"
        )
    return said


async def _locked(session: AsyncSession, rail: Rail) -> RailSwitchRow:
    """The open switch of a rail, locked. Refuses RailSwitched where it is on."""
    row = await _open(session, rail)
    if row is None:
        raise RailSwitched()
    return row


async def _open(session: AsyncSession, rail: Rail) -> RailSwitchRow | None:
    open_one = select(RailSwitchRow).where(RailSwitchRow.rail == rail, RailSwitchRow.on_at.is_(None)).with_for_update()
    return (await session.execute(open_one.execution_options(populate_existing=True))).scalar_one_or_none()


async def _switched_on_by(session: AsyncSession, rail: Rail) -> str | None:
    """The person who switched the rail on the last time."""
    closed = select(RailSwitchRow.on_by).where(RailSwitchRow.rail == rail, RailSwitchRow.on_at.is_not(None))
    return (await session.execute(closed.order_by(RailSwitchRow.on_at.desc(), RailSwitchRow.id).limit(1))).scalar()
