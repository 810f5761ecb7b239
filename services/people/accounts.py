"""Setting up the people of the console: roles, skills and limits, relatives, and whether they work here at all.

Every change is audited. At least one administrator always remains, and no one can change their own rights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Set
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import NOBODY
from database.repositories.audit import on_account, plain
from database.session import Database
from database.tables.people import PartnerRow, PersonRow, RelativeRow, SellerRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import LastAdmin, OwnRoles
from domain.finance.payee import masked_account
from domain.people.access import AccessKind, AccessNews, Bounds, loosened, news_of, split
from domain.people.kinship import account_trait, is_account
from domain.people.roles import PERMISSIONS, Permission, Role
from domain.sealing import KeyRing
from services.people import access
from services.people.account_ends import sign_out
from services.people.kinship import OWN, own_account, relink
from services.people.permissions import require

CAPACITY_MAX = 200
BOUNDS = frozenset({"limit_minor", "probation_until"})
TEAM_CHARACTERS_MAX = 40
SELLER = re.compile(r"(seller|partner):([0-9A-Z]{1,26})")
_MANAGERS = {role.value for role, allowed in PERMISSIONS.items() if Permission.MANAGE_PEOPLE in allowed}


@dataclass(frozen=True)
class WorkSetUp:
    """What a person is given to do. Empty skills mean all of them; no limit (CNY minor units) means any value."""

    team: str
    timezone: str
    skill_types: tuple[str, ...] = ()
    skill_brands: tuple[str, ...] = ()
    skill_languages: tuple[str, ...] = ()
    limit_minor: int | None = None
    capacity: int = 0
    on_duty: bool = True
    probation_until: datetime | None = None

    def columns(self) -> dict[str, Any]:
        """Return the values by the names of a person's columns."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


class People:
    """Changes of people. `by` is the id of the acting person, who needs MANAGE_PEOPLE; refuses NotAllowed, NotFound."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def set_roles(self, by: str, person: str, roles: Iterable[Role]) -> None:
        """Give a person exactly these roles; new ones that pay or check wait until a second person confirms them.

        What is taken away is gone at once. Refuses OwnRoles, LastAdmin, FieldInvalid (`roles`).
        """
        if not (wanted := tuple(dict.fromkeys(roles))):
            raise FieldInvalid(field="roles", why="no_role")
        async with self._database.transaction() as session:
            row = await _others(session, by, person)
            before = row.roles
            given, waiting = split(wanted, (Role(role) for role in before))
            if not _MANAGERS & {role.value for role in given}:
                await _require_another_manager(session, person)
            row.roles = [role.value for role in given]
            asked = [role.value for role in waiting]
            session.add(on_account(by, "roles", person, before=before, after=row.roles, asked=asked))
            if waiting:
                await access.ask(session, by, person, AccessKind.ROLES, self._now(), roles=waiting)
            else:
                await access.withdraw(session, person, AccessKind.ROLES, self._now())
            for news in news_of(before, row.roles):
                await access.notify(session, by, person, news)

    async def set_up(self, by: str, person: str, work: WorkSetUp) -> None:
        """Changes what a person is given to do; a higher limit and an earlier end of a probation wait for a second person.

        Refuses FieldInvalid, and OwnRoles for one's own limit or probation.
        """
        require_sound(work)
        async with self._database.transaction() as session:
            row = await _person(session, by, person)
            if by == person and (row.limit_minor, row.probation_until) != (work.limit_minor, work.probation_until):
                raise OwnRoles()
            wanted, moment = work.columns(), self._now()
            looser = loosened(_bounds(row), _bounds(work), moment)
            changed = {
                name: value for name, value in wanted.items() if getattr(row, name) != value and name not in looser
            }
            for name, value in changed.items():
                setattr(row, name, value)
            if changed:
                session.add(on_account(by, "set_up", person, **changed))
            await self._bound(
                session, by, person, changed.keys() & BOUNDS, plain({name: wanted[name] for name in looser})
            )

    async def _bound(
        self, session: AsyncSession, by: str, person: str, tighter: Set[str], looser: dict[str, Any]
    ) -> None:
        """Puts looser bounds before a second person, and tells compliance of tighter ones, which count at once."""
        if tighter:
            await access.notify(session, by, person, AccessNews.LIMITS_TIGHTENED)
        if looser:
            session.add(on_account(by, "ask_limits", person, **looser))
            await access.ask(session, by, person, AccessKind.LIMITS, self._now(), bounds=looser)
        elif tighter:
            await access.withdraw(session, person, AccessKind.LIMITS, self._now())

    async def switch(self, by: str, person: str, active: bool) -> None:
        """Lets a person work here again, or no more: then their sessions end and what they hold goes back to the queue.

        Refuses OwnRoles, LastAdmin.
        """
        async with self._database.transaction() as session:
            row = await _others(session, by, person)
            if row.active is active:
                return
            if not active:
                await _require_another_manager(session, person)
                await sign_out(session, person, self._now())
                await _release_work(session, person)
            row.active = active
            session.add(on_account(by, "switch_on" if active else "switch_off", person))
            await access.notify(session, by, person, AccessNews.SWITCHED_ON if active else AccessNews.SWITCHED_OFF)

    async def add_relative(self, by: str, person: str, seller: str) -> None:
        """Keep a seller's cards from a person for good; `seller` is a seller's or partner's name, or an account of the
        person's own (telephone, e-mail address or payee account), of which a keyed hash and a mask are kept.

        Refuses FieldInvalid (`seller`: not_a_seller, unknown_seller).
        """
        async with self._database.transaction() as session:
            await _person(session, by, person)
            named = self._declared(seller) or await _seller(session, seller.strip())
            if await session.get(RelativeRow, (person, named)) is None:
                session.add(RelativeRow(person_id=person, seller=named, declared_at=self._now()))
                session.add(on_account(by, "add_relative", person, seller=shown_relative(named)))
                await session.flush()
                await relink(session, self._keyring, person)

    def _declared(self, written: str) -> str | None:
        account = account_trait(written)
        if not is_account(account):
            return None
        return f"{own_account(self._keyring, account)}:{masked_account(account)}"

    async def remove_relative(self, by: str, person: str, seller: str) -> None:
        """Remove a declaration; without one, nothing changes. Removing one's own is refused: OwnRoles."""
        async with self._database.transaction() as session:
            await _others(session, by, person)
            row = await session.get(RelativeRow, (person, seller))
            if row is not None:
                await session.delete(row)
                session.add(on_account(by, "remove_relative", person, seller=shown_relative(seller)))


def shown_relative(seller: str) -> str:
    """Return how a declared seller or account is shown: an account by its mask alone."""
    return seller.rpartition(":")[2] if seller.startswith(OWN) else seller


async def _person(session: AsyncSession, by: str, person: str) -> PersonRow:
    """Return the person, locked, after checking the permission of the acting person."""
    await require(session, by, Permission.MANAGE_PEOPLE)
    row = await session.get(PersonRow, person, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(person=person[:26])
    return row


async def _others(session: AsyncSession, by: str, person: str) -> PersonRow:
    """Lock the person for a change that is refused to oneself; all who manage people are locked first, so that one of two stays."""
    managers = or_(*(PersonRow.roles.contains([role]) for role in sorted(_MANAGERS)))
    await session.execute(select(PersonRow.id).where(managers).order_by(PersonRow.id).with_for_update())
    row = await _person(session, by, person)
    if by == person:
        raise OwnRoles()
    return row


async def _require_another_manager(session: AsyncSession, person: str) -> None:
    others = select(PersonRow.roles).where(PersonRow.active, PersonRow.id != person)
    if not any(_MANAGERS & set(roles) for roles in (await session.execute(others)).scalars()):
        raise LastAdmin()


async def _release_work(session: AsyncSession, person: str) -> None:
    waiting = (WorkItemRow.closed_at.is_(None), WorkItemRow.decided.is_(False))
    await session.execute(update(WorkItemRow).where(*waiting, WorkItemRow.leased_by == person).values(NOBODY))
    given = {"assigned_to": None, "assigned_at": None}
    await session.execute(update(WorkItemRow).where(*waiting, WorkItemRow.assigned_to == person).values(**given))


async def _seller(session: AsyncSession, named: str) -> str:
    """The owner as submissions name it; a mistyped one would protect from nothing."""
    kind, _, number = named.partition(":")
    written = SELLER.fullmatch(f"{kind.lower()}:{number.upper()}")
    if written is None:
        raise FieldInvalid(field="seller", why="not_a_seller")
    table: type[SellerRow] | type[PartnerRow] = SellerRow if written[1] == "seller" else PartnerRow
    if await session.get(table, written[2]) is None:
        raise FieldInvalid(field="seller", why="unknown_seller")
    return written[0]


def require_sound(work: WorkSetUp) -> None:
    """Refuse FieldInvalid for work that cannot be assigned to a person."""
    if not 0 <= work.capacity <= CAPACITY_MAX:
        raise FieldInvalid(field="capacity", why="not_a_number", most=CAPACITY_MAX)
    if work.limit_minor is not None and work.limit_minor < 0:
        raise FieldInvalid(field="limit", why="not_an_amount")
    if work.timezone not in available_timezones():
        raise FieldInvalid(field="timezone", why="no_such_zone")
    if not 0 < len(work.team) <= TEAM_CHARACTERS_MAX:
        raise FieldInvalid(field="team", why="missing" if not work.team else "too_long")


def _bounds(of: PersonRow | WorkSetUp) -> Bounds:
    return Bounds(of.limit_minor, of.probation_until)
