"""What waits for one person beside their own tasks, counted in one statement; each count stops at `COUNTED_MAX`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import is_free
from database.reads.finance import attention
from database.reads.review.valid_decisions import is_pending
from database.tables.cards import CardRow
from database.tables.finance.books import ClosingRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import RollbackRow, StatedOutcomeRow
from database.tables.finance.routing import PayoutWaitRow
from database.tables.finance.settlement import SettlementRunRow
from database.tables.ops.health import AlertRow
from database.tables.ops.repairs import RepairRow
from database.tables.ops.runs import StuckRunRow
from database.tables.people import AccessRequestRow
from database.tables.policies import PolicyDocumentRow
from database.tables.quality import BlindReviewRow
from database.tables.review import ReviewDecisionRow
from database.tables.support.desk import HandOverRow
from database.tables.work import WorkItemRow
from domain.cards.card import Outcome, WaitingFor
from domain.finance.payout import PayoutState
from domain.finance.periods import ClosingState
from domain.finance.rollback import RollbackState
from domain.finance.routing import LOOKED_AT
from domain.finance.settlement import SettlementState
from domain.ops.alerts import AlertState
from domain.ops.repairs import RepairState
from domain.people.roles import Permission
from domain.policies.state import PolicyState
from domain.support.tickets import TICKET
from domain.work.task import TaskPhase

COUNTED_MAX = 1_000


@dataclass(frozen=True)
class Need:
    """One kind of thing that waits: the key of its words and of its page, and who may do something about it."""

    key: str
    permission: Permission
    # The conditions, for this person at this moment; None where the overview of finance counts it.
    waiting: Callable[[str, datetime], tuple[Any, ...]] | None


def _checks(person: str, now: datetime) -> tuple[Any, ...]:
    """Decisions of others that this person may check: they were on no side of it, nor are they linked to the seller."""
    awake = or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= now)
    others = (
        ~WorkItemRow.maker_circle.contains([person]),
        ~WorkItemRow.barred.contains([person]),
        ~WorkItemRow.linked.contains([person]),
    )
    return (
        WorkItemRow.closed_at.is_(None),
        WorkItemRow.phase == TaskPhase.CHECK,
        WorkItemRow.decided.is_(False),
        awake,
        *others,
    )


def _blind(person: str, now: datetime) -> tuple[Any, ...]:
    del now
    return (
        BlindReviewRow.settled_at.is_(None),
        BlindReviewRow.second_at.is_(None),
        ~BlindReviewRow.first_circle.has_key(person),
    )


def _access(person: str, now: datetime) -> tuple[Any, ...]:
    del now
    return (
        AccessRequestRow.answer.is_(None),
        AccessRequestRow.asked_by != person,
        AccessRequestRow.person_id != person,
    )


def _undeliverable(person: str, now: datetime) -> tuple[Any, ...]:
    del person, now
    return (
        ReviewDecisionRow.undelivered_at.is_not(None),
        is_pending(),
    )


def _owed(person: str, now: datetime) -> tuple[Any, ...]:
    del person, now
    return (or_(CardRow.waiting_for == WaitingFor.SELLER_PAYEE, CardRow.outcome == Outcome.PAYMENT_REFUSED),)


def _unknown(person: str, now: datetime) -> tuple[Any, ...]:
    del person, now
    return (PayoutRow.state == PayoutState.UNKNOWN,)


def _held(person: str, now: datetime) -> tuple[Any, ...]:
    """Payments that a person lets go, or not."""
    del person, now
    looked_at = or_(*(PayoutWaitRow.reasons.contains([reason.value]) for reason in sorted(LOOKED_AT)))
    return (
        PayoutWaitRow.ended_at.is_(None),
        PayoutWaitRow.released_at.is_(None),
        PayoutWaitRow.asked_at.is_(None),
        looked_at,
    )


def _claims(person: str, now: datetime) -> tuple[Any, ...]:
    """Claims that wait for a second person, which this one may be."""
    del now
    return (RollbackRow.state == RollbackState.PROPOSED, ~RollbackRow.proposers.contains([person]))


def _stated(person: str, now: datetime) -> tuple[Any, ...]:
    """Outcomes that wait for a second person, which this one may be."""
    del now
    return (
        StatedOutcomeRow.agreed_at.is_(None), StatedOutcomeRow.declined_at.is_(None), ~StatedOutcomeRow.staters.contains([person]),
    )  # fmt: skip


def _stuck(person: str, now: datetime) -> tuple[Any, ...]:
    del person, now
    return (StuckRunRow.workflow_id.is_not(None),)


def _repairs(person: str, now: datetime) -> tuple[Any, ...]:
    """Repairs that wait for a second person, which this one may be."""
    del now
    return (RepairRow.state == RepairState.WAITING, ~RepairRow.makers.contains([person]))


def _alerts(person: str, now: datetime) -> tuple[Any, ...]:
    """Firing alerts that are neither acknowledged nor snoozed."""
    del person
    awake = or_(AlertRow.snoozed_until.is_(None), AlertRow.snoozed_until <= now)
    return (AlertRow.state == AlertState.FIRING, AlertRow.acknowledged_by.is_(None), awake)


def _policies(person: str, now: datetime) -> tuple[Any, ...]:
    """Versions that wait for a second person, which this one may be."""
    del now
    return (PolicyDocumentRow.state == PolicyState.WAITING, ~PolicyDocumentRow.makers.contains([person]))


def _offers(person: str, now: datetime) -> tuple[Any, ...]:
    """Tickets that a colleague offers this person."""
    return (HandOverRow.answer.is_(None), HandOverRow.until > now, HandOverRow.to_person == person)


def _offers_to_leads(person: str, now: datetime) -> tuple[Any, ...]:
    """Tickets that an agent offers the leads of support."""
    return (
        HandOverRow.answer.is_(None), HandOverRow.until > now, HandOverRow.to_person.is_(None), HandOverRow.by != person,
    )  # fmt: skip


def _late_tickets(person: str, now: datetime) -> tuple[Any, ...]:
    """Overdue tickets that are unclaimed."""
    del person
    return (
        WorkItemRow.kind == TICKET, WorkItemRow.closed_at.is_(None), WorkItemRow.waiting.is_(False),
        WorkItemRow.due_at < now, is_free(WorkItemRow, now),
    )  # fmt: skip


def _closings(person: str, now: datetime) -> tuple[Any, ...]:
    """Months that a colleague asked to close and that this person may agree to."""
    del now
    return (ClosingRow.state == ClosingState.ASKED, ~ClosingRow.askers.contains([person]))


def _approvals(person: str, now: datetime) -> tuple[Any, ...]:
    """Settlement payments that this person may agree to: they answered for nobody in it, and did not agree yet."""
    del now
    return (
        SettlementRunRow.state == SettlementState.APPROVAL, ~SettlementRunRow.hands.contains([person]),
        ~SettlementRunRow.approved_by.contains([person]),
    )  # fmt: skip


SECOND_PERSON = Need("second_person", Permission.RECONCILE, None)
NEEDS: tuple[Need, ...] = (
    Need("offers", Permission.ANSWER_TICKETS, _offers),
    Need("offers_to_leads", Permission.LEAD_SUPPORT, _offers_to_leads),
    Need("late_tickets", Permission.ANSWER_TICKETS, _late_tickets),
    Need("second_review", Permission.CHECK, _checks),
    Need("blind", Permission.CHECK, _blind),
    Need("undeliverable", Permission.DECIDE_ESCALATED, _undeliverable),
    Need("access", Permission.CONFIRM_ACCESS, _access),
    Need("stuck", Permission.SEE_OPERATIONS, _stuck),
    Need("repairs", Permission.CONFIRM_REPAIR, _repairs),
    Need("alerts", Permission.SEE_OPERATIONS, _alerts),
    Need("policies", Permission.CONFIRM_POLICIES, _policies),
    Need("unknown", Permission.SEE_PAYOUTS, _unknown),
    Need("owed", Permission.SEE_PAYOUTS, _owed),
    Need("held", Permission.RELEASE_PAYMENTS, _held),
    Need("stated", Permission.STATE_OUTCOMES, _stated),
    Need("claims", Permission.CLAIM_BACK, _claims),
    Need("closings", Permission.CLOSE_PERIODS, _closings),
    Need("approvals", Permission.RUN_SETTLEMENTS, _approvals),
    SECOND_PERSON,
)


async def counts(
    session: AsyncSession, person: str, may: Callable[[Permission], bool], now: datetime
) -> Mapping[str, int]:
    """How much waits of each kind that this person may do something about; what is empty is left out."""
    mine = [need for need in NEEDS if may(need.permission)]
    wanted = {one.key: _counted(one.waiting(person, now)) for one in mine if one.waiting is not None}
    found = dict[str, int]()
    if wanted:
        row = (await session.execute(select(*(column.label(key) for key, column in wanted.items())))).mappings().one()
        found = {key: int(row[key]) for key in wanted}
    if SECOND_PERSON in mine:
        found[SECOND_PERSON.key] = (await attention.seconds(session, person)).elsewhere
    return {key: number for key, number in found.items() if number}


def _counted(conditions: tuple[Any, ...]) -> Any:
    some = select(literal(1)).where(*conditions).limit(COUNTED_MAX + 1).subquery()
    return select(func.count()).select_from(some).scalar_subquery()
