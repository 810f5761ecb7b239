"""Each money activity is broken before its effect, after it, and during its commits; tried again, the books are exact."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from activities.payout import Payout
from database.invariants import INVARIANTS, Look
from tests.builders.world import World, world_at
from tests.faults.money.matrix import COMMITTING, MATRIX, Verdict, Watched
from tests.faults.money.planted import PATCHES
from tests.faults.money.points import COMMITTED, Act, Break, done, watch
from tests.faults.money.registry import money_activities


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_world(
    make_migrated: Callable[[str], str], worker: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A database of these tests alone, and the simulated gateway's own books."""
    url = make_migrated(f"crashes_{worker}")
    async with world_at(url, tmp_path_factory.mktemp("crashes"), pool_size=4) as world:
        watch(world.database.engine)
        watched = {rail: Watched(gateway) for rail, gateway in world.payout._gateways.items()}
        world.payout = Payout(world.database, world.keyring, watched)
        yield world


async def wrong_now(world: World) -> list[str]:
    """What breaks I1 to I4 at this moment."""
    look, ours = Look(), [one for one in INVARIANTS if one.code in ("I1", "I2", "I3", "I4")]
    async with world.database.transaction() as session:
        return [f"{one.code} {line}" for one in ours for line in await one.broken(session, look)]


def moments() -> list[tuple[str, str, Break]]:
    """Every activity with the places at which it is broken, and how."""
    found = []
    for name, row in MATRIX.items():
        before, after = row.effect
        found += [(name, before, Break.DIES), (name, after, Break.DIES)]
        for number in range(1, row.commits + 1):
            found += [(name, f"{place} {number}", Break.LOSES_DATABASE) for place in (COMMITTING, COMMITTED)]
    return found


def test_every_money_activity_has_a_row() -> None:
    """One that is added later fails here until its row is in tests/faults/money/matrix.py."""
    assert money_activities() == set(MATRIX)


@pytest.mark.parametrize(("name", "place", "how"), moments(), ids=lambda one: str(one).replace(" ", "_"))
async def test_a_broken_activity_that_is_tried_again_leaves_the_books_exact(
    own_world: World, name: str, place: str, how: Break
) -> None:
    case = await MATRIX[name].ready(own_world)
    broken = await done(Act(stop=(place, how)), case.act)
    assert broken.act.broken, f"it passed {broken.act.passed} and ended with {broken.error!r}"
    assert await wrong_now(own_world) == []
    for step in (case.act, *case.rest):
        await step()
        assert await wrong_now(own_world) == []
    assert await Verdict().judge(own_world, case) == []


async def test_the_matrix_finds_a_posting_outside_its_transaction(
    own_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The books say that money is in flight which no order is about."""
    PATCHES["posts outside the transaction"](own_world.database, monkeypatch.setattr)
    case = await MATRIX["payout.prepare"].ready(own_world)
    broken = await done(Act(stop=(f"{COMMITTED} 1", Break.DIES)), case.act)
    assert broken.act.broken
    assert any(line.startswith("I2") for line in await wrong_now(own_world))
    monkeypatch.undo()
    for step in (case.act, *case.rest):  # The order is written after all, and the books agree again.
        await step()
    assert await wrong_now(own_world) == []
