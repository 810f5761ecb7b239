"""Each activity that moves money is broken before its effect, after it, and during its commits; tried again, the books are exact,
by our own and by those of Alipay, of WeChat Pay and of a bank.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from activities.payout import Payout
from database.invariants import INVARIANTS, Look
from database.tables.finance.rails import BankBatchRow, BankLineRow
from domain.finance.rails import Rail
from simulators.bank import Bank
from simulators.program import Setup
from tests.builders.rails import rails_of
from tests.builders.world import World, world_at
from tests.faults.money.matrix import COMMITTING, MATRIX, Floor, Watched
from tests.faults.money.matrix_costs import COSTS, INVOICES
from tests.faults.money.matrix_rails import ON_RAILS
from tests.faults.money.planted import PATCHES
from tests.faults.money.points import COMMITTED, Act, Break, done, watch
from tests.faults.money.registry import money_activities
from tests.faults.money.verdict import judged
from tests.gateways.partners import partner

ALL = MATRIX | ON_RAILS | INVOICES


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def floor(
    make_migrated: Callable[[str], str], worker: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Floor]:
    """A database of these tests alone, and the books of all three simulated rails."""
    url, folder = make_migrated(f"crashes_{worker}"), tmp_path_factory.mktemp("crashes")
    async with (
        world_at(url, folder, pool_size=4) as world, rails_of(world, folder / "wechat") as rails,
        partner(Bank(Setup())) as bank,
    ):  # fmt: skip
        watch(world.database.engine)
        watched = {rail: Watched(gateway) for rail, gateway in rails.gateways.items()}
        world.payout = rails.payout = Payout(world.database, world.keyring, watched)
        yield Floor(world, rails, bank)


async def wrong_now(world: World) -> list[str]:
    """What breaks I1 to I4 at this moment."""
    look, ours = Look(), [one for one in INVARIANTS if one.code in ("I1", "I2", "I3", "I4")]
    async with world.database.transaction() as session:
        return [f"{one.code} {line}" for one in ours for line in await one.broken(session, look)]


def moments() -> list[tuple[str, str, Break]]:
    """Every activity with the places at which it is broken, and how."""
    found = []
    for name, row in ALL.items():
        before, after = row.effect
        found += [(name, before, Break.DIES), (name, after, Break.DIES)]
        for number in range(1, row.commits + 1):
            found += [(name, f"{place} {number}", Break.LOSES_DATABASE) for place in (COMMITTING, COMMITTED)]
    return found


def cases() -> list[Any]:
    """Every moment as a case: each activity just after its effect, and each rail at each place, in every change; the rest is marked."""
    found, met = [], set[tuple[str, str, Break]]()
    for name, place, how in moments():
        at = (rail(name), place.rpartition(" ")[0], how)
        always = at not in met or (place == ALL[name].effect[1] and how is Break.DIES)
        met.add(at)
        found.append(pytest.param(name, place, how, marks=() if always else pytest.mark.thorough))
    return found


def rail(name: str) -> str:
    """The rail on which the activity of that name pays; the bank's counter is one, too."""
    found = name.partition(" at ")[2] or name.partition(".")[0]
    return found if found in ("wechat", "bank", "batch") else Rail.ALIPAY


def test_every_money_activity_has_a_row() -> None:
    """One that is added later fails here until its row is in tests/faults/money/matrix.py, or in matrix_costs.py."""
    assert money_activities() == set(MATRIX) | set(COSTS)


@pytest.mark.parametrize(("name", "place", "how"), cases(), ids=lambda one: str(one).replace(" ", "_"))
async def test_a_broken_activity_that_is_tried_again_leaves_the_books_exact(
    floor: Floor, name: str, place: str, how: Break
) -> None:
    case = await ALL[name].ready(floor)
    broken = await done(Act(stop=(place, how)), case.act)
    assert broken.act.broken, f"it passed {broken.act.passed} and ended with {broken.error!r}"
    assert await wrong_now(floor.world) == []
    for step in (case.act, *case.rest):
        await step()
        assert await wrong_now(floor.world) == []
    assert await judged(floor, case) == []


@pytest.mark.parametrize(
    ("name", "place", "booked"),
    [
        pytest.param(name, *place, marks=() if place[1] or name == next(iter(COSTS)) else pytest.mark.thorough)
        for name, row in COSTS.items() for place in row.places
    ],
    ids=lambda one: str(one).replace(" ", "_"),
)  # fmt: skip
async def test_each_call_costs_once_by_the_providers_own_count(
    floor: Floor, name: str, place: str, booked: bool
) -> None:
    """A call whose answer was lost with its process is billed and not booked: the provider's invoice shows it."""
    world, row = floor.world, COSTS[name]
    asking = await row.ready(world)
    before = await asking.booked(world)
    broken = await done(Act(stop=(place, Break.LOSES_DATABASE)), asking.act)
    assert broken.act.broken, f"it passed {broken.act.passed} and ended with {broken.error!r}"
    assert (asking.billed() > 0) is not row.free
    kept = await asking.booked(world) - before
    assert kept == (asking.billed() if booked else 0)
    lost = asking.billed() - kept
    await asking.act()
    again = 0 if booked and asking.free_again else asking.billed() - lost - kept
    assert await asking.booked(world) - before == kept + again
    assert await asking.booked(world, "issuer_payable") == -await asking.booked(world)
    assert await wrong_now(world) == []


async def test_the_verdict_sees_an_order_that_a_bank_pays_from_a_second_batch(floor: Floor) -> None:
    case = await ON_RAILS["batch.take"].ready(floor)
    for step in (case.act, *case.rest):
        await step()
    assert await judged(floor, case) == []
    (line,) = await floor.world.rows(BankLineRow, key=case.key)
    (batch,) = await floor.world.rows(BankBatchRow, id=line.batch_id)
    _, content = await floor.rails.batches.file(batch.checked_by, batch.id)
    await floor.bank.plain.post("/batches", content=content)
    assert await judged(floor, case) == []  # The same batch again is no second one.
    await floor.bank.plain.post("/batches", content=content.replace(batch.number.encode(), b"CL20260101-1"))
    assert await judged(floor, case) == ["I4 [46500, 46500] left by the books of bank where [46500] is due"]


async def test_the_verdict_sees_a_transfer_that_its_receiver_has_not_confirmed(floor: Floor) -> None:
    case = await ON_RAILS["payout.send at wechat"].ready(floor)
    await case.act()
    assert "I4 [] left by the books of wechat where [46500] is due" in await judged(floor, case)


async def test_the_matrix_finds_a_posting_outside_its_transaction(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books say that money is in flight which no order is about."""
    PATCHES["posts outside the transaction"](floor.world.database, monkeypatch.setattr)
    case = await MATRIX["payout.prepare"].ready(floor)
    broken = await done(Act(stop=(f"{COMMITTED} 1", Break.DIES)), case.act)
    assert broken.act.broken
    assert any(line.startswith("I2") for line in await wrong_now(floor.world))
    monkeypatch.undo()
    for step in (case.act, *case.rest):  # The order is written after all, and the books agree again.
        await step()
    assert await wrong_now(floor.world) == []
