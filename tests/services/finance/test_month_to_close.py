"""The month that is closed next: the first that was posted in, then the one after the newest closed, once it is over."""

from __future__ import annotations

from datetime import UTC, date, datetime

from database.reads.finance.months import month_to_close
from database.repositories import ledger
from database.tables.finance.ledger import PeriodRow
from domain.finance.ledger import owed
from domain.identifiers import new_id
from domain.money import Money
from tests.builders.own_world import own_world
from tests.builders.world import World

world = own_world("month_to_close")


async def test_the_first_month_that_is_over_is_the_one_to_close_before_any_was_closed(world: World) -> None:
    async with world.database.transaction() as session:
        assert await month_to_close(session, date(2019, 3, 5)) is None
    async with world.database.transaction() as session:
        await ledger.post(
            session, new_id(), None, "owed", owed("seller:first", Money(10)), happened_on=date(2019, 2, 3)
        )
    async with world.database.transaction() as session:
        assert await month_to_close(session, date(2019, 2, 28)) is None
        assert await month_to_close(session, date(2019, 4, 1)) == "2019-02"
    async with world.database.transaction() as session:
        session.add(PeriodRow(month="2019-02", closed_by="a", agreed_by="b", closed_at=datetime.now(UTC)))
    async with world.database.transaction() as session:
        assert await month_to_close(session, date(2019, 3, 31)) is None
        assert await month_to_close(session, date(2019, 4, 1)) == "2019-03"
