"""A decision that could not be applied: kept with the reason, reported to seniors, and reopened without any payment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import update
from temporalio.exceptions import ApplicationError

from activities.review.tasks import Review
from database.clock_invariant import untrue_clocks
from database.reads.review.undeliverable import UndeliveredDecision, undelivered
from database.repositories import cards
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import EndReason, Outcome
from domain.cards.facts import ReviewFacts
from domain.cards.review import ReviewOutcome
from domain.errors.base import REGISTER, Refusal
from domain.errors.cards import NotExpectedNow
from domain.errors.general import NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import ReasonUnknown
from domain.work.task import CameBack
from jobs import due_decisions
from jobs.due_decisions import DecisionSender
from services.cards.corrections import Corrections
from services.review.desk import review_desk
from services.work import drafts
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World, a_number
from workflows.client import CardClient


class StrictDesk:
    """Applies decisions as the cards' workflows do, and hands on what their activities refuse."""

    def __init__(self, review: Review, ended: bool = False) -> None:
        self.review, self.ended, self.asked = review, ended, list[str]()

    async def decide(self, card_id: str, task_id: str, decision_id: str) -> ReviewFacts:
        self.asked.append(decision_id)
        if self.ended:
            raise NotExpectedNow(stage="ended", waiting_for="nobody")
        try:
            return await self.review.apply(task_id, decision_id)
        except ApplicationError as refused:
            raise REGISTER[refused.type or ""](card=card_id) from None


class Story:
    """A card approved with a number that another card has, whose decision is on its way."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, ended: bool = False) -> None:
        monkeypatch.setattr(due_decisions, "AT_ONCE", 10_000)  # Decisions that other tests left are told beside it.
        self.world, self.review = world, world.review
        self.review_desk = review_desk(world.database, world.keyring, undo_s=0)
        self.desk = StrictDesk(self.review, ended)
        self._looks = 0

    async def decided(self) -> None:
        async with (
            self.world.database.transaction() as session
        ):  # The page shows twenty: those of other stories make room.
            others = update(ReviewDecisionRow).where(
                ReviewDecisionRow.undelivered_at.is_not(None), ReviewDecisionRow.void_at.is_(None)
            )
            await session.execute(others.values(void_at=datetime.now(UTC), void_why="undone"))
        await self.world.a_person("senior")
        self.taken_number = a_number("starbucks")
        await self.world.a_card("starbucks", number=self.taken_number)
        self.card, self.task, self.maker = await a_taken_task(self.world)
        number = Corrections(number=self.taken_number)
        self.decision = await self.review_desk.decisions.record_decision(
            self.maker, self.task, ReviewOutcome.APPROVE_CORRECTED, corrected=number, note="as printed"
        )

    async def looked(self) -> None:
        """The teller's next look."""
        self._looks += 1
        later = datetime.now(UTC) + timedelta(minutes=self._looks)
        await DecisionSender(self.world.database, cast("CardClient", self.desk), lambda: later).tell()

    async def waiting(self) -> list[UndeliveredDecision]:
        async with self.world.database.transaction() as session:
            return [one for one in await undelivered(session) if one.id == self.decision]

    async def row(self) -> ReviewDecisionRow:
        async with self.world.database.transaction() as session:
            return await session.get_one(ReviewDecisionRow, self.decision)

    async def open_task(self) -> WorkItemRow:
        async with self.world.database.transaction() as session:
            return await session.get_one(WorkItemRow, self.task)


async def test_the_reason_of_an_unapplied_decision_is_kept_and_seniors_are_notified_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(world, monkeypatch)
    await story.decided()
    await story.looked()
    await story.looked()
    assert story.desk.asked.count(story.decision) == 1
    (seen,) = await story.waiting()
    assert (seen.code, seen.outcome, seen.by) == ("card_already_submitted", ReviewOutcome.APPROVE_CORRECTED, "Lin")
    assert story.taken_number not in str(seen)
    told = await world.rows(NoticeRow, task_id=story.task, kind="undelivered")
    assert told
    assert len({row.person_id for row in told}) == len(told)


async def test_a_senior_reopens_it_and_it_is_decided_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(world, monkeypatch)
    await story.decided()
    await story.looked()
    senior = await world.a_person("senior")
    assert await story.review_desk.undeliverable.reopen(senior, story.decision, "decide_anew") == story.card
    task, decision = await story.open_task(), await story.row()
    assert (decision.void_why, decision.applied_at) == ("undelivered", None)
    assert (task.decided, task.leased_by, task.came_back) == (False, None, CameBack.UNDELIVERED)
    assert await story.waiting() == []
    (audit,) = await world.rows(AuditRow, subject=story.task, act="console:task:reopen")
    assert (audit.actor, audit.reason, audit.facts["refused"]) == (
        f"person:{senior}",
        "decide_anew",
        "card_already_submitted",
    )
    assert (await world.story(story.card))[-1] == "review.reopened"
    async with world.database.transaction() as session:
        kept = await drafts.kept(session, world.keyring, story.task, story.maker)
        assert [one for one in await untrue_clocks(session) if story.card in one] == []
    assert (kept["number"], kept["note"]) == (story.taken_number, "as printed")
    await story.review_desk.leases.take(story.maker, story.task)
    again = await story.review_desk.decisions.record_decision(story.maker, story.task, ReviewOutcome.APPROVE)
    await story.looked()
    assert (await story.open_task()).decision_id == again


async def test_a_decision_is_never_applied_after_its_task_was_reopened_however_late_it_arrives(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(world, monkeypatch)
    await story.decided()
    await story.looked()
    await story.review_desk.undeliverable.reopen(await world.a_person("senior"), story.decision, "mended")
    before = await world.card(story.card)
    with pytest.raises(ApplicationError) as failed:
        await story.review.apply(story.task, story.decision)
    assert (failed.value.type, failed.value.non_retryable) == ("not_found", True)
    assert (await world.card(story.card)).fields_revision == before.fields_revision
    assert (await story.open_task()).closed_at is None


async def test_card_that_applied_the_decision_needs_no_reopening(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(world, monkeypatch, ended=True)
    story.card, story.task, story.maker = await a_taken_task(world)
    story.decision = await story.review_desk.decisions.record_decision(story.maker, story.task, ReviewOutcome.APPROVE)

    class HeardBefore(StrictDesk):
        """Its first answer was lost on the way: the decision is applied all the same."""

        async def decide(self, card_id: str, task_id: str, decision_id: str) -> ReviewFacts:
            if decision_id == story.decision:
                await self.review.apply(task_id, decision_id)
            return await super().decide(card_id, task_id, decision_id)

    story.desk = HeardBefore(story.review, ended=True)
    await story.looked()
    assert story.decision in story.desk.asked
    assert (await story.row()).undelivered_at is None
    with pytest.raises(NotFound):
        await story.review_desk.undeliverable.reopen(await world.a_person("senior"), story.decision, "mended")


async def test_the_task_of_a_card_that_has_ended_is_closed_when_it_is_reopened(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(world, monkeypatch, ended=True)
    await story.decided()
    await world.journey.end(story.card, Outcome.LAPSED, EndReason.NO_ANSWER, None)
    await story.looked()
    await story.review_desk.undeliverable.reopen(await world.a_person("senior"), story.decision, "card_changed")
    assert (await story.open_task()).closed_at is not None
    assert (await story.row()).void_at is not None
    async with world.database.transaction() as session:
        assert (await cards.load(session, story.card)).outcome is Outcome.LAPSED


@pytest.mark.parametrize(
    ("role", "reason", "refusal"),
    [("reviewer", "mended", NotAllowed), ("senior", "forged", ReasonUnknown), ("senior", "", ReasonUnknown)],
)
async def test_only_a_senior_reopens_with_a_reason(
    world: World, monkeypatch: pytest.MonkeyPatch, role: str, reason: str, refusal: type[Refusal]
) -> None:
    story = Story(world, monkeypatch)
    await story.decided()
    await story.looked()
    with pytest.raises(refusal):
        await story.review_desk.undeliverable.reopen(await world.a_person(role), story.decision, reason)
    assert len(await story.waiting()) == 1


async def test_a_task_whose_decision_was_not_refused_cannot_be_reopened(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(world, monkeypatch)
    await story.decided()
    for decision in (story.decision, "nobody"):
        with pytest.raises(NotFound):
            await story.review_desk.undeliverable.reopen(await world.a_person("senior"), decision, "mended")
