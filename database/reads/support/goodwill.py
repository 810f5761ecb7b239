"""Goodwill payments as the ticket and their second persons see them, and the payees that can get one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import PartReturnRow
from database.tables.people import PersonRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from database.tables.support.tickets import TicketRow
from database.tables.work import ReasonCodeRow
from domain.finance.payout import PayoutState
from domain.money import Money
from domain.people.roles import Permission
from domain.support.goodwill import GoodwillState
from domain.work.reason_codes import ReasonedAct

LISTED_MAX = 100
PAYEES_MAX = 5


@dataclass(frozen=True)
class GoodwillView:
    """One goodwill payment; `unknown` while the gateway has not said what became of it."""

    id: str
    ticket_id: str | None  # None where it pays again what came back of an order.
    subject: str
    amount: Money
    payee: str  # Masked.
    reason: Mapping[str, str]
    note: str
    state: GoodwillState
    needs: Permission
    proposed_by: str
    proposer: str  # Name.
    proposed_at: datetime
    checker: str
    checked_at: datetime | None
    ended_at: datetime | None
    unknown: bool
    refusal_code: str
    of_claim: bool  # It pays back what a dropped claim had offset.
    of_order: str  # The key of the order of which it pays a part again that came back; empty for any other.


@dataclass(frozen=True)
class PaidBefore:
    """A payee of the seller that a past order was paid to."""

    key: str
    payee: str
    paid_at: datetime | None


async def of_ticket(session: AsyncSession, ticket_id: str) -> tuple[GoodwillView, ...]:
    """Return the ticket's goodwill payments, oldest first."""
    rows = await session.execute(_all().where(GoodwillRow.ticket_id == ticket_id).order_by(GoodwillRow.id))
    return tuple(_view(row) for row in rows)


async def newest(session: AsyncSession) -> tuple[GoodwillView, ...]:
    """Return what waits for a second person first, then what is being paid, then the newest that are over."""
    order = case({GoodwillState.PROPOSED.value: 0, GoodwillState.AGREED.value: 1}, value=GoodwillRow.state, else_=2)
    rows = await session.execute(_all().order_by(order, GoodwillRow.id.desc()).limit(LISTED_MAX))
    return tuple(_view(row) for row in rows)


async def paid_before(session: AsyncSession, owner: str) -> tuple[PaidBefore, ...]:
    """Return the payees of the seller's paid orders, the newest order of each, newest first."""
    paid = (
        select(PayoutRow.key, PayoutRow.payee_masked, PayoutRow.settled_at)
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(
            SubmissionRow.owner == owner,
            PayoutRow.state == PayoutState.PAID,
            PayoutRow.payee_account_sealed.is_not(None),
        )
        .order_by(PayoutRow.settled_at.desc(), PayoutRow.key)
        .limit(LISTED_MAX)
    )
    found: dict[str, PaidBefore] = {}
    for key, payee, settled_at in await session.execute(paid):
        found.setdefault(payee or "", PaidBefore(key, payee or "", settled_at))
    return tuple(found.values())[:PAYEES_MAX]


def is_gift() -> ColumnElement[bool]:
    """Return the condition that a payment is a gift; any other pays what is owed to the seller."""
    return and_(GoodwillRow.claim_id.is_(None), GoodwillRow.part_id.is_(None))


def _all() -> Any:
    proposer, checker = aliased(PersonRow), aliased(PersonRow)
    return (
        select(
            GoodwillRow,
            GoodwillOrderRow,
            TicketRow.subject,
            ReasonCodeRow,
            proposer.name,
            checker.name,
            PartReturnRow.key,
        )
        .outerjoin(TicketRow, TicketRow.id == GoodwillRow.ticket_id)
        .join(proposer, proposer.id == GoodwillRow.proposed_by)
        .outerjoin(checker, checker.id == GoodwillRow.checked_by)
        .outerjoin(GoodwillOrderRow, GoodwillOrderRow.goodwill_id == GoodwillRow.id)
        .outerjoin(PartReturnRow, PartReturnRow.id == GoodwillRow.part_id)
        .outerjoin(
            ReasonCodeRow,
            (ReasonCodeRow.act == ReasonedAct.GOODWILL.value) & (ReasonCodeRow.code == GoodwillRow.reason_code),
        )
    )


def _view(found: Any) -> GoodwillView:
    row, order, subject, reason, proposer, checker, of_order = found
    return GoodwillView(
        id=row.id, ticket_id=row.ticket_id, subject=subject or "", amount=Money(row.amount_minor, row.currency),
        payee=row.payee_masked, reason={} if reason is None else {"zh_CN": reason.zh, "en": reason.en}, note=row.note,
        state=row.state, needs=row.needs, proposed_by=row.proposed_by, proposer=proposer, proposed_at=row.proposed_at,
        checker=checker or "", checked_at=row.checked_at, ended_at=row.ended_at,
        unknown=order is not None and order.state is PayoutState.UNKNOWN,
        refusal_code="" if order is None else order.refusal_code or "",
        of_claim=row.claim_id is not None, of_order=of_order or "",
    )  # fmt: skip
