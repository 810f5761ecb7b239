"""Goodwill payments through four eyes: proposed in a ticket, agreed to by an independent second person, within limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.goodwill import is_gift
from database.reads.support.requesters import customer_of
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import PartnerRow, SellerRow
from database.tables.support.goodwill import GoodwillRow
from database.tables.support.tickets import TicketRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import GoodwillOver, GoodwillTooMuch, GoodwillWaits, TicketEnded
from domain.errors.work import OwnWork, SecretInWords
from domain.finance.payout import PayoutState
from domain.identifiers import new_id
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.review.four_eyes import apart
from domain.rules.goodwill import goodwill_in_force
from domain.support.goodwill import COUNTED, NOTE_MAX, GoodwillLimit, GoodwillState, agrees, limit_of
from domain.support.tickets import UNDER_WAY
from domain.work.reason_codes import ReasonedAct
from services.finance.owed_payments import came_to
from services.people.acting import handled_by, standing
from services.people.kinship import people_linked
from services.people.permissions import require
from services.support import clocks
from services.support.conversation import locked
from services.support.desk import SupportDesk
from services.support.history import happened
from services.support.words import masked
from services.work.assignment import require_able
from services.work.leases import require_held
from services.work.reason_codes import require_reason


@dataclass(frozen=True)
class GoodwillProposal:
    """What an agent proposes: an amount (CNY), a reason of the list `goodwill`, and the past order whose payee is paid."""

    amount: Money
    reason_code: str
    paid_key: str
    note: str = ""


@dataclass(frozen=True)
class Goodwill:
    """Proposals and their second persons. `person` is a person's id; account numbers are neither shown nor entered here."""

    desk: SupportDesk

    async def propose(self, person: str, ticket_id: str, asked: GoodwillProposal) -> str:
        """Propose a payment to the ticket's requester; return the proposal's id.

        For the holder of the ticket. Refuse NotAllowed, NotFound, TicketEnded, what `require_held` refuses, ReasonUnknown,
        FieldInvalid (`amount`, `payee`, `note`), SecretInWords, OwnWork to a relative of the seller or a person linked to
        them, GoodwillTooMuch (`limit`, `most`) and GoodwillWaits while one waits.
        """
        _require_sense(asked)
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_TICKETS)
            ticket, task = await locked(session, ticket_id)
            if ticket.state not in UNDER_WAY:
                raise TicketEnded(into=ticket.merged_into or "")
            now = self.desk.now()
            require_held(task, person, now)
            await require_able(session, person, task, now)
            await require_reason(session, ReasonedAct.GOODWILL, asked.reason_code)
            if (await masked(session, self.desk.keyring, ticket.id, asked.note)).found:
                raise SecretInWords()
            owner = await customer_of(session, ticket.requester)
            paid = await _paid_before(session, owner, asked.paid_key)
            who = await standing(session, person, now)
            await self._require_stranger(session, who, owner, paid.card_id)
            rules = goodwill_in_force(business_day(now))
            earlier = await _counted(session, owner, now - timedelta(days=rules.seller_days))
            together = earlier + asked.amount.amount_minor
            if asked.amount.amount_minor > (most := limit_of(who.permissions, rules)):
                raise GoodwillTooMuch(limit=GoodwillLimit.OWN.value, most=str(Money(most)))
            if together > rules.seller_max_minor:
                left = Money(max(0, rules.seller_max_minor - earlier))
                raise GoodwillTooMuch(limit=GoodwillLimit.SELLER.value, most=str(left))
            row = GoodwillRow(
                id=new_id(), ticket_id=ticket.id, owner=owner, paid_key=paid.key,
                payee_masked=paid.payee_masked or "", amount_minor=asked.amount.amount_minor, reason_code=asked.reason_code,
                note=asked.note.strip(), needs=agrees(together, rules), policy_version=rules.version, proposed_by=person,
                proposers=sorted(who.circle), proposed_at=now,
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise GoodwillWaits() from None
            facts = {"goodwill": row.id, "amount": str(asked.amount), "reason": row.reason_code}
            happened(session, ticket, f"person:{person}", "goodwill_proposed", now, **facts)
            await clocks.follow(session, ticket, task, now, "resumed")
        return row.id

    async def agree(self, person: str, goodwill_id: str) -> None:
        """Agree as the second person: the payment is made. Agreed to already by them, nothing changes.

        Refuse NotAllowed, NotFound, GoodwillOver, and OwnWork to the proposer, anyone they act for or who handled their
        account lately, and to relatives of the seller or people linked to them.
        """
        async with self.desk.database.transaction() as session:
            ticket, row = await self._row(session, goodwill_id)
            who, now = await standing(session, person, self.desk.now()), self.desk.now()
            if not {row.needs, Permission.AGREE_GOODWILL} & who.permissions:
                await require(session, person, row.needs)
            if row.state is not GoodwillState.PROPOSED:
                if (row.state, row.checked_by) == (GoodwillState.AGREED, person):
                    return
                raise GoodwillOver(state=row.state.value)
            await self._require_apart(session, row, who, now)
            paid = await session.get_one(PayoutRow, row.paid_key)
            await self._require_stranger(session, who, row.owner, paid.card_id)
            row.state, row.checked_by, row.checked_at = GoodwillState.AGREED, person, now
            came_to(session, row, ticket, f"person:{person}", "goodwill_agreed", now)

    async def decline(self, person: str, goodwill_id: str) -> None:
        """Say no as the second person, or take one's own proposal back. Refuse NotAllowed, NotFound and GoodwillOver."""
        async with self.desk.database.transaction() as session:
            ticket, row = await self._row(session, goodwill_id)
            own, now = row.proposed_by == person, self.desk.now()
            allowed = (await standing(session, person, now)).permissions
            if not own and Permission.AGREE_GOODWILL not in allowed:
                await require(session, person, row.needs)
            if row.state is not GoodwillState.PROPOSED:
                raise GoodwillOver(state=row.state.value)
            row.state = GoodwillState.WITHDRAWN if own else GoodwillState.DECLINED
            row.checked_by, row.checked_at, row.ended_at = person, now, now
            came_to(session, row, ticket, f"person:{person}", f"goodwill_{row.state.value}", now)

    async def _row(self, session: AsyncSession, goodwill_id: str) -> tuple[TicketRow | None, GoodwillRow]:
        """The proposal's ticket, if it has one, and the proposal, locked in this order."""
        known = await session.get(GoodwillRow, goodwill_id[:26])
        if known is None:
            raise NotFound(goodwill=goodwill_id[:26])
        ticket = None if known.ticket_id is None else (await locked(session, known.ticket_id))[0]
        return ticket, await session.get_one(GoodwillRow, known.id, with_for_update=True, populate_existing=True)

    async def _require_apart(self, session: AsyncSession, row: GoodwillRow, who: ActingReviewer, now: datetime) -> None:
        proposers = frozenset(row.proposers)
        handled = await handled_by(session, proposers | who.circle, now)
        if not apart(proposers, who.circle, handled):
            raise OwnWork()

    async def _require_stranger(self, session: AsyncSession, who: ActingReviewer, owner: str, card_id: str) -> None:
        if owner in who.relatives or await people_linked(session, self.desk.keyring, card_id, who.circle):
            raise OwnWork()


async def _counted(session: AsyncSession, owner: str, since: datetime) -> int:
    """What the seller got or may get since then, in CNY minor units; their row is locked, so that proposals come one by one."""
    kind, _, number = owner.partition(":")
    await session.get(SellerRow if kind == "seller" else PartnerRow, number, with_for_update=True)
    summed = select(func.coalesce(func.sum(GoodwillRow.amount_minor), 0)).where(
        GoodwillRow.owner == owner,
        GoodwillRow.state.in_(COUNTED),
        GoodwillRow.proposed_at > since,
        is_gift(),  # What is owed to them is none.
    )
    return int((await session.execute(summed)).scalar_one())


async def _paid_before(session: AsyncSession, owner: str, key: str) -> PayoutRow:
    """The order of this key, paid to this customer. Refuse FieldInvalid (`payee`) for any other."""
    found = (
        select(PayoutRow)
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(
            PayoutRow.key == key[:64],
            PayoutRow.state == PayoutState.PAID,
            PayoutRow.payee_account_sealed.is_not(None),
            SubmissionRow.owner == owner,
        )
    )
    row = (await session.execute(found)).scalar_one_or_none()
    if row is None:
        raise FieldInvalid(field="payee", why="missing")
    return row


def _require_sense(asked: GoodwillProposal) -> None:
    if asked.amount.amount_minor <= 0:
        raise FieldInvalid(field="amount", why="missing")
    if len(asked.note) > NOTE_MAX:
        raise FieldInvalid(field="note", why="too_long")
