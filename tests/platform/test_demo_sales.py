"""A demo's finance pages are not empty: rules with partners, a deposit, sold cards of which one came back."""

from __future__ import annotations

import pytest
from sqlalchemy import text, update

from bootstrap.demo.sales import DemoSales
from database.reads.finance import sales as reads
from database.tables.cards import CardRow
from database.tables.finance.sales import SaleRow
from domain.cards.card import CardType
from domain.policies.book import BOOK
from domain.rules.splits import KIND
from services.policies.reading import PolicyReader
from tests.builders.selling import a_bought_card
from tests.builders.world import World


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.thorough
async def test_the_demo_sells_what_it_bought_by_rules_with_partners(world: World) -> None:
    people = [await world.a_person(role) for role in ("finance", "admin", "compliance")]
    demo = DemoSales(world.database, people[0])
    try:
        for _ in range(2):
            await demo.prepare(*people[1:])
        await PolicyReader(world.database).refresh()
        cards = [await a_bought_card(world) for _ in range(3)]
        async with world.database.transaction() as session:
            foreign = update(CardRow).where(CardRow.id == cards[0]).values(card_type=CardType.CROSSBORDER)
            await session.execute(foreign)
            before = {one.buyer: one for one in await reads.buyers(session, limit=1000)}
        assert await demo.sell() >= len(cards)
        assert await demo.sell() == 0
        async with world.database.transaction() as session:
            shown = {one.card_id: one for one in await reads.sales(session, "kept", limit=1000)}
            buyers = {one.buyer: one for one in await reads.buyers(session, limit=1000)}
        assert set(cards) <= shown.keys()
        assert {one.policy_version for card in cards for one in await world.rows(SaleRow, card_id=card)} == {"splits-1"}
        assert buyers["resale-network"].owes.amount_minor > 0
        assert buyers["mall-direct"].deposit.amount_minor < before["mall-direct"].deposit.amount_minor
    finally:
        async with world.database.transaction() as session:
            await session.execute(text("ALTER TABLE policy_document DISABLE TRIGGER published_stays"))
            await session.execute(text("DELETE FROM policy_document WHERE kind = 'splits'"))
            await session.execute(text("ALTER TABLE policy_document ENABLE TRIGGER published_stays"))
        BOOK.fill(KIND.code, [])
