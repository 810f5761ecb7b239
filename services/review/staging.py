"""Stage a decision that needs a second review: it is valid, but does not take effect until another person applied it."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.repositories.cards import Change
from database.tables.cards import CardRow
from database.tables.people import PersonRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import Stage, WaitingFor
from domain.money import Currency
from domain.places import business_day
from domain.review.four_eyes import CNY_PER_UNIT_MAX, CheckNeed, CheckPolicy, ProposedDecision, lot_of, need
from domain.rules.checks import check_policy
from domain.sealing import KeyRing
from domain.work.deadlines import ClockOwner
from domain.work.task import TaskPhase
from services.cards.corrections import Corrections
from services.people.acting import handled_by
from services.work import sla
from services.work.leases import end_lease
from services.work.ordering import placed


class FourEyes:
    """Return the policy by which decisions are staged; `override` replaces the one of the rules, in tests and trials."""

    def __init__(self, override: CheckPolicy | None = None) -> None:
        self._override = override

    def policy(self, on: date) -> CheckPolicy:
        """Return the policy in force on a day."""
        return self._override or check_policy(on)

    async def stage(
        self, session: AsyncSession, keyring: KeyRing, card: CardRow, task: WorkItemRow, decision: ReviewDecisionRow,
        given: Corrections,
    ) -> bool:  # fmt: skip
        """Stages the decision where the policy wants it, in the transaction that makes it; tells whether it did."""
        policy = self.policy(business_day(decision.made_at))
        decision.checks_version = policy.version
        lot = lot_of(keyring, card.id, policy.sample_seed)
        why = need(await _made(session, lot, card, task, decision, given), policy)
        if why is None:
            return False
        await _put_before_checkers(session, task, decision, why, policy.blind)
        return True


async def _made(
    session: AsyncSession, lot: str, card: CardRow, task: WorkItemRow, decision: ReviewDecisionRow, given: Corrections
) -> ProposedDecision:
    maker = await session.get_one(PersonRow, decision.person_id)
    new = maker.probation_until is not None and maker.probation_until > decision.made_at
    compared = max(worth_at_most(card, task, given), face_value_minor(card, given))
    return ProposedDecision(lot, decision.outcome, compared, task.brand, frozenset(task.reasons), new)


def face_value_minor(card: CardRow, given: Corrections) -> int:
    """Return the card's face value with these corrections, CNY minor units: a low offer must not keep a second person away."""
    typed = None if given.face_value is None else given.face_value.amount_minor
    own = (card.face_value_minor if typed is None else typed) or 0
    return own if card.currency is Currency.CNY else own * CNY_PER_UNIT_MAX


def worth_at_most(card: CardRow, task: WorkItemRow, given: Corrections) -> int:
    """Return the most that the card can be worth with these corrections, CNY minor units: what four eyes and limits go by."""
    typed = None if given.face_value is None else given.face_value.amount_minor
    # A task that was opened before there was a quote in CNY knows no value; the card's own face value counts then.
    own = (card.face_value_minor if typed is None and task.value_minor == 0 else typed) or 0
    return max(task.value_minor, own if card.currency is Currency.CNY else own * CNY_PER_UNIT_MAX)


async def _put_before_checkers(
    session: AsyncSession, task: WorkItemRow, decision: ReviewDecisionRow, why: CheckNeed, blind: bool
) -> None:
    now: datetime = decision.made_at
    decision.needs_check = why.value
    task.phase, task.staged_id, task.blind = TaskPhase.CHECK, decision.id, blind
    made = {decision.person_id or "", *decision.acting_for}
    # The recent maker of one of their accounts counts as one person with them, and so do others that person made.
    handlers = (await handled_by(session, made, now)).values()
    task.maker_id, task.maker_circle = decision.person_id, sorted(made.union(*handlers))
    end_lease(task)
    task.assigned_to = task.assigned_at = None
    task.blind_outcome = task.blind_by = None
    placed(task, now)
    await sla.pass_to(session, task, ClockOwner.CHECKER, now)
    facts = {"task": task.id, "why": why.value}
    actor = f"person:{decision.person_id}"
    change = Change(Stage.REVIEW, WaitingFor.REVIEWER, task.due_at, "review.staged", facts, actor=actor)
    await cards.record(session, task.card, change)
