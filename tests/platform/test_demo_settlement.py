"""Settlement of a demo shows something at its first start: runs in several states, and nothing in them is untrue."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio

from bootstrap.demo.settlement import DemoSettlement
from database.invariants import Look
from database.invariants.settlements import SettlementsAddUp, SettlementsByTwo
from database.invariants.sources import PostingsHaveSources, SourcesAgree
from database.tables.columns import now
from database.tables.finance.settlement import SettlementEventRow, SettlementRunRow
from domain.finance.settlement import SettlementState
from domain.places import business_day
from services.people.partners import Partners
from tests.builders.world import World, world_at


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_world(
    make_migrated: Callable[[str], str], worker: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """A database of this test alone."""
    url = make_migrated(f"demo_settlement_{worker}")
    async with world_at(url, tmp_path_factory.mktemp("demo_settlement"), pool_size=2) as world:
        yield world


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.thorough
async def test_runs_of_two_counterparties_are_in_several_states(own_world: World) -> None:
    world = own_world
    partner, _ = await Partners(world.database, world.keyring).create("Demo partner")
    held = cast("Any", SimpleNamespace(keyring=world.keyring))
    people = await world.a_person("finance"), await world.a_person("finance")
    demo = DemoSettlement(world.database, held, world.photos, *people)
    number = await demo.tell(partner)
    assert await demo.tell(partner) == 0  # A second start adds nothing.
    runs = await world.rows(SettlementRunRow)
    assert len(runs) == number >= 4
    states = {one.state for one in runs}
    assert states >= {
        SettlementState.PAYING, SettlementState.CLOSED, SettlementState.DISPUTED, SettlementState.ANSWER,
    }  # fmt: skip
    moment = now()
    assert max(one.at for one in await world.rows(SettlementEventRow)) <= moment  # The story is of the past.
    assert max(one.ends_on for one in runs) < business_day(moment)
    async with world.database.transaction() as session:
        for one in (SettlementsAddUp(), SettlementsByTwo(), SourcesAgree(), PostingsHaveSources()):
            assert await one.broken(session, Look()) == []
