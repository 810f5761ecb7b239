"""The finance desk of a demo has breaks in every state and a rail that is off, each once however often the platform is started."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import select, text

from bootstrap.demo import desk, statements, suspense
from bootstrap.demo.hands import DemoStories, Hands, Story
from bootstrap.demo.logins import PEOPLE
from database.reads.finance.suspense import standing
from database.repositories import day_figures
from database.tables.columns import now
from database.tables.finance.rails import BankLineRow
from database.tables.finance.routing import RailSwitchRow
from database.tables.finance.statements import BreakRow
from database.tables.finance.suspense import SuspenseClearingRow
from database.tables.people import PersonRow
from domain.finance.breaks import BreakKind, BreakState
from domain.finance.rails import Rail
from domain.finance.statements import StatementSource
from domain.identifiers import new_id
from domain.places import business_day
from domain.rules.reconciliation import reconciliation_in_force
from gateways.statements.bank import BANKS
from services.finance.break_work import open_work
from tests.builders.own_world import own_world
from tests.builders.world import World

world = own_world("demo_desk")


async def played(world: World, *stories: Story) -> list[int]:
    """Look until nothing more is done, as after a start; return how much each look did."""
    hands = Hands(cast("Any", None), world.database, world.keyring, world.photos, cast("Any", None))
    demo, found = DemoStories(hands, stories), list[int]()
    while not found or found[-1]:
        found.append(await demo.look())
    return found


@pytest.fixture
async def people(world: World) -> None:
    """The people of a demo."""
    async with world.database.transaction() as session:
        known = set((await session.execute(select(PersonRow.email))).scalars())
        session.add_all(
            PersonRow(id=new_id(), email=one.login, name=one.name, password_hash="", roles=[one.role])
            for one in PEOPLE
            if one.login not in known
        )


@pytest.mark.usefixtures("people")
async def test_breaks_are_open_proposed_and_closed_once(world: World) -> None:
    assert await played(world, desk.decided) == [0]  # Before the statements are there.
    settings, held = SimpleNamespace(bank_formats=Path(BANKS)), SimpleNamespace(keyring=world.keyring)
    await statements.bring(cast("Any", settings), world.database, cast("Any", held))
    assert await played(world, desk.decided) == [0]  # Before they are work of the desk.
    async with world.database.transaction() as session:
        await open_work(session, (await session.execute(select(text("now()")))).scalar_one(), 100)
    assert sum(await played(world, desk.decided, suspense.explained)) == 7  # Five decisions, two explanations.
    assert await played(world, desk.decided, suspense.explained) == [0]  # After a restart.
    rows = await world.rows(BreakRow, source=StatementSource.BANK)
    states = {(one.amount_minor, one.kind): one.state for one in rows}
    assert states[(-15_00, BreakKind.FEE_DIFFERENCE)] is BreakState.CLOSED
    assert states[(50_000_00, BreakKind.MISSING_HERE)] is BreakState.PROPOSED
    assert states[(-128_00, BreakKind.MISSING_HERE)] is BreakState.OPEN
    said = {one.amount_minor: one for one in await world.rows(SuspenseClearingRow)}
    assert said.keys() == {statements.PREPAID, statements.NAMELESS}
    assert said[statements.PREPAID].agreed_by not in (None, *said[statements.PREPAID].proposers)
    assert (said[statements.NAMELESS].agreed_at, said[statements.NAMELESS].declined_at) == (None, None)
    rules = reconciliation_in_force(business_day(now())).sources[StatementSource.BANK]
    async with world.database.transaction() as session:
        for back in (1, 2):  # Its days can be closed: every account of ours has its statement.
            day = business_day(now()) - timedelta(days=back)
            assert (await day_figures.figures(session, StatementSource.BANK, day, rules, now())).complete
        stands = await standing(session, Rail.BANK)
    assert [(one.stands.amount_minor, one.free.amount_minor) for one in sorted(stands, key=lambda one: one.stands)] == [
        (-statements.UNSAID, -statements.UNSAID), (statements.NAMELESS, 0),
    ]  # fmt: skip


@pytest.mark.usefixtures("people")
async def test_banks_are_switched_off_once_the_demos_payments_wait_for_a_batch(world: World) -> None:
    assert await played(world, desk.switched_off) == [0]
    async with world.database.transaction() as session:
        session.add_all(BankLineRow(key=f"card-{new_id()}-payout-1", amount_minor=465_00) for _ in range(2))
    assert await played(world, desk.switched_off) == [1, 0]
    assert await played(world, desk.switched_off) == [0]
    (row,) = await world.rows(RailSwitchRow, rail=Rail.BANK)
    assert (row.off_reason, row.asked_reason, row.on_at) == (desk.OFF, desk.ON_AGAIN, None)
    assert row.off_by not in row.askers
