"""Bills are fetched once a day; a day without one is empty only when it is long over and our books expect nothing of it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import day_closes
from database.repositories import expectations
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.finance.statements import ReconciledDayRow, StatementRow
from domain.errors.finance import DayNotReady
from domain.finance.payout import PayoutState
from domain.finance.statements import StatementSource, StatementState
from domain.identifiers import new_id
from domain.money import Money
from domain.places import BUSINESS_ZONE
from gateways.errors import BillAbsent, GatewayUnavailable
from jobs.reconciliation import BillFetcher, Reconciler
from services.finance.daily_close import DailyClose
from services.finance.matching import Matching
from tests.builders.own_world import own_world
from tests.builders.reconciling import ALIPAY, WECHAT, FinanceDesk
from tests.builders.world import World

world = own_world("bills")
ABSENT, LATE = BillAbsent("alipay", "isp.bill_not_exist"), GatewayUnavailable("alipay", "untrusted")


@dataclass
class Bills:
    """A provider that gives these bills, and fails otherwise; `asked` are the days that it was asked for."""

    given: dict[date, bytes] = field(default_factory=dict)
    otherwise: Exception | None = ABSENT
    asked: list[date] = field(default_factory=list)

    async def bill(self, day: date) -> bytes:
        """Return the file of a day. Raises `otherwise`."""
        self.asked.append(day)
        if day not in self.given and self.otherwise is not None:
            raise self.otherwise
        return self.given.get(day, b"")


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


def at(day: date, hour: int = 11) -> datetime:
    return datetime.combine(day, time(hour), BUSINESS_ZONE)


async def looked(desk: FinanceDesk, bills: Bills, moment: datetime, source: StatementSource = ALIPAY) -> int:
    """Fetch what is due, and import what came."""
    count = await BillFetcher(desk.world.database, desk.world.keyring, {source: bills}, lambda: moment).look()
    while await Reconciler(desk.world.database, desk.world.keyring, now=lambda: moment).look():
        pass
    return count


async def covered(desk: FinanceDesk, source: StatementSource = ALIPAY) -> list[tuple[date | None, str]]:
    """The days that have a statement, with the names of their files."""
    wanted = (StatementRow.source == source, StatementRow.state == StatementState.IMPORTED)
    found = select(StatementRow.first_day, StatementRow.file_name).where(*wanted).order_by(StatementRow.first_day)
    async with desk.world.database.transaction() as session:
        return [(row[0], row[1]) for row in await session.execute(found)]


async def test_a_bill_is_fetched_after_ten_and_asked_for_once(desk: FinanceDesk) -> None:
    day = desk.today + timedelta(days=100)
    bills = Bills({day: desk.bill([desk.moved("", -5_00, day=day)], ALIPAY, day=day)}, LATE)
    assert await looked(desk, bills, at(day + timedelta(days=1), 9)) == 0
    assert bills.asked == []
    assert await looked(desk, bills, at(day + timedelta(days=1))) == 1
    assert (day, f"alipay-{day:%Y%m%d}") in await covered(desk)
    bills.asked.clear()
    assert await looked(desk, bills, at(day + timedelta(days=1), 12)) == 0
    assert day not in bills.asked


async def test_an_empty_day_of_wechat_pay_is_a_statement_at_once(desk: FinanceDesk) -> None:
    day = desk.today + timedelta(days=200)
    assert await looked(desk, Bills(otherwise=None), at(day + timedelta(days=1)), WECHAT) == 3
    assert (day, "–") in await covered(desk, WECHAT)


async def test_a_day_without_a_bill_is_empty_after_two_days_and_later_days_close(
    desk: FinanceDesk, world: World
) -> None:
    first = desk.today + timedelta(days=300)
    quiet, last = first + timedelta(days=1), first + timedelta(days=2)
    bills = Bills({
        first: desk.bill([], ALIPAY, day=first), last: desk.bill([desk.moved("", 1_00, day=last)], ALIPAY, day=last),
    })  # fmt: skip
    await looked(desk, bills, at(first + timedelta(days=1)))
    await looked(desk, bills, at(quiet + timedelta(days=2)))
    assert quiet not in [day for day, _ in await covered(desk)]  # It may only be late.
    await looked(desk, bills, at(quiet + timedelta(days=3)))
    assert [one for one in await covered(desk) if one[0] is not None and one[0] >= quiet] == [
        (quiet, "–"), (last, f"alipay-{last:%Y%m%d}"),
    ]  # fmt: skip
    person = await world.a_person("finance")
    daily = DailyClose(world.database, lambda: at(last + timedelta(days=1)))
    async with world.database.transaction() as session:  # The day before it is closed.
        session.add(ReconciledDayRow(
            source=ALIPAY, day=first, asked_by=person, closed_at=at(quiet), statement_minor=0, books_minor=0, breaks=0,
            open_minor=0, unexplained_minor=0, policy_version="1",
        ))  # fmt: skip
    await daily.close(person, ALIPAY, quiet)
    async with world.database.transaction() as session:
        assert await session.get(ReconciledDayRow, (ALIPAY, quiet)) is not None


async def test_a_day_that_our_books_expect_something_of_stays_outstanding_and_is_asked_for_longer(
    desk: FinanceDesk, world: World
) -> None:
    await desk.imported(desk.bill([], ALIPAY, day=desk.today - timedelta(days=1)))
    await desk.paid(12_34, ALIPAY)
    await desk.paid(1_00, ALIPAY)
    bills = Bills()
    for after in (3, 4, 20):
        bills.asked.clear()
        await looked(desk, bills, at(desk.today + timedelta(days=after)))
        assert desk.today in bills.asked, after
    assert desk.today not in [day for day, _ in await covered(desk)]
    async with world.database.transaction() as session:
        assert await day_closes.without_bill(session, ALIPAY, desk.today)
        assert not await day_closes.without_bill(session, ALIPAY, desk.today + timedelta(days=1))
        expected = await expectations.expected_on(session, ALIPAY, desk.today)
    assert (expected.count, expected.total) == (2, Money(-13_34))
    person = await world.a_person("finance")
    with pytest.raises(DayNotReady):
        await DailyClose(world.database, desk.clock).close(person, ALIPAY, desk.today)
    bills.given[desk.today] = desk.bill([], ALIPAY)
    await looked(desk, bills, at(desk.today + timedelta(days=21)))
    assert desk.today in [day for day, _ in await covered(desk)]


async def test_an_order_of_unknown_outcome_is_expected_on_the_day_of_its_sending(
    desk: FinanceDesk, world: World
) -> None:
    _, key = await world.a_prepared_payout()
    day = desk.today - timedelta(days=40)
    async with world.database.transaction() as session:
        sent = {"state": PayoutState.UNKNOWN, "tried_at": at(day)}
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(sent))
        row = await session.get_one(PayoutRow, key)
        expected = await expectations.expected_on(session, ALIPAY, day)
    assert (expected.count, expected.total) == (1, Money(-row.amount_minor))
    await looked(desk, Bills(), at(day + timedelta(days=3)))
    assert day not in [one for one, _ in await covered(desk)]


async def test_any_other_fault_is_no_empty_day(desk: FinanceDesk) -> None:
    day = desk.today + timedelta(days=400)
    assert await looked(desk, Bills(otherwise=LATE), at(day + timedelta(days=3))) == 0
    assert day not in [one for one, _ in await covered(desk)]


async def test_a_source_whose_matching_fails_stops_no_other(desk: FinanceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Matching.run_in

    async def failing(self: Matching, session: AsyncSession, source: StatementSource) -> int:
        if source is ALIPAY:
            raise ValueError("planted")
        return await whole(self, session, source)

    monkeypatch.setattr(Matching, "run_in", failing)
    desk.today -= timedelta(days=1)  # It is over by the clock by which work is set aside.
    first = await brought(desk, desk.bill([desk.moved("", -1_00)], ALIPAY))
    second = await brought(desk, desk.bill([desk.moved("", -2_00)]))
    later, reconciler = timedelta(), Reconciler(desk.world.database, desk.world.keyring, now=lambda: now() + later)
    for _ in range(12):
        await reconciler.look()
    assert [one.judged_at is None for one in (await row_of(desk, first), await row_of(desk, second))] == [True, False]
    monkeypatch.undo()
    later = timedelta(hours=2)
    while await reconciler.look():
        pass
    assert (await row_of(desk, first)).judged_at is not None


async def test_a_source_whose_matching_failed_is_matched_again_after_its_wait_and_without_news(
    desk: FinanceDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, whole, broken = 0, Matching.run, True

    async def counted(self: Matching, source: StatementSource) -> int:
        nonlocal asked
        asked += source is ALIPAY
        if source is ALIPAY and broken:
            raise ValueError("planted")
        return await whole(self, source)

    desk.today -= timedelta(days=1)
    await brought(desk, desk.bill([desk.moved("", -3_00)], ALIPAY))
    later, reconciler = timedelta(), Reconciler(desk.world.database, desk.world.keyring, now=lambda: now() + later)
    while await reconciler.look():
        pass
    monkeypatch.setattr(Matching, "run", counted)
    later = timedelta(minutes=-1)  # However slow the machine is, the first second is not over.
    # A new one looks at every source once.
    reconciler = Reconciler(desk.world.database, desk.world.keyring, now=lambda: now() + later)
    await reconciler.look()
    await reconciler.look()
    assert asked == 1, "it is set aside for a second"
    later, broken = timedelta(hours=2), False
    await reconciler.look()
    await reconciler.look()
    assert asked == 2, "matched again once, and not without end"


async def brought(desk: FinanceDesk, content: bytes) -> str:
    """Keep a file of today; return its id."""
    source = io.BytesIO(content)

    async def read(size: int) -> bytes:
        return source.read(size)

    return (await desk.statements.keep("machine:test", f"{new_id()}.csv", read, desk.today)).statement_id


async def row_of(desk: FinanceDesk, statement_id: str) -> StatementRow:
    async with desk.world.database.transaction() as session:
        return await session.get_one(StatementRow, statement_id)
