"""Hand a ticket over: it stays with who offers it until the receiver accepts, and an offer ends automatically."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import notices
from database.tables.people import PersonRow
from database.tables.support.desk import HandOverRow
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.support import HandOverEnded, HandOverOpen
from domain.identifiers import new_id, short
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission, Role, permissions_of
from domain.places import business_day
from domain.rules.tickets import tickets_in_force
from domain.support.handing import HandOverAnswer
from domain.support.tickets import UNDER_WAY
from domain.work.lease import holder_of
from domain.work.reason_codes import ReasonedAct
from services.people.permissions import require
from services.support import clocks
from services.support.conversation import locked
from services.support.desk import SupportDesk
from services.support.history import happened
from services.work.assignment import require_able
from services.work.leases import end_lease, lease_span, require_held
from services.work.reason_codes import require_reason
from services.work.secret_scan import require_no_number

NOTE_MAX = 500


@dataclass(frozen=True)
class Handing:
    """Offers of tickets. `person` is a person's id; a ticket has one open offer at most."""

    desk: SupportDesk

    async def offer(self, person: str, ticket_id: str, to: str | None, reason_code: str, note: str = "") -> str:
        """Offer a ticket that the person holds to a colleague, or to the leads (`to` None); return the offer's id.

        The ticket stays assigned to who offers it. Refuse NotAllowed, NotFound, what `require_held` refuses, HandOverOpen,
        ReasonUnknown, FieldInvalid (`to`, `note`), SecretInWords, and what keeps the receiver from the ticket.
        """
        words = _short_note(note)
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            ticket, task = await locked(session, ticket_id)
            now = self.desk.now()
            require_held(task, person, now)
            await require_reason(session, ReasonedAct.HAND_OVER, reason_code)
            await expire_due(session, ticket, now)
            if await open_offer(session, ticket_id) is not None:
                raise HandOverOpen()
            if to is not None:
                await _require_receiver(session, person, to, task, now)
            rules = tickets_in_force(business_day(now))
            offer = HandOverRow(
                id=new_id(), ticket_id=ticket_id, by=person, to_person=to, reason_code=reason_code, note=words,
                offered_at=now, until=now + timedelta(minutes=rules.hand_over_minutes),
            )  # fmt: skip
            session.add(offer)
            task.assigned_to, task.assigned_at = person, now
            receivers = [to] if to is not None else [one for one in await leads(session) if one != person]
            await _tell(session, receivers, offer, task, "offered", person)
            facts = {"to": to or "", "reason": reason_code, "policy": rules.version}
            happened(session, ticket, f"person:{person}", "hand_over_offered", now, **facts)
            await clocks.follow(session, ticket, task, now, "resumed")
        return offer.id

    async def accept(self, person: str, offer_id: str) -> None:
        """Take the offered ticket: the lease and the assignment are the receiver's.

        Refuse NotAllowed, NotFound, HandOverEnded, and what keeps the receiver from the ticket.
        """
        async with self.desk.database.transaction() as session:
            offer, ticket, task = await self._offered(session, offer_id)
            await _require_offered_to(session, offer, person)
            now = self.desk.now()
            await require_able(session, person, task, now)
            _answer(offer, HandOverAnswer.ACCEPTED, person, now)
            end_lease(task)
            task.assigned_to, task.assigned_at = person, now
            task.leased_by, task.leased_at, task.leased_until = person, now, now + lease_span(now)
            await _tell(session, [offer.by], offer, task, "accepted", person)
            happened(session, ticket, f"person:{person}", "hand_over_accepted", now, by=offer.by)
            await clocks.follow(session, ticket, task, now, "resumed")

    async def decline(self, person: str, offer_id: str, words: str) -> None:
        """Say no, and why: the ticket stays with who offered it. Refuse as `accept` does, and FieldInvalid (`note`)."""
        said = _short_note(words)
        if not said:
            raise FieldInvalid(field="note", why="missing")
        async with self.desk.database.transaction() as session:
            offer, ticket, task = await self._offered(session, offer_id)
            await _require_offered_to(session, offer, person)
            now = self.desk.now()
            _answer(offer, HandOverAnswer.DECLINED, person, now)
            offer.answer_words = said
            await _tell(session, [offer.by], offer, task, "declined", person)
            happened(session, ticket, f"person:{person}", "hand_over_declined", now, by=offer.by)

    async def withdraw(self, person: str, offer_id: str) -> None:
        """Keep the ticket after all: for who offered it. Refuse NotFound and HandOverEnded."""
        async with self.desk.database.transaction() as session:
            offer, ticket, _ = await self._offered(session, offer_id)
            if offer.by != person:
                raise NotFound(offer=offer_id[:26])
            _answer(offer, HandOverAnswer.WITHDRAWN, person, self.desk.now())
            happened(session, ticket, f"person:{person}", "hand_over_withdrawn", self.desk.now())

    async def _offered(self, session: AsyncSession, offer_id: str) -> tuple[HandOverRow, TicketRow, WorkItemRow]:
        """The open offer with its ticket, which is locked first. Refuses NotFound and HandOverEnded."""
        offer = await session.get(HandOverRow, offer_id[:26])
        if offer is None:
            raise NotFound(offer=offer_id[:26])
        ticket, task = await locked(session, offer.ticket_id)
        await session.refresh(offer)
        if offer.answer is not None or ticket.state not in UNDER_WAY or offer.until <= self.desk.now():
            raise HandOverEnded()
        return offer, ticket, task


async def pass_offer(session: AsyncSession, ticket: TicketRow, now: datetime) -> datetime | None:
    """End what is due, as `expire_due` does; return when the offer that is open will end. The ticket is locked."""
    offer = await open_offer(session, ticket.id)
    return None if offer is None or await _ended(session, ticket, offer, now) else offer.until


async def expire_due(session: AsyncSession, ticket: TicketRow, now: datetime) -> bool:
    """End an open offer whose time is over, or whose ticket has ended; return whether one ended. The ticket is locked.

    Who offered it is notified, and has the ticket still; where they no longer work here, it goes back to the queue.
    """
    offer = await open_offer(session, ticket.id)
    return offer is not None and await _ended(session, ticket, offer, now)


async def _ended(session: AsyncSession, ticket: TicketRow, offer: HandOverRow, now: datetime) -> bool:
    if offer.until > now and ticket.state in UNDER_WAY:
        return False
    task = await session.get_one(WorkItemRow, ticket.task_id)
    if ticket.state not in UNDER_WAY:
        _answer(offer, HandOverAnswer.ENDED, None, now)
        return True
    _answer(offer, HandOverAnswer.EXPIRED, None, now)
    giver = await session.get(PersonRow, offer.by)
    if (giver is None or not giver.active) and holder_of(task, now) is None:
        task.assigned_to = task.assigned_at = None
    await _tell(session, [offer.by], offer, task, "expired", offer.to_person or "")
    happened(session, ticket, "machine", "hand_over_expired", now, by=offer.by)
    return True


async def open_offer(session: AsyncSession, ticket_id: str) -> HandOverRow | None:
    """Return the ticket's open offer, if there is one."""
    waits = select(HandOverRow).where(HandOverRow.ticket_id == ticket_id, HandOverRow.answer.is_(None))
    return (await session.execute(waits)).scalar_one_or_none()


async def leads(session: AsyncSession) -> tuple[str, ...]:
    """Return everyone who leads support, by id."""
    people = (await session.execute(select(PersonRow).where(PersonRow.active).order_by(PersonRow.id))).scalars()
    return tuple(one.id for one in people if _may(one, Permission.LEAD_SUPPORT))


def _may(person: PersonRow, permission: Permission) -> bool:
    return permission in permissions_of(Role(role) for role in person.roles)


async def _require_receiver(session: AsyncSession, person: str, to: str, task: WorkItemRow, now: datetime) -> None:
    receiver = await session.get(PersonRow, to[:26])
    if receiver is None or not receiver.active or to == person or not _may(receiver, Permission.ANSWER_TICKETS):
        raise FieldInvalid(field="to", why="not_a_choice")
    await require_able(session, to, task, now)


async def _require_offered_to(session: AsyncSession, offer: HandOverRow, person: str) -> None:
    wanted = Permission.ANSWER_TICKETS if offer.to_person is not None else Permission.LEAD_SUPPORT
    await require(session, person, wanted)
    if person == offer.by or offer.to_person not in (None, person):
        raise NotAllowed(permission=Permission.LEAD_SUPPORT.value)


def _answer(offer: HandOverRow, answer: HandOverAnswer, by: str | None, now: datetime) -> None:
    offer.answer, offer.answered_by, offer.answered_at = answer, by, now


def _short_note(words: str) -> str:
    said = words.strip()
    if len(said) > NOTE_MAX:
        raise FieldInvalid(field="note", why="too_long")
    require_no_number(said)
    return said


async def _tell(
    session: AsyncSession, people: list[str], offer: HandOverRow, task: WorkItemRow, news: str, by: str
) -> None:  # fmt: skip
    facts = {"ticket": short(offer.ticket_id), "news_of_ticket": f"hand_over_{news}", "reason": offer.reason_code}
    if by:
        facts["by"] = by
    key = f"{NoticeKind.HAND_OVER}:{offer.id}:{news}"
    await notices.tell(session, people, NoticeKind.HAND_OVER, key, task_id=task.id, **facts)
