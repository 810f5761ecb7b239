"""What people do with repairs: choosing cards, preview, a second person, suspending, resuming, cancelling, and trying again."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from database.invariants import Look
from database.invariants.two_people import RepairsByTwo
from database.reads.ops import repairs as reads
from database.reads.ops.open_runs import OPEN_RUNS
from database.tables.ops.repairs import RepairItemRow
from database.tables.people import AuditRow
from domain.errors.general import FieldInvalid
from domain.errors.ops import NothingToRepair, OwnRepair, RepairChanged, RepairOptionsWrong, TooManyRuns
from domain.errors.people import NotAllowed
from domain.errors.work import ReasonUnknown
from domain.ops.repairs import Excluded, ItemState, RepairKind, RepairState
from services.ops.repairs.acts import NotOffered
from services.ops.repairs.progress import Next
from services.ops.repairs.sources import Named, OfCause, pasted
from tests.builders.repairing import Repairing, a_plan
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def repairing(world: World) -> Repairing:
    return Repairing(world)


async def test_what_cannot_be_retried_is_left_out_with_its_reason(repairing: Repairing, world: World) -> None:
    by = await repairing.a_person()
    good, held = await repairing.a_failing_card(), await repairing.a_failing_card()
    other = await repairing.previewed(by, held)
    await repairing.desk.submit(by, other)
    ended, idle, own = [await repairing.a_failing_card() for _ in range(3)]
    await world.journey.withdraw(ended)
    await repairing.passes(idle)
    await repairing.passes(own)
    await repairing.fails(own, "pricing.value", 3, "cards")
    unstarted = await world.a_card()
    repair_id = await repairing.previewed(by, good, held, ended, idle, own, unstarted, "01UNKNOWN", good)
    async with world.database.transaction() as session:
        counts = await reads.counts(session, repair_id)
        page = await reads.items(session, repair_id, state=ItemState.EXCLUDED)
    assert counts.of(ItemState.WAITING) == 1
    assert dict(counts.by_reason) == dict.fromkeys(
        ("other_repair", "ended", "no_step", "own_step", "not_started", "unknown"), 1
    )
    assert sum(counts.by_state.values()) == counts.total == 7, "a run named twice is one item"
    (conflict,) = [one for one in page if one.excluded is Excluded.OTHER_REPAIR]
    assert conflict.found == {"why": {"repair": other}}


async def test_of_two_repairs_submitted_together_one_has_the_card(repairing: Repairing) -> None:
    card_id, by = await repairing.a_failing_card(), await repairing.a_person()
    first, second = await repairing.previewed(by, card_id), await repairing.previewed(by, card_id)
    ended = await asyncio.gather(
        repairing.desk.submit(by, first), repairing.desk.submit(by, second), return_exceptions=True
    )
    assert sorted(str(type(one).__name__) for one in ended) == ["NothingToRepair", "RepairState"]


async def test_only_the_failed_items_are_repaired_again_by_a_repair_that_names_the_first(repairing: Repairing) -> None:
    cards = [await repairing.a_failing_card() for _ in range(3)]
    repair_id = await repairing.running(*cards)
    by = await repairing.a_person()
    with pytest.raises(RepairChanged) as early:
        await repairing.desk.retry_failed(by, repair_id)
    assert early.value.data == {"state": "running"}
    repairing.hand.does = lambda item: _raise(NotOffered("x")) if item.subject == cards[0] else {}
    await repairing.driven(repair_id)
    await repairing.passes(cards[1])
    repairing.hand.passes(seconds=901)
    await repairing.driven(repair_id)
    again = await repairing.desk.retry_failed(by, repair_id)
    assert await repairing.desk.retry_failed(by, repair_id) == again, "pressed twice it is one repair"
    items = await repairing.world.rows(RepairItemRow, repair_id=again)
    assert {one.subject for one in items} == {cards[0], cards[2]}
    assert (await repairing.row(again)).retries == repair_id
    await repairing.desk.preview(by, again)
    await repairing.desk.submit(by, again)
    await repairing.passes(cards[0])
    await repairing.passes(cards[2])
    await repairing.driven(again)
    with pytest.raises(NothingToRepair):
        await repairing.desk.retry_failed(by, again)


async def test_more_than_one_may_repair_alone_needs_a_second_person_who_had_no_part_in_it(
    repairing: Repairing,
) -> None:
    by, second = await repairing.a_person(), await repairing.a_person()
    cards = [await repairing.a_failing_card() for _ in range(21)]
    repair_id = await repairing.previewed(by, *cards)
    assert await repairing.desk.submit(by, repair_id) is RepairState.WAITING
    assert await repairing.desk.submit(by, repair_id) is RepairState.WAITING, "pressed twice"
    assert (await repairing.advance(repair_id)).what is Next.STAND
    with pytest.raises(OwnRepair):
        await repairing.desk.agree(by, repair_id)
    with pytest.raises(NotAllowed):
        await repairing.desk.agree(await repairing.world.a_person("reviewer"), repair_id)
    await repairing.desk.agree(second, repair_id)
    await repairing.desk.agree(second, repair_id)
    with pytest.raises(RepairChanged):
        await repairing.desk.agree(await repairing.a_person(), repair_id)
    with pytest.raises(RepairChanged):
        await repairing.desk.refuse(await repairing.a_person(), repair_id)
    rows = sorted(await repairing.world.rows(AuditRow, subject=repair_id), key=lambda row: row.id)
    acts = [row.act for row in rows]
    assert acts == ["console:repair:draft", "console:repair:submit", "console:repair:agree"]


async def test_invariant_finds_a_repair_without_a_second_person(repairing: Repairing) -> None:
    cards = [await repairing.a_failing_card() for _ in range(21)]
    repair_id = await repairing.running(*cards)
    await repairing.advance(repair_id)

    async def found() -> list[str]:
        async with repairing.world.database.transaction() as session:
            return [one for one in await RepairsByTwo().broken(session, Look()) if repair_id in one]

    assert await found() == []
    row = await repairing.row(repair_id)
    async with repairing.world.database.transaction() as session:
        agreed = {"by": row.drafted_by, "before": row.decided_by, "id": repair_id}
        await session.execute(text("UPDATE repair SET decided_by = :by WHERE id = :id"), agreed)
    assert len(await found()) == 1
    async with repairing.world.database.transaction() as session:
        await session.execute(text("UPDATE repair SET decided_by = :before WHERE id = :id"), agreed)


async def test_a_running_repair_is_an_open_run_until_it_is_over(repairing: Repairing) -> None:
    repair_id = await repairing.running(await repairing.a_failing_card())

    async def open_run() -> str | None:
        wanted = text(f"SELECT stage FROM ({OPEN_RUNS}) AS run WHERE workflow_id = :id AND kind = 'repair'")  # noqa: S608
        async with repairing.world.database.transaction() as session:
            return (await session.execute(wanted, {"id": f"repair:{repair_id}"})).scalar_one_or_none()

    assert await open_run() == "running"
    await repairing.desk.suspend(await repairing.a_person(), repair_id)
    assert await open_run() == "suspended"
    await repairing.desk.cancel(await repairing.a_person(), repair_id)
    assert await open_run() is None


async def test_refused_repair_does_nothing_and_releases_its_cards(repairing: Repairing) -> None:
    by, cards = await repairing.a_person(), [await repairing.a_failing_card() for _ in range(21)]
    repair_id = await repairing.previewed(by, *cards)
    await repairing.desk.submit(by, repair_id)
    await repairing.desk.refuse(await repairing.a_person(), repair_id)
    assert (await repairing.driven(repair_id)).what is Next.END
    assert await repairing.counts(repair_id) == {ItemState.LEFT: 21}
    assert await repairing.desk.submit(by, await repairing.previewed(by, cards[0])) is RepairState.RUNNING


async def test_suspending_resuming_and_cancelling_are_answered_whenever_they_are_pressed(repairing: Repairing) -> None:
    by, cards = await repairing.a_person(), [await repairing.a_failing_card() for _ in range(3)]
    repair_id = await repairing.running(*cards)
    await repairing.act(repair_id, limit=1)
    for _ in range(2):
        await repairing.desk.suspend(by, repair_id)
    assert (await repairing.advance(repair_id)).what is Next.STAND
    assert await repairing.act(repair_id) == 0, "nothing is taken while it is suspended"
    for _ in range(2):
        await repairing.desk.resume(by, repair_id)
    assert (await repairing.advance(repair_id)).what is Next.ACT
    for _ in range(2):
        await repairing.desk.cancel(by, repair_id)
    assert await repairing.counts(repair_id) == {ItemState.ACTED: 1, ItemState.LEFT: 2}
    for act in (repairing.desk.suspend, repairing.desk.resume, repairing.desk.submit, repairing.desk.preview):
        with pytest.raises(RepairChanged) as late:
            await act(by, repair_id)
        assert late.value.data == {"state": "cancelled"}
    await repairing.passes(cards[0])
    assert (await repairing.item(repair_id, cards[0])).state is ItemState.CURED, "what was done is proven all the same"


async def test_a_plan_is_checked_before_anything_is_written(repairing: Repairing) -> None:
    by, card_id = await repairing.a_person(), await repairing.a_failing_card()
    with pytest.raises(NotAllowed):
        await repairing.desk.draft(await repairing.world.a_person("reviewer"), a_plan(), Named((card_id,)))
    with pytest.raises(ReasonUnknown):
        await repairing.desk.draft(by, a_plan(reason_code="because"), Named((card_id,)))
    plan = a_plan(RepairKind.PAUSE, options={"for_at_most_s": 1})
    with pytest.raises(RepairOptionsWrong) as wrong:
        await repairing.desk.draft(by, plan, Named((card_id,)))
    assert wrong.value.data == {"field": "for_at_most_s", "why": "out_of_range"}
    with pytest.raises(RepairOptionsWrong):
        await repairing.desk.draft(by, a_plan(rate_per_s=0), Named((card_id,)))
    with pytest.raises(NothingToRepair):
        await repairing.desk.draft(by, a_plan(), Named(()))
    with pytest.raises(NothingToRepair):
        await repairing.desk.draft(by, a_plan(), OfCause("no~such~cause~here"))
    with pytest.raises(FieldInvalid):
        await repairing.desk.draft(by, a_plan(), Named(("x" * 81,)))
    with pytest.raises(TooManyRuns) as many:
        await repairing.desk.draft(by, a_plan(), Named(tuple(f"01{number:024d}" for number in range(20_001))))
    assert many.value.data == {"most": 20_000}
    with pytest.raises(RepairChanged):
        await repairing.desk.submit(by, await repairing.desk.draft(by, a_plan(), Named((card_id,))))


async def test_another_plan_is_previewed_again(repairing: Repairing) -> None:
    by, card_id = await repairing.a_person(), await repairing.a_failing_card()
    repair_id = await repairing.previewed(by, card_id)
    await repairing.desk.change(by, repair_id, a_plan(RepairKind.UNPAUSE))
    with pytest.raises(RepairChanged):
        await repairing.desk.submit(by, repair_id)
    await repairing.desk.preview(by, repair_id)
    assert (await repairing.item(repair_id, card_id)).excluded is Excluded.NOT_PAUSED
    with pytest.raises(NothingToRepair):
        await repairing.desk.submit(by, repair_id)


async def test_pasted_ids_are_deduplicated_with_any_separator() -> None:
    assert pasted(" card:1, 2;\n2\t card:1") == ("card:1", "2")


def _raise(error: BaseException) -> dict[str, str]:
    raise error
