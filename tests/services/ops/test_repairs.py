"""A repair runs item by item: canary and threshold, proof of each item, and going on after a crash."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from database.reads.ops import repairs as reads
from database.tables.cards import CardEventRow
from database.tables.evidence import LeafRow
from database.tables.finance.payout import PayoutRow
from domain.cards.card import Stage, WaitingFor
from domain.errors.general import TemporarilyUnavailable
from domain.finance.payout import PayoutState
from domain.identifiers import payout_key
from domain.ops.repairs import ItemState, RepairKind, RepairState, Suspended
from services.ops import described
from services.ops.attempts import LOOKED_EVERY, Attempts
from services.ops.repairs.acts import AlreadyCured, ItemAct, NotOffered, RunEnded
from services.ops.repairs.progress import Next
from services.ops.repairs.sources import OfCause
from tests.builders.repairing import Repairing, a_plan
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def repairing(world: World) -> Repairing:
    return Repairing(world)


async def test_a_cause_becomes_one_repair_whose_items_are_cured_only_once_their_step_passed(
    repairing: Repairing,
) -> None:
    by, cards = await repairing.a_person(), [await repairing.a_failing_card() for _ in range(3)]
    repair_id = await repairing.desk.draft(by, a_plan(), OfCause(await repairing.cause()))
    await repairing.desk.preview(by, repair_id)
    item = await repairing.item(repair_id, cards[0])
    assert (item.state, item.step, item.value_minor) == (ItemState.WAITING, "verification.ask_issuer", 50_000)
    assert item.found["foreseen"] == "retry_now"
    assert await repairing.desk.submit(by, repair_id) is RepairState.RUNNING
    assert (await repairing.driven(repair_id)).what is Next.LOOK
    assert await repairing.counts(repair_id) == {ItemState.ACTED: 3}
    await repairing.passes(cards[0])
    await repairing.fails(cards[1])
    assert await repairing.counts(repair_id) == {
        ItemState.CURED: 1,
        ItemState.FAILED_AGAIN: 1,
        ItemState.ACTED: 1,
    }
    await repairing.passes(cards[1])
    await repairing.passes(cards[2])
    assert (await repairing.driven(repair_id)).what is Next.END
    assert (await repairing.row(repair_id)).state is RepairState.DONE
    assert await repairing.counts(repair_id) == {ItemState.CURED: 3}


async def test_a_step_that_passed_while_its_item_was_acted_on_is_cured(repairing: Repairing) -> None:
    card_id = await repairing.a_failing_card()
    repair_id = await repairing.running(card_id)

    def act(_: ItemAct) -> dict[str, str]:
        asyncio.get_running_loop().create_task(repairing.passes(card_id))
        return {}

    repairing.hand.does = act
    await repairing.act(repair_id)
    for _ in range(100):
        if (await repairing.item(repair_id, card_id)).state is ItemState.CURED:
            break
        await asyncio.sleep(0.02)
    assert await repairing.counts(repair_id) == {ItemState.CURED: 1}


async def test_a_failure_from_before_the_act_is_not_a_failure_of_the_repair(repairing: Repairing) -> None:
    card_id = await repairing.a_failing_card()
    repair_id = await repairing.running(card_id)
    await repairing.act(repair_id)
    repairing.hand.passes(seconds=-5)
    await repairing.fails(card_id)
    assert await repairing.counts(repair_id) == {ItemState.ACTED: 1}


async def test_a_card_that_ended_meanwhile_is_not_acted_on(repairing: Repairing, world: World) -> None:
    ended, cured = await repairing.a_failing_card(), await repairing.a_failing_card()
    repair_id = await repairing.running(ended, cured)
    await world.journey.withdraw(ended)
    repairing.hand.does = lambda item: {} if item.subject == cured else _raise(RunEnded())
    await repairing.driven(repair_id)
    assert [one.subject for one in repairing.hand.called] == [cured]
    assert (await repairing.item(repair_id, ended)).state is ItemState.ENDED
    await repairing.passes(cured)
    await repairing.driven(repair_id)
    assert (await repairing.row(repair_id)).state is RepairState.DONE, "a card that ended is no failure"


async def test_an_act_that_cannot_be_done_fails_with_its_reason_and_stops_no_other(repairing: Repairing) -> None:
    cards = [await repairing.a_failing_card() for _ in range(4)]
    repair_id = await repairing.running(*cards, plan=a_plan(failures_bp=10_000))
    answers = dict(
        zip(cards, (NotOffered("reset_activity"), AlreadyCured(), RuntimeError("a secret"), None), strict=True)
    )
    repairing.hand.does = lambda item: _raise(error) if (error := answers[item.subject]) else {}
    await repairing.driven(repair_id)
    assert await repairing.counts(repair_id) == {ItemState.FAILED: 2, ItemState.CURED: 1, ItemState.ACTED: 1}
    async with repairing.world.database.transaction() as session:
        errors = (await reads.counts(session, repair_id)).by_error
    assert {(word, number) for word, _, number in errors} == {("not_offered", 1), ("unforeseen", 1)}
    assert "a secret" not in str(errors)


async def test_while_temporal_does_not_answer_the_item_stays_and_is_looked_at_by_the_next_attempt(
    repairing: Repairing,
) -> None:
    first, second = await repairing.a_failing_card(), await repairing.a_failing_card()
    repair_id = await repairing.running(first, second)
    repairing.hand.does = lambda item: _raise(TemporarilyUnavailable()) if item.subject == first else {}
    with pytest.raises(Exception, match="did not answer for 1"):
        await repairing.act(repair_id)
    assert await repairing.counts(repair_id) == {ItemState.ACTING: 1, ItemState.ACTED: 1}
    repairing.hand.does = lambda _: {}
    assert await repairing.act(repair_id, attempt=2) == 1
    assert [(one.subject, one.tried) for one in repairing.hand.called] == [
        (first, False),
        (second, False),
        (first, True),
    ]


async def test_interrupted_item_without_a_pending_step_is_verified(repairing: Repairing) -> None:
    card_id = await repairing.a_failing_card()
    repair_id = await repairing.running(card_id)
    repairing.hand.does = lambda _: _raise(TemporarilyUnavailable())
    with pytest.raises(Exception, match="did not answer"):
        await repairing.act(repair_id)
    async with repairing.world.database.transaction() as session:
        await described.forget(session, [f"card:{card_id}"])
    repairing.hand.does = lambda _: _raise(AlreadyCured())
    await repairing.act(repair_id, attempt=2)
    assert (repairing.hand.called[-1].step, repairing.hand.called[-1].tried) == ("verification.ask_issuer", True)
    assert await repairing.counts(repair_id) == {ItemState.CURED: 1}


async def test_superseded_worker_writes_nothing(repairing: Repairing) -> None:
    card_id = await repairing.a_failing_card()
    repair_id = await repairing.running(card_id)
    taken_over = []

    def act(item: ItemAct) -> dict[str, str]:
        taken_over.append(item)
        return {}

    async def slow(item: ItemAct) -> dict[str, str]:
        if not item.tried:
            await repairing.act(repair_id, attempt=2)
        return act(item)

    repairing._activities._acts = {RepairKind.RETRY_NOW: slow}
    assert await repairing.act(repair_id) == 0
    assert [one.tried for one in taken_over] == [True, False]
    assert (await repairing.world.story(card_id)).count("repair.retry_now") == 1


async def test_the_first_runs_are_acted_on_alone_until_they_are_proven(repairing: Repairing) -> None:
    cards = [await repairing.a_failing_card() for _ in range(4)]
    repair_id = await repairing.running(*cards, plan=a_plan(canary=2))
    assert (await repairing.driven(repair_id)).what is Next.LOOK
    assert await repairing.counts(repair_id) == {ItemState.ACTED: 2, ItemState.WAITING: 2}
    await repairing.passes(cards[0])
    assert (await repairing.driven(repair_id)).what is Next.LOOK
    await repairing.passes(cards[1])
    await repairing.driven(repair_id)
    assert await repairing.counts(repair_id) == {ItemState.CURED: 2, ItemState.ACTED: 2}


async def test_a_canary_that_fails_or_is_not_proven_in_time_suspends_the_repair(repairing: Repairing) -> None:
    cards = [await repairing.a_failing_card() for _ in range(3)]
    repair_id = await repairing.running(*cards, plan=a_plan(canary=1))
    await repairing.driven(repair_id)
    await repairing.fails(cards[0])
    assert (await repairing.driven(repair_id)).what is Next.STAND
    assert (await repairing.row(repair_id)).suspended_why is Suspended.FAILURES
    await repairing.desk.cancel(await repairing.a_person(), repair_id)

    slow = await repairing.running(cards[1], cards[2], plan=a_plan(canary=1))
    await repairing.driven(slow)
    repairing.hand.passes(seconds=301)
    assert (await repairing.driven(slow)).what is Next.STAND
    assert (await repairing.row(slow)).suspended_why is Suspended.CANARY
    await repairing.desk.resume(await repairing.a_person(), slow)
    await repairing.driven(slow)
    assert await repairing.counts(slow) == {ItemState.ACTED: 2}, "a person has let the rest follow"


async def test_a_repair_stops_above_its_share_of_failures_and_a_person_resumes_it(
    repairing: Repairing,
) -> None:
    cards = [await repairing.a_failing_card() for _ in range(8)]
    repair_id = await repairing.running(*cards, plan=a_plan(failures_bp=3_000))
    repairing.hand.does = lambda item: _raise(NotOffered("x")) if item.place <= 3 else {}
    assert (await repairing.advance(repair_id)).what is Next.ACT
    await repairing.act(repair_id, limit=4)
    assert (await repairing.advance(repair_id)).what is Next.STAND
    row = await repairing.row(repair_id)
    assert (row.state, row.suspended_why) == (RepairState.SUSPENDED, Suspended.FAILURES)
    await repairing.act(repair_id)
    assert await repairing.counts(repair_id) == {ItemState.FAILED: 3, ItemState.ACTED: 1, ItemState.WAITING: 4}
    await repairing.desk.resume(await repairing.a_person(), repair_id)
    assert (await repairing.driven(repair_id)).what is Next.LOOK, "failures that were seen stop it no more"
    assert await repairing.counts(repair_id) == {ItemState.FAILED: 3, ItemState.ACTED: 5}


async def test_what_is_never_proven_leaves_the_repair_partly_done_or_failed(repairing: Repairing) -> None:
    cards = [await repairing.a_failing_card() for _ in range(2)]
    repair_id = await repairing.running(*cards)
    await repairing.driven(repair_id)
    await repairing.passes(cards[0])
    repairing.hand.passes(seconds=901)
    assert (await repairing.driven(repair_id)).what is Next.END
    assert (await repairing.row(repair_id)).state is RepairState.PARTLY_DONE
    again = await repairing.running(cards[1])
    await repairing.driven(again)
    repairing.hand.passes(seconds=901)
    await repairing.driven(again)
    assert (await repairing.row(again)).state is RepairState.FAILED


async def test_reading_a_run_proves_unreported_success(repairing: Repairing) -> None:
    cards = [await repairing.a_failing_card() for _ in range(3)]
    repair_id = await repairing.running(*cards)
    await repairing.driven(repair_id)
    assert await repairing.look(repair_id) == 0, "the workers' reports may still come"
    repairing.hand.passes(seconds=6)
    seen = dict(zip((f"card:{one}" for one in cards), (True, False, None), strict=True))
    repairing.hand.sees = lambda one: seen[one.workflow_id]
    assert await repairing.look(repair_id) == 3
    assert await repairing.counts(repair_id) == {
        ItemState.CURED: 1,
        ItemState.FAILED_AGAIN: 1,
        ItemState.ACTED: 1,
    }


async def test_repair_by_report_is_proven_once_the_card_continues(repairing: Repairing, world: World) -> None:
    card_id = await world.a_card()
    await world.intake.mark_started(card_id)
    key = await _waits_for_the_gateway(world, card_id)
    repair_id = await repairing.running(card_id, plan=a_plan(RepairKind.SIGNAL_AGAIN, reason_code="lost_report"))
    assert (await repairing.item(repair_id, card_id)).found["facts"] == {"id": key}
    await repairing.driven(repair_id)
    assert await repairing.counts(repair_id) == {ItemState.ACTED: 1}
    await world.journey.move(card_id, Stage.PAYOUT, WaitingFor.MACHINE, None, "payout.prepared")
    await repairing.driven(repair_id)
    assert await repairing.counts(repair_id) == {ItemState.CURED: 1}


async def test_the_story_and_the_record_say_what_was_done_by_whom_and_why(repairing: Repairing, world: World) -> None:
    card_id = await repairing.a_failing_card()
    repair_id = await repairing.running(card_id)
    await repairing.driven(repair_id)
    (event,) = await world.rows(CardEventRow, card_id=card_id, what="repair.retry_now")
    row = await repairing.row(repair_id)
    assert event.actor == f"person:{row.submitted_by}"
    assert event.facts == {"repair": repair_id, "kind": "retry_now", "reason_code": "provider_back"}
    (leaf,) = await world.rows(LeafRow, card_id=card_id, what="repair.retry_now")
    card = await world.card(card_id)
    assert (leaf.body["facts"], leaf.body["fingerprint"], leaf.body["stage"]) == (
        event.facts,
        card.fingerprint,
        card.stage.value,
    )


async def _waits_for_the_gateway(world: World, card_id: str) -> str:
    """Let the card wait for the payment gateway with an order of its own; returns the order's key."""
    key = payout_key(card_id, 1)
    async with world.database.transaction() as session:
        session.add(
            PayoutRow(
                key=key, card_id=card_id, amount_minor=1, state=PayoutState.UNKNOWN, prepared_at=datetime.now(UTC)
            )
        )
    await world.journey.move(
        card_id,
        Stage.PAYOUT,
        WaitingFor.GATEWAY,
        (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        "payout.unknown",
    )
    return key


def _raise(error: BaseException) -> dict[str, str]:
    raise error


async def test_a_worker_that_never_failed_learns_that_a_repair_waits_for_its_successes(repairing: Repairing) -> None:
    card_id = await repairing.a_failing_card()
    repair_id = await repairing.running(card_id)
    await repairing.act(repair_id)
    other = Attempts(repairing.world.database)
    other._any_left = False
    for _ in range(LOOKED_EVERY):
        await other.write()
    other.passed(f"card:{card_id}", "verification.ask_issuer")
    await other.write()
    assert await repairing.counts(repair_id) == {ItemState.CURED: 1}


async def test_what_failed_again_has_time_to_heal_before_the_repair_ends(repairing: Repairing) -> None:
    cards = [await repairing.a_failing_card() for _ in range(2)]
    repair_id = await repairing.running(*cards)
    await repairing.driven(repair_id)
    await repairing.passes(cards[0])
    await repairing.fails(cards[1])
    assert (await repairing.driven(repair_id)).what is Next.LOOK
    repairing.hand.passes(seconds=301)
    assert (await repairing.driven(repair_id)).what is Next.END
    assert (await repairing.row(repair_id)).state is RepairState.PARTLY_DONE
