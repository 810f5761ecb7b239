"""Access changes that need a second person: payment and checking roles, resets of sign-ins, looser limits, stand-ins.

Compliance is notified of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.repositories.notices import tell
from database.session import Database
from database.tables.people import AccessRequestRow, AuditRow, PersonRow
from domain.errors.general import NotFound
from domain.errors.people import NotIndependent, OwnRoles
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.access import ASKED, AccessAnswer, AccessKind, AccessNews
from domain.people.roles import Permission, Role, permissions_of
from domain.review.four_eyes import apart
from services.notices.recipients import compliance, with_roles
from services.people import stand_ins
from services.people.account_ends import NOBODYS_HASH, sign_out
from services.people.acting import handled_by, standing
from services.people.permissions import require


class Access:
    """What the second person does. `by` needs CONFIRM_ACCESS."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def confirm(self, by: str, request_id: str) -> str:
        """Give what was asked for; return the person's id.

        Refuses NotAllowed, NotFound for a request that waits no more, OwnRoles to whom it is for, NotIndependent to
        the requester, and to a person who does not count as a second person beside them, and FieldInvalid for a stand-in
        that contradicts another absence by now.
        """
        async with self._database.transaction() as session:
            request, row = await self._waiting(session, by, request_id)
            moment = self._now()
            who = await standing(session, by, moment)
            handled = await handled_by(session, [request.asked_by], moment)
            if not apart(frozenset({request.asked_by}), who.hands, handled):
                raise NotIndependent()
            request.answer, request.answered_by, request.answered_at = AccessAnswer.CONFIRMED, by, moment
            act, news = await _give(session, request, row, moment)
            # Recorded as an action of the requester: for some days the two do not count as two people.
            facts = {"roles": request.roles, **request.bounds, "confirmed_by": by}
            session.add(by_person(request.asked_by, act, row.id, facts=facts))
            session.add(_audit(by, "confirm", row.id, request_id))
            await notify(session, by, row.id, news)
        return row.id

    async def refuse(self, by: str, request_id: str) -> None:
        """Let a request fall, also one's own. Refuses NotAllowed, NotFound, OwnRoles."""
        async with self._database.transaction() as session:
            request, row = await self._waiting(session, by, request_id)
            request.answer, request.answered_by, request.answered_at = AccessAnswer.REFUSED, by, self._now()
            session.add(_audit(by, "refuse", row.id, request_id))
            await notify(session, by, row.id, AccessNews.REFUSED)

    async def _waiting(self, session: AsyncSession, by: str, request_id: str) -> tuple[AccessRequestRow, PersonRow]:
        await require(session, by, Permission.CONFIRM_ACCESS)
        request = await session.get(AccessRequestRow, request_id[:26], with_for_update=True)
        if request is None or request.answer is not None:
            raise NotFound(request=request_id[:26])
        concerned = sorted(
            {request.person_id, request.bounds.get("stand_in", request.person_id)}
        )  # Locked in one order.
        locked = {one: await session.get_one(PersonRow, one, with_for_update=True) for one in concerned}
        row = locked[request.person_id]
        if by in (row.id, request.bounds.get("stand_in")):
            raise OwnRoles()
        return request, row


async def _give(
    session: AsyncSession, request: AccessRequestRow, row: PersonRow, now: datetime
) -> tuple[str, AccessNews]:
    """Do what was asked for; return the act for the record, and the news for compliance."""
    if request.kind is AccessKind.ROLES:
        row.roles = [role.value for role in Role if role.value in {*row.roles, *request.roles}]
        return "console:person:grant", AccessNews.GRANTED
    if request.kind is AccessKind.LIMITS:
        if "limit_minor" in request.bounds:
            row.limit_minor = request.bounds["limit_minor"]
        if "probation_until" in request.bounds:
            until = request.bounds["probation_until"]
            row.probation_until = datetime.fromisoformat(until) if until else None
        return "console:person:loosen", AccessNews.LIMITS_LOOSENED
    if request.kind is AccessKind.STAND_IN:
        await stand_ins.give(session, request, now)
        return "console:person:stand_in", AccessNews.STAND_IN
    await sign_out(session, row.id, now)
    if request.kind is AccessKind.TOTP:
        row.totp_sealed, row.totp_confirmed_at = None, None
        return "console:totp:reset", AccessNews.TOTP_RESET
    row.password_hash = NOBODYS_HASH
    return "console:person:reset", AccessNews.RESET


async def ask(
    session: AsyncSession,
    by: str,
    person: str,
    kind: AccessKind,
    now: datetime,
    *,
    roles: Iterable[Role] = (),
    bounds: Mapping[str, object] | None = None,
) -> None:
    """Ask a second person, replacing a request that waits, and notify all who could confirm it."""
    await withdraw(session, person, kind, now)
    named = [role.value for role in roles]
    session.add(
        AccessRequestRow(
            id=new_id(), kind=kind, person_id=person, roles=named, bounds=dict(bounds or {}), asked_by=by, asked_at=now
        )
    )  # fmt: skip
    able = await with_roles(session, None, lambda held: Permission.CONFIRM_ACCESS in permissions_of(held))
    await notify(session, by, person, ASKED[kind], also=[one for one in able if one not in (by, person)])


async def withdraw(session: AsyncSession, person: str, kind: AccessKind, now: datetime) -> None:
    """Nothing of this kind waits for the person any more."""
    waiting = (AccessRequestRow.person_id == person, AccessRequestRow.kind == kind, AccessRequestRow.answer.is_(None))
    gone = update(AccessRequestRow).where(*waiting).values(answer=AccessAnswer.REPLACED, answered_at=now)
    await session.execute(gone.execution_options(synchronize_session=False))


async def notify(session: AsyncSession, by: str, person: str, news: AccessNews, also: Iterable[str] = ()) -> None:
    """Notify compliance (and `also`) that a person's access changed; `by` is empty without a signed-in person."""
    people = {*await compliance(session, but=by), *also}
    await tell(session, people, NoticeKind.ACCESS, f"access:{new_id()}", person=person, by=by, news=news.value)


async def requests(session: AsyncSession, person: str | None = None) -> tuple[AccessRequestRow, ...]:
    """List what waits for a second person, of one person or of all, the oldest first."""
    statement = (
        select(AccessRequestRow)
        .where(AccessRequestRow.answer.is_(None))
        .order_by(AccessRequestRow.asked_at, AccessRequestRow.id)
    )
    if person is not None:
        statement = statement.where(AccessRequestRow.person_id == person)
    return tuple((await session.execute(statement)).scalars())


def _audit(by: str, act: str, person: str, request_id: str) -> AuditRow:
    return by_person(by, f"console:access:{act}", person, facts={"request": request_id})
