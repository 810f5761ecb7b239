"""A bill of WeChat Pay shows a transfer as gone before its receiver confirms it: it proves nothing, and what comes back cancels out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import update

from bootstrap.reconciling import Order, asked_of_listed, payment_differences
from database.repositories.day_figures import figures
from database.tables.finance.payout import PayoutRow
from database.tables.finance.statements import BreakRow
from domain.finance.breaks import Verb
from domain.finance.payout import RETURNED, ListedPayment, PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.finance.statements import LineKind, LineState
from domain.identifiers import bill_number
from domain.money import Money
from domain.places import BUSINESS_ZONE
from domain.rules.reconciliation import reconciliation_in_force
from simulators.bills import Movement
from tests.builders.own_world import own_world
from tests.builders.rail_acts import books_fault, owed, waits
from tests.builders.rails import Rails, rails_of
from tests.builders.reconciling import ALIPAY, WECHAT, FinanceDesk
from tests.builders.world import World
from tests.gateways.partners import eventually

world = own_world("bills_not_final")


@pytest_asyncio.fixture(loop_scope="session")
async def rails(world: World, tmp_path: Path) -> AsyncIterator[Rails]:
    await world.calm()
    async with rails_of(world, tmp_path / "wechat") as made:
        yield made


async def waiting(rails: Rails) -> tuple[str, str, int]:
    """A transfer that its receiver has not confirmed: card, key and fen."""
    card, key = await rails.a_prepared(Rail.WECHAT)
    await rails.payout.send(key)
    await waits(rails, card)
    return card, key, (await rails.order(key)).amount_minor


def moved(key: str, minor: int, *, days: int = 0, kind: str = "") -> Movement:
    """A line of the bill as WeChat Pay's own fund bill has it."""
    noon = datetime.combine(datetime.now(BUSINESS_ZONE).date(), time(12), BUSINESS_ZONE).astimezone(UTC)
    number = bill_number(key)
    at = noon + timedelta(days=days)
    return Movement(
        at, f"{at:%d}{minor > 0:d}{number[-20:]}", number, minor, kind or ("商家转账退回" if minor > 0 else "商家转账")
    )


async def over(rails: Rails, key: str) -> None:
    """The receiver's day passes, and the gateway says that the transfer is over."""
    await rails.press(key, "expire")
    await eventually(lambda: rails.made(key), lambda found: found[0]["state"] == "FAIL")
    assert (await rails.payout.reconcile(key)).outcome is PayoutOutcome.REFUSED
    await rails.payout.conclude(key)


async def test_statement_line_does_not_settle_a_transfer_awaiting_its_receiver(rails: Rails) -> None:
    desk = FinanceDesk(rails.world)
    card, key, minor = await waiting(rails)
    bill = await desk.imported(desk.bill([moved(key, -minor)]), day=desk.today)
    order = await rails.order(key)
    assert (order.state, order.answered) == (PayoutState.UNKNOWN, None)
    assert await desk.breaks_of(bill) == []  # It is not over: there is nothing to decide.
    await over(rails, key)
    await desk.matching.run(WECHAT)
    assert await desk.breaks_of(bill) == []  # Its money is on its way back.
    assert await owed(rails, card) == minor
    back = await desk.imported(
        desk.bill([moved(key, minor, days=1)], opening=-minor), day=desk.today + timedelta(days=1)
    )
    lines = [*await desk.lines(bill), *await desk.lines(back)]
    assert [one.state for one in lines] == [LineState.IGNORED, LineState.IGNORED]
    assert [one.kind for one in lines] == [LineKind.TRANSFER, LineKind.RETURNED]
    assert await desk.breaks_of(bill) + await desk.breaks_of(back) == []
    rules = reconciliation_in_force(desk.today).sources[WECHAT]
    async with rails.world.database.transaction() as session:
        days = [
            await figures(session, WECHAT, desk.today + timedelta(days=after), rules, desk.clock()) for after in (0, 1)
        ]
    assert [(one.ignored_minor, one.unexplained_minor) for one in days] == [(-minor, 0), (0, 0)]
    assert (await rails.order(key)).state is PayoutState.REFUSED
    assert await books_fault(rails, "I1", "I2", "I4") == []


async def test_a_transfer_that_is_confirmed_later_is_matched_with_its_line(rails: Rails) -> None:
    desk = FinanceDesk(rails.world)
    _, key, minor = await waiting(rails)
    bill = await desk.imported(desk.bill([moved(key, -minor)]) + b"\r\n", day=desk.today)
    await rails.press(key, "confirm")
    assert (await rails.payout.reconcile(key)).outcome is PayoutOutcome.PAID
    await rails.payout.conclude(key)
    await desk.matching.run(WECHAT)
    assert [one.state for one in await desk.lines(bill)] == [LineState.AUTO]


@pytest.mark.parametrize("kind", ["商家转账退回", "撤销返还"])
async def test_incoming_line_with_an_order_number_is_a_return(rails: Rails, kind: str) -> None:
    desk = FinanceDesk(rails.world)
    _, key, minor = await waiting(rails)
    await over(rails, key)
    both = [moved(key, -minor), moved(key, minor, kind=kind)]
    bill = await desk.imported(desk.bill(both), day=desk.today)
    assert [one.state for one in await desk.lines(bill)] == [LineState.IGNORED, LineState.IGNORED]
    closed = await rails.world.rows(BreakRow, account=(await desk.lines(bill))[0].account, verb=Verb.IGNORE)
    assert {minor, -minor} <= {one.difference_minor for one in closed}
    assert {one.decided_by for one in closed} == {None}


async def test_payment_and_its_return_cancel_out(rails: Rails) -> None:
    """Alipay returns what it could not pay while our order is unknown."""
    desk = FinanceDesk(rails.world)
    card, key = await rails.a_prepared(Rail.ALIPAY)
    minor = (await rails.order(key)).amount_minor
    async with rails.world.database.transaction() as session:
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(state=PayoutState.UNKNOWN))
    lines = [desk.moved(key, -minor), desk.moved(key, minor, kind="转账退款")]
    bill = await desk.imported(desk.bill(lines, ALIPAY), day=desk.today)
    assert (await rails.order(key)).answered is None
    async with rails.world.database.transaction() as session:
        values = {"answered": PayoutOutcome.REFUSED, "refusal_code": RETURNED}
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(**values))
    await rails.payout.conclude(key)
    await desk.matching.run(ALIPAY)
    assert [one.state for one in await desk.lines(bill)] == [LineState.IGNORED, LineState.IGNORED]
    assert await desk.breaks_of(bill) == []
    assert await owed(rails, card) == minor


async def test_transfer_is_adopted_only_by_the_gateway_answer(rails: Rails) -> None:
    _, key, minor = await waiting(rails)
    gateway, listed = rails.gateways[Rail.WECHAT], ListedPayment(key, Money(minor), "B1")
    assert (await asked_of_listed(gateway, listed)).outcome is PayoutOutcome.UNKNOWN
    await rails.press(key, "confirm")
    said = await asked_of_listed(gateway, listed)
    assert (said.outcome, said.amount) == (PayoutOutcome.PAID, Money(minor))


def test_pending_or_returned_transfer_is_not_a_difference() -> None:
    now = datetime.now(UTC)
    before, listed = now - timedelta(hours=20), [ListedPayment("k", Money(100), "B1")]

    def found(**values: object) -> list[str]:
        order = {
            "state": "unknown",
            "amount_minor": 100,
            "prepared_at": before,
            "settled_at": None,
            "rail": Rail.WECHAT,
        }
        return payment_differences({"k": Order(**(order | values))}, listed, before, now)  # type: ignore[arg-type]

    assert found(to_confirm=True) == []
    assert found(state="refused", settled_at=now) == []
    assert len(found()) == len(found(state="refused", settled_at=now - timedelta(days=9))) == 1
    assert len(found(state="refused", settled_at=now, rail=Rail.ALIPAY)) == 1
