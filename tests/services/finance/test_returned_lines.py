"""A line that says that money came back and cannot be booked is set aside alone, and booked once that is corrected."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger, set_aside
from database.tables.finance.payout import PayoutRow
from domain.finance.chart import account
from domain.finance.ledger import Posting
from domain.finance.payout import PayoutState
from domain.finance.statements import LineState
from domain.identifiers import new_id
from domain.money import Money
from services.finance import matching
from services.finance.order_kinds import kind_by_key
from services.finance.returned import Found
from tests.builders.own_world import own_world
from tests.builders.reconciling import ALIPAY, FinanceDesk
from tests.builders.world import World

world = own_world("returned_lines")


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


async def test_a_returned_line_that_cannot_be_booked_is_set_aside_alone(
    desk: FinanceDesk, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for _ in range(2):
        _, key = await world.a_prepared_payout()
        await world.payout.send(key)
        await world.payout.conclude(key)
        keys.append(key)

    class Failing:
        async def returned(self, session: AsyncSession, *_: object) -> Found:
            """Write what only the commit refuses."""
            lines = (
                Posting(account("buyer_deposit", "buyer:nobody"), Money(1)),
                Posting(account("rounding"), Money(-1)),
            )
            await ledger.post(session, new_id(), None, "bench", lines)
            return Found.BOOKED

    monkeypatch.setattr(matching, "kind_by_key", lambda key: Failing() if key == keys[0] else kind_by_key(key))
    amounts = {one.key: one.amount_minor for key in keys for one in await world.rows(PayoutRow, key=key)}
    moved = [
        desk.moved(key, sign * amounts[key], kind=kind) for key in keys for sign, kind in ((-1, "转账"), (1, "退款"))
    ]
    row = await desk.imported(desk.bill(moved, ALIPAY))
    assert [line.state for line in await desk.lines(row)] == [
        LineState.AUTO,
        LineState.OPEN,
        LineState.AUTO,
        LineState.AUTO,
    ]
    states = [one.state for key in keys for one in await world.rows(PayoutRow, key=key)]
    assert states == [PayoutState.PAID, PayoutState.REFUSED]
    async with world.database.transaction() as session:
        (aside,) = [one for one in await set_aside.listed(session) if one.loop == matching.RETURNED_LINES]
    monkeypatch.undo()
    desk.ahead = timedelta(minutes=5)
    await desk.matching.run(ALIPAY)
    assert [line.state for line in await desk.lines(row)] == [LineState.AUTO] * 4
    async with world.database.transaction() as session:
        assert aside.subject not in [one.subject for one in await set_aside.listed(session)]
