"""Repairs run by their workflow on a real server: what a reviewer holds survives, and cards and money end where they should."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from temporalio import workflow
from temporalio.client import Client, WorkflowExecutionStatus

from database.invariants import Look
from database.invariants.books import EntriesSumToZero
from database.tables.cards import QuoteRow
from database.tables.finance.payout import PayoutRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import EndReason, Outcome, WaitingFor
from domain.cards.facts import CardToBuy
from domain.cards.pricing import QuoteState
from domain.cards.review import ReviewOutcome
from domain.errors.ops import NothingToRepair
from domain.finance.payout import PayoutState
from domain.identifiers import payout_key
from domain.money import Money
from domain.ops.repairs import Excluded, ItemState, Kept, RepairKind, RepairState
from domain.ops.runs import StepState
from domain.work.task import CheckVerdict
from services.finance.payees import Payees
from services.review.desk import review_desk
from tests.builders.owing import ACCOUNT, NAME, owed
from tests.builders.repairing import a_plan
from tests.builders.running_cards import RunningCards, running_cards
from tests.builders.watched_runs import a_watcher, described
from tests.builders.world import World
from tests.slowness import patience
from workflows.messages import CardEnded

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
ANY_PRICE = Money(1)
NOT_OF_A_REVIEW = (
    RepairKind.RETRY_NOW,
    RepairKind.SKIP_WAIT,
    RepairKind.PAUSE,
    RepairKind.UNPAUSE,
    RepairKind.CHANGE_RETRY,
    RepairKind.SEND_TO_REVIEW,
    RepairKind.SECOND_PAYOUT,
    RepairKind.TERMINATE,
)


@workflow.defn(name="CardWorkflow")
class Broken:
    """A bad deployment: the card's code fails before its first step."""

    @workflow.run
    async def run(self, card: CardToBuy) -> None:
        raise RuntimeError(card.card_id)


async def agreed(cards: RunningCards, kind: RepairKind, *card_ids: str, second: str = "senior") -> str:
    """A repair of this kind, submitted and agreed to by a second person where it needs one; returns its id."""
    by = await cards.repairing.a_person()
    repair_id = await cards.repairing.previewed(by, *card_ids, plan=a_plan(kind))
    if await cards.repairing.desk.submit(by, repair_id) is RepairState.WAITING:
        await cards.repairing.desk.agree(await cards.world.a_person(second), repair_id)
    return repair_id


async def ended(cards: RunningCards, card_id: str) -> CardEnded:
    """How the card's workflow ended."""
    handle = cards.client.get_workflow_handle(f"card:{card_id}", result_type=CardEnded)
    result: CardEnded = await asyncio.wait_for(handle.result(), patience(40))
    return result


async def balances(world: World, card_id: str) -> bool:
    """Whether every transaction of the ledger sums to zero and nothing more is owed for the card."""
    async with world.database.transaction() as session:
        unbalanced = await EntriesSumToZero().broken(session, Look())
    return not unbalanced and await owed(world, card_id) == 0


async def test_what_a_reviewer_holds_survives_each_kind_and_the_decision_still_counts(
    world: World, temporal_client: Client
) -> None:
    async with running_cards(world, temporal_client) as cards:
        repairing = cards.repairing
        by = await repairing.a_person()
        card_id, task_id, decision_id = await cards.in_review()
        before = await cards.held(task_id)
        assert len(before) == 3
        for kind in NOT_OF_A_REVIEW:
            repair_id = await repairing.previewed(by, card_id, plan=a_plan(kind))
            with pytest.raises(NothingToRepair):
                await repairing.desk.submit(by, repair_id)
        async with world.database.transaction() as session:
            await session.execute(text("UPDATE work_item SET replan = true WHERE id = :id"), {"id": task_id})
        for kind in (RepairKind.SIGNAL_AGAIN, RepairKind.RESET):
            repair_id = await repairing.previewed(by, card_id, plan=a_plan(kind))
            keeps = (await repairing.item(repair_id, card_id)).found["keeps"]
            assert [one["what"] for one in keeps] == [Kept.TASK, Kept.DECISION, Kept.DRAFT, Kept.LEASE]  # type: ignore[attr-defined]
            await repairing.desk.submit(by, repair_id)
            assert await cards.repaired(repair_id) is RepairState.DONE
            assert await repairing.counts(repair_id) == {ItemState.CURED: 1}
            assert await cards.held(task_id) == before
        await cards.desk.decide(card_id, task_id, decision_id)
        await cards.waits(card_id, WaitingFor.SELLER_OFFER)
        (decision,) = await world.rows(ReviewDecisionRow, id=decision_id)
        assert decision.applied_at is not None
        assert [name for name in await world.story(card_id) if name.startswith("repair.")] == [
            "repair.signal_again",
            "repair.reset",
        ]
        await temporal_client.get_workflow_handle(f"card:{card_id}").terminate()


async def test_a_card_at_a_silent_issuer_is_sent_to_a_person_who_decides_and_it_is_paid_once(
    world: World, temporal_client: Client
) -> None:
    await world.issuer.control(error_rate=1.0)
    async with running_cards(world, temporal_client) as cards:
        card_id = await world.a_card(accept_at_or_above=ANY_PRICE)
        other, other_task, other_decision = await cards.in_review()
        before = await cards.held(other_task)
        await cards.start(card_id)
        await cards.tries(card_id, "verification.ask_issuer")
        by = await cards.repairing.a_person()
        repair_id = await cards.repairing.previewed(by, card_id, plan=a_plan(RepairKind.SEND_TO_REVIEW))
        await cards.repairing.desk.submit(by, repair_id)
        assert await cards.repaired(repair_id) is RepairState.DONE
        assert (await cards.repairing.item(repair_id, card_id)).state is ItemState.CURED
        (task,) = await world.rows(WorkItemRow, card_id=card_id)
        assert set(task.reasons) == {"issuer_unknown", "operations"}, "the silence is recorded in the answer's place"
        await world.issuer.control(error_rate=0.0)
        await decided(cards, card_id, task.id)
        assert (await ended(cards, card_id)).outcome is Outcome.PAID
        assert [one["status"] for one in await world.transfers(payout_key(card_id, 1))] == ["SUCCESS"]
        assert await balances(world, card_id)
        assert await cards.held(other_task) == before
        await cards.desk.decide(other, other_task, other_decision)
        await cards.waits(other, WaitingFor.SELLER_OFFER)
        await temporal_client.get_workflow_handle(f"card:{other}").terminate()


async def decided(cards: RunningCards, card_id: str, task_id: str) -> None:
    """A reviewer approves the card, and another one agrees: what no party confirmed wants two people."""
    desk = review_desk(cards.world.database, cards.world.keyring, undo_s=0)
    reviewer, checker = await cards.world.a_person(), await cards.world.a_person()
    assert await desk.leases.take(reviewer, task_id)
    decision = await desk.decisions.record_decision(reviewer, task_id, ReviewOutcome.APPROVE)
    assert await desk.leases.take(checker, task_id)
    await desk.checks.check(checker, task_id, CheckVerdict.APPLY)
    await cards.desk.decide(card_id, task_id, decision)


async def test_cancelling_an_accepted_card_ends_its_run_and_takes_the_acceptance_back(
    world: World, temporal_client: Client
) -> None:
    async with running_cards(world, temporal_client) as cards:
        cards.recheck.away = True
        card_id = await world.a_card(accept_at_or_above=ANY_PRICE)
        await cards.start(card_id)
        await cards.tries(card_id, "verification.recheck")
        assert await owed(world, card_id) > 0
        repair_id = await agreed(cards, RepairKind.CANCEL, card_id, second="finance")
        assert await cards.repaired(repair_id) is RepairState.DONE
        assert await ended(cards, card_id) == CardEnded(Outcome.CANCELLED, EndReason.CANCELLED)
        card = await world.card(card_id)
        assert (card.outcome, card.reason) == (Outcome.CANCELLED, EndReason.CANCELLED)
        assert [one.state for one in await world.rows(QuoteRow, card_id=card_id)] == [QuoteState.VOIDED]
        assert await world.rows(PayoutRow, card_id=card_id) == []
        assert await world.transfers(payout_key(card_id, 1)) == []
        assert await balances(world, card_id)


async def test_cancelling_a_card_in_review_ends_its_run_and_the_work_on_it_together(
    world: World, temporal_client: Client
) -> None:
    async with running_cards(world, temporal_client) as cards:
        card_id, task_id, decision_id = await cards.in_review()
        by = await cards.repairing.a_person()
        repair_id = await cards.repairing.previewed(by, card_id, plan=a_plan(RepairKind.CANCEL))
        foretold = (await cards.repairing.item(repair_id, card_id)).found["keeps"]
        assert {one["what"] for one in foretold} >= {Kept.TASK, Kept.DECISION}  # type: ignore[attr-defined]
        await cards.repairing.desk.submit(by, repair_id)
        await cards.repairing.desk.agree(await world.a_person("senior"), repair_id)
        assert await cards.repaired(repair_id) is RepairState.DONE
        assert (await ended(cards, card_id)).outcome is Outcome.CANCELLED
        (task,) = await world.rows(WorkItemRow, id=task_id)
        (decision,) = await world.rows(ReviewDecisionRow, id=decision_id)
        assert (task.closed_at is not None, decision.applied_at, decision.void_why) == (True, None, "cancelled")
        assert await balances(world, card_id)


async def test_a_card_whose_code_fails_is_terminated_with_its_rows(world: World, temporal_client: Client) -> None:
    async with running_cards(world, temporal_client, Broken) as cards:
        card_id = await world.a_card()
        await cards.start(card_id)
        watcher = a_watcher(world, temporal_client)
        await described(world, watcher, card_id, StepState.WORKFLOW_TASK, tries=300)
        repair_id = await agreed(cards, RepairKind.TERMINATE, card_id)
        assert await cards.repaired(repair_id) is RepairState.DONE
        run = await temporal_client.get_workflow_handle(f"card:{card_id}").describe()
        assert run.status is WorkflowExecutionStatus.TERMINATED
        card = await world.card(card_id)
        assert (card.outcome, card.reason) == (Outcome.CANCELLED, EndReason.TERMINATED)
        assert await balances(world, card_id)


async def test_a_refused_payment_is_made_again_to_the_corrected_payee_once(
    world: World, temporal_client: Client
) -> None:
    await world.alipay.control(refuse="PAYEE_USER_INFO_ERROR")
    async with running_cards(world, temporal_client) as cards:
        card_id = await world.a_card(accept_at_or_above=ANY_PRICE)
        _, other_task, _ = other = await cards.in_review()
        before = await cards.held(other_task)
        await cards.start(card_id)
        await cards.waits(card_id, WaitingFor.SELLER_PAYEE)
        await world.alipay.control(refuse="")
        async with world.database.transaction() as session:
            reasons = await session.execute(
                text("SELECT code FROM reason_code WHERE act = 'correct_payee' AND active LIMIT 1")
            )
        payees = Payees(world.database, world.keyring)
        await payees.propose(await world.a_person("senior"), card_id, ACCOUNT, NAME, str(reasons.scalar_one()))
        repair_id = await agreed(cards, RepairKind.SECOND_PAYOUT, card_id, other[0])
        assert (await cards.repairing.item(repair_id, other[0])).excluded is Excluded.NOT_REFUSED
        assert await cards.repaired(repair_id) is RepairState.DONE
        assert (await ended(cards, card_id)).outcome is Outcome.PAID
        orders = {one.key: one.state for one in await world.rows(PayoutRow, card_id=card_id)}
        first, second = payout_key(card_id, 1), payout_key(card_id, 2)
        assert orders == {first: PayoutState.REFUSED, second: PayoutState.PAID}
        assert [one["status"] for one in await world.transfers(second)] == ["SUCCESS"]
        assert "SUCCESS" not in {one["status"] for one in await world.transfers(first)}
        assert await balances(world, card_id)
        assert await cards.held(other_task) == before
        await temporal_client.get_workflow_handle(f"card:{other[0]}").terminate()
