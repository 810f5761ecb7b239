"""After a restore, goodwill payments that two people agreed to and that no workflow runs are found and started again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from temporalio.client import Client

from bootstrap.goodwill_runs import start_again, stopped
from database.tables.support.goodwill import GoodwillRow
from domain.identifiers import goodwill_key, goodwill_workflow
from domain.money import Money
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill, GoodwillProposal
from tests.builders.escalating import Escalating
from tests.builders.world import World
from tests.workflows.stage import World as Stage
from tests.workflows.stage import playing

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_agreed_payment_without_a_workflow_is_named_and_started_once(
    world: World, temporal_client: Client
) -> None:
    await world.calm()
    card_id, key = await world.a_prepared_payout()
    await world.payout.send(key)
    await world.payout.conclude(key)
    scene = Escalating(world, await world.payee_of(card_id), card_id)
    await scene.open()
    acts = Goodwill(SupportDesk(world.database, world.keyring, world.photos, scene.clock))
    given = await acts.propose(scene.agent, scene.ticket_id, GoodwillProposal(Money(2000), "late", key))
    await acts.agree(await world.a_person("support_lead"), given)
    assert given not in await stopped(temporal_client, world.database)  # It is about to be started.
    async with world.database.transaction() as session:
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        await session.execute(update(GoodwillRow).where(GoodwillRow.id == given).values(checked_at=long_ago))
    found = await stopped(temporal_client, world.database)
    assert given in found
    stage = Stage()
    async with playing(temporal_client, stage):
        await start_again(temporal_client, [given])
        await start_again(temporal_client, [given])  # One that runs is left as it is.
        await temporal_client.get_workflow_handle(goodwill_workflow(given)).result()
    assert {arguments[1] for arguments in stage.of("payout.prepare_goodwill")} == {goodwill_key(given)}
