"""The kinds of repair that touch people and money, run item by item: pressed twice, late, interrupted, with people at work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from activities.repairs import RepairActivities
from database.tables.finance.payout import PayeeCorrectionRow
from database.tables.notices import NoticeRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import ReviewDraftRow, WorkItemRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.cards.review import ReviewOutcome
from domain.errors.cards import NotCancellable, NotExpectedNow
from domain.errors.general import TemporarilyUnavailable
from domain.errors.ops import NothingToRepair, OwnRepair
from domain.errors.people import NotAllowed
from domain.notices.kinds import NoticeKind
from domain.ops.repairs import Excluded, ItemState, RepairKind
from domain.ops.runs import StepState
from services.cards.terminating import Terminations
from services.finance.payees import Payees
from services.ops import described
from services.ops.described import DescribedStep
from services.work import drafts
from tests.builders.looping import Desk
from tests.builders.owing import ACCOUNT, NAME, owed, refused
from tests.builders.repairing import Repairing, a_plan
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World
from workflows.repairing_cards import CardActs

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Cards(Desk):
    """Cards as their workflows would answer, on the real rows; `lost` answers are lost after the act."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.lost: set[str] = set()
        self.terminated: list[str] = []

    async def ask_person(self, card_id: str, repair_id: str) -> None:
        """The card opens a task, once per repair."""
        self.asked.append(repair_id)
        if (await self.world.card(card_id)).waiting_for is WaitingFor.REVIEWER:
            raise NotExpectedNow(stage=Stage.REVIEW, waiting_for=WaitingFor.REVIEWER)
        await self.world.review.open(card_id, 1, ["operations"])
        self._lose(card_id)

    async def cancel(self, card_id: str, repair_id: str, by: str) -> None:
        """As `CardWorkflow.cancel`."""
        ended = await self.world.journey.cancel(card_id, repair_id, by)
        if not ended.done:
            raise NotCancellable(why=ended.why_not)
        self._lose(card_id)

    async def terminate(self, card_id: str, why: str) -> None:
        """The run ends."""
        self._lose(card_id)
        self.terminated.append(why)

    async def correct_payee(self, card_id: str, correction_id: str) -> None:  # noqa: ARG002  # It stands in the rows.
        """The card is being paid again."""
        await self.world.journey.move(card_id, Stage.PAYOUT, WaitingFor.MACHINE, None, "test.paying")
        self._lose(card_id)

    def _lose(self, card_id: str) -> None:
        if card_id in self.lost:
            self.lost.discard(card_id)
            raise TemporarilyUnavailable()


class CardRepairing(Repairing):
    """Repairs whose acts are the real ones."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.cards = Cards(world)
        acts = CardActs(self.cards, Payees(world.database, world.keyring), Terminations(world.database))
        self._activities = RepairActivities(world.database, acts.by_kind(), self.hand.look, self.hand.now)

    async def agreed(self, kind: RepairKind, *cards: str, second: str = "senior") -> str:
        """A repair of this kind that a second person agreed to, where it needs one; returns its id."""
        by = await self.a_person()
        repair_id = await self.previewed(by, *cards, plan=a_plan(kind))
        if await self.desk.submit(by, repair_id) == "waiting":
            await self.desk.agree(await self.world.a_person(second), repair_id)
        return repair_id

    async def interrupted(self, repair_id: str, card_id: str) -> None:
        """The act is done, and its answer lost before anything was recorded."""
        self.cards.lost.add(card_id)
        with pytest.raises(Exception, match="did not answer"):
            await self.act(repair_id, attempt=1)
        assert (await self.item(repair_id, card_id)).state is ItemState.ACTING

    async def code_fails(self, card_id: str) -> None:
        """The card's own code fails, as Temporal describes it."""
        now = datetime.now(UTC)
        step = DescribedStep(
            f"card:{card_id}", StepState.WORKFLOW_TASK, "workflow_task", "cards", 5, "NondeterminismError",
            "non_determinism", "", now - timedelta(minutes=2), None, "b1", "",
        )  # fmt: skip
        async with self.world.database.transaction() as session:
            await described.keep(session, step, now)


@pytest.fixture
def repairing(world: World) -> CardRepairing:
    return CardRepairing(world)


async def test_a_stuck_card_goes_to_a_person_and_an_interrupted_act_opens_no_second_task(
    repairing: CardRepairing, world: World
) -> None:
    card_id = await repairing.a_failing_card()
    repair_id = await repairing.agreed(RepairKind.SEND_TO_REVIEW, card_id)
    await repairing.interrupted(repair_id, card_id)
    await repairing.act(repair_id, attempt=2)
    assert (await repairing.item(repair_id, card_id)).state in (ItemState.ACTED, ItemState.CURED)
    assert repairing.cards.asked == [repair_id]
    (task,) = await world.rows(WorkItemRow, card_id=card_id)
    assert task.reasons == ["operations"]
    await repairing.advance(repair_id)
    assert (await repairing.item(repair_id, card_id)).state is ItemState.CURED


async def test_a_card_that_a_reviewer_holds_is_left_to_them_with_everything_they_have(
    repairing: CardRepairing, world: World
) -> None:
    card_id, task_id, person = await a_taken_task(world)
    await world.intake.mark_started(card_id)
    async with world.database.transaction() as session:
        await drafts.save(session, world.keyring, task_id, person, {"note": "half a sentence"})
    by = await repairing.a_person()
    repair_id = await repairing.previewed(by, card_id, plan=a_plan(RepairKind.SEND_TO_REVIEW))
    item = await repairing.item(repair_id, card_id)
    assert (item.state, item.excluded) == (ItemState.EXCLUDED, Excluded.IN_REVIEW)
    with pytest.raises(NothingToRepair):
        await repairing.desk.submit(by, repair_id)
    (task,) = await world.rows(WorkItemRow, id=task_id)
    assert (task.leased_by, len(await world.rows(ReviewDraftRow, task_id=task_id))) == (person, 1)


# Cancelling ends a review, as its preview says; a reset at the place where the card stands keeps it all (tests/workflows).
LEFT_OUT = {
    RepairKind.RETRY_NOW: Excluded.NO_STEP, RepairKind.SKIP_WAIT: Excluded.NOT_SKIPPABLE, RepairKind.PAUSE: Excluded.NO_STEP,
    RepairKind.UNPAUSE: Excluded.NOT_PAUSED, RepairKind.CHANGE_RETRY: Excluded.NO_STEP,
    RepairKind.SIGNAL_AGAIN: Excluded.NO_REPORT, RepairKind.RESET: Excluded.IN_REVIEW,
    RepairKind.SEND_TO_REVIEW: Excluded.IN_REVIEW, RepairKind.SECOND_PAYOUT: Excluded.NOT_REFUSED,
    RepairKind.TERMINATE: Excluded.CAN_BE_CANCELLED,
}  # fmt: skip


async def test_no_kind_of_repair_takes_a_lease_a_draft_or_a_decision_that_can_still_be_undone(
    repairing: CardRepairing, world: World
) -> None:
    assert LEFT_OUT.keys() == set(RepairKind) - {RepairKind.CANCEL}
    card_id, task_id, person = await a_taken_task(world)
    await world.intake.mark_started(card_id)
    async with world.database.transaction() as session:
        await drafts.save(session, world.keyring, task_id, person, {"note": "half a sentence"})

    async def theirs() -> list[Any]:
        (task,) = await world.rows(WorkItemRow, id=task_id)
        (draft,) = await world.rows(ReviewDraftRow, task_id=task_id)
        decisions = await world.rows(ReviewDecisionRow, task_id=task_id)
        kept = [(one.id, one.outcome, one.void_at, one.sent_at) for one in decisions]
        return [task.leased_by, task.leased_until, task.decided, draft.fields_sealed, kept]

    for decided in (False, True):
        if decided:
            await world.review_desk.decisions.record_decision(person, task_id, ReviewOutcome.APPROVE)
            async with world.database.transaction() as session:
                await drafts.save(session, world.keyring, task_id, person, {"note": "another thought"})
        before = await theirs()
        for kind, why in LEFT_OUT.items():
            by = await repairing.a_person()
            options = {"point": "reading"} if kind is RepairKind.RESET else {}
            repair_id = await repairing.previewed(by, card_id, plan=a_plan(kind, options=options))
            item = await repairing.item(repair_id, card_id)
            assert (kind, item.state, item.excluded) == (kind, ItemState.EXCLUDED, why)
            with pytest.raises(NothingToRepair):
                await repairing.desk.submit(by, repair_id)
            assert await theirs() == before


async def test_a_card_that_came_to_a_reviewer_after_the_preview_is_left_to_them(
    repairing: CardRepairing, world: World
) -> None:
    card_id = await repairing.a_failing_card()
    repair_id = await repairing.agreed(RepairKind.SEND_TO_REVIEW, card_id)
    await world.review.open(card_id, 1, ["issuer_unknown"])
    await repairing.driven(repair_id)
    item = await repairing.item(repair_id, card_id)
    assert (item.state, item.excluded, repairing.cards.asked) == (ItemState.EXCLUDED, Excluded.IN_REVIEW, [])


async def test_cancelling_names_in_its_preview_what_ends_and_reverses_what_was_accepted(
    repairing: CardRepairing, world: World
) -> None:
    card_id, _ = await world.an_accepted_quote()
    await world.intake.mark_started(card_id)
    assert await owed(world, card_id) > 0
    by = await repairing.a_person()
    repair_id = await repairing.previewed(by, card_id, plan=a_plan(RepairKind.CANCEL))
    assert (await repairing.item(repair_id, card_id)).found["foreseen"] == "cancel_reversed"
    assert await repairing.desk.submit(by, repair_id) == "waiting"
    with pytest.raises(OwnRepair):
        await repairing.desk.agree(by, repair_id)
    await repairing.desk.agree(await world.a_person("finance"), repair_id)
    await repairing.interrupted(repair_id, card_id)
    await repairing.act(repair_id, attempt=2)
    assert (await repairing.item(repair_id, card_id)).state is ItemState.CURED
    card = await world.card(card_id)
    assert (card.outcome, card.reason, await owed(world, card_id)) == (Outcome.CANCELLED, EndReason.CANCELLED, 0)
    assert (await world.story(card_id)).count("journey.cancelled") == 1


async def test_cancelling_ends_a_reviewers_work_as_its_preview_says_and_notifies_them(
    repairing: CardRepairing, world: World
) -> None:
    card_id, task_id, person = await a_taken_task(world)
    await world.intake.mark_started(card_id)
    async with world.database.transaction() as session:
        await drafts.save(session, world.keyring, task_id, person, {"note": "half a sentence"})
    await world.review_desk.decisions.record_decision(person, task_id, ReviewOutcome.APPROVE)
    repair_id = await repairing.agreed(RepairKind.CANCEL, card_id)
    found: dict[str, Any] = (await repairing.item(repair_id, card_id)).found
    foretold = {one["what"] for one in found["keeps"]}
    assert {"task", "decision"} <= foretold
    await repairing.driven(repair_id)
    (decision,) = await world.rows(ReviewDecisionRow, card_id=card_id)
    assert decision.void_why == "cancelled"
    notices = await world.rows(NoticeRow, card_id=card_id, kind=NoticeKind.CARD_ENDED)
    assert [one.person_id for one in notices] == [person]


async def test_a_payment_that_was_prepared_after_the_preview_keeps_its_card(
    repairing: CardRepairing, world: World
) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    await world.intake.mark_started(card_id)
    repair_id = await repairing.agreed(RepairKind.CANCEL, card_id)
    await world.verification.recheck(card_id, quote_id)
    await world.payout.prepare(card_id, quote_id, f"card-{card_id}-payout-1")
    await repairing.driven(repair_id)
    item = await repairing.item(repair_id, card_id)
    assert (item.state, item.excluded) == (ItemState.EXCLUDED, Excluded.ORDER_OPEN)
    assert (await world.card(card_id)).outcome is None


async def test_a_run_whose_code_fails_is_terminated_by_two_people_and_its_rows_are_closed(
    repairing: CardRepairing, world: World
) -> None:
    card_id = await repairing.a_failing_card()
    by = await repairing.a_person()
    early = await repairing.previewed(by, card_id, plan=a_plan(RepairKind.TERMINATE))
    assert (await repairing.item(early, card_id)).excluded is Excluded.CAN_BE_CANCELLED
    await repairing.code_fails(card_id)
    repair_id = await repairing.agreed(RepairKind.TERMINATE, card_id)
    await repairing.interrupted(repair_id, card_id)
    assert (await world.card(card_id)).outcome is Outcome.CANCELLED, "the rows are closed first"
    await repairing.act(repair_id, attempt=2)
    assert (await repairing.item(repair_id, card_id)).state is ItemState.CURED
    assert repairing.cards.terminated == [f"repair {repair_id}"]
    assert (await world.card(card_id)).reason is EndReason.TERMINATED


async def a_payee_reason(world: World) -> str:
    async with world.database.transaction() as session:
        found = await session.execute(
            text("SELECT code FROM reason_code WHERE act = 'correct_payee' AND active LIMIT 1")
        )
        return str(found.scalar_one())


async def test_a_proposed_payee_is_agreed_to_by_the_repairs_second_person_and_the_card_is_paid_again(
    repairing: CardRepairing, world: World
) -> None:
    case = await refused(world)
    await world.intake.mark_started(case.card)
    by = await repairing.a_person()
    early = await repairing.previewed(by, case.card, plan=a_plan(RepairKind.SECOND_PAYOUT))
    assert (await repairing.item(early, case.card)).excluded is Excluded.NO_PAYEE
    proposer, second = await world.a_person("senior"), await world.a_person("senior")
    await case.payees.propose(proposer, case.card, ACCOUNT, NAME, await a_payee_reason(world))
    repair_id = await repairing.previewed(by, case.card, plan=a_plan(RepairKind.SECOND_PAYOUT))
    foreseen: dict[str, Any] = (await repairing.item(repair_id, case.card)).found
    assert (foreseen["foreseen"], foreseen["facts"]["person"]) == ("second_payout", proposer)
    await repairing.desk.submit(by, repair_id)
    with pytest.raises(NotAllowed):  # Of operations, and may not correct payees.
        await repairing.desk.agree(await repairing.a_person(), repair_id)
    await repairing.desk.agree(second, repair_id)
    await repairing.interrupted(repair_id, case.card)
    await repairing.act(repair_id, attempt=2)
    await repairing.advance(repair_id)
    assert (await repairing.item(repair_id, case.card)).state is ItemState.CURED
    (correction,) = await world.rows(PayeeCorrectionRow, checked_by=f"person:{second}")
    assert correction.applied_at is not None


async def test_who_proposed_the_payee_agrees_to_no_repair_with_it(repairing: CardRepairing, world: World) -> None:
    case = await refused(world)
    await world.intake.mark_started(case.card)
    proposer = await world.a_person("senior")
    await case.payees.propose(proposer, case.card, ACCOUNT, NAME, await a_payee_reason(world))
    by = await repairing.a_person()
    repair_id = await repairing.previewed(by, case.card, plan=a_plan(RepairKind.SECOND_PAYOUT))
    await repairing.desk.submit(by, repair_id)
    await repairing.desk.agree(proposer, repair_id)
    await repairing.driven(repair_id)
    item = await repairing.item(repair_id, case.card)
    assert (item.state, item.error) == (ItemState.FAILED, "own_work")
    assert (await world.card(case.card)).waiting_for is WaitingFor.SELLER_PAYEE


async def test_second_people_and_then_the_maker_are_notified(repairing: CardRepairing, world: World) -> None:
    card_id = await repairing.a_failing_card()
    senior, by = await world.a_person("senior"), await repairing.a_person()
    repair_id = await repairing.previewed(by, card_id, plan=a_plan(RepairKind.CANCEL))
    await repairing.desk.submit(by, repair_id)
    await repairing.desk.submit(by, repair_id)
    news = await _news(world, repair_id)
    assert (senior, "asked") in news
    assert len(news) == len(set(news))
    assert by not in {person for person, _ in news}
    await repairing.desk.refuse(senior, repair_id)
    assert (by, "refused") in await _news(world, repair_id)


async def _news(world: World, repair_id: str) -> list[tuple[str, str]]:
    rows: list[Any] = await world.rows(NoticeRow, kind=NoticeKind.REPAIR)
    return [(one.person_id, one.facts["news_of_repair"]) for one in rows if one.facts["repair"] == repair_id]
