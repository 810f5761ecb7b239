"""The ledger's promises: signs, balances of any age and moment, holds, reversals, and months that stay closed."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from beancount.core.data import Transaction
from beancount.loader import load_string
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from database.reads.finance.books import statement, trial_balance
from database.repositories import checkpoints, holds, ledger
from database.session import Database
from database.tables.columns import now
from database.tables.finance.ledger import AccountRow, BalanceCheckpointRow, EntryRow, LedgerTransactionRow
from domain.errors.finance import ClosingOver, ClosingWaits, PeriodClosed, PeriodNotOver
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.finance.chart import account
from domain.finance.ledger import Posting, Postings, cash, issuer_cost, owed, payout_paid, payout_prepared
from domain.finance.periods import first_day, month_of, next_month
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.places import business_day
from services.finance.books_export import HEADER, as_beancount, as_csv, lines_of
from services.finance.periods import Periods
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
PRICE = Money(465_00)


def a_seller() -> str:
    return f"seller:{new_id()}"


async def bought(database: Database, owner: str, amount: Money = PRICE, **more: object) -> str:
    key = new_id()
    async with database.transaction() as session:
        await ledger.post(session, key, None, "owed", owed(owner, amount), **more)  # type: ignore[arg-type]
    return key


async def stands(database: Database, code: str) -> int:
    async with database.transaction() as session:
        return (await ledger.balance(session, code)).amount_minor


async def test_the_database_refuses_to_pay_more_than_is_owed(database: Database) -> None:
    owner = a_seller()
    await bought(database, owner)
    with pytest.raises(DBAPIError, match="may only have a credit balance"):
        async with database.transaction() as session:
            await ledger.post(
                session, new_id(), None, "payout_prepared", payout_prepared(owner, PRICE + Money(1), Rail.ALIPAY)
            )
    assert await stands(database, f"seller_payable:{owner}") == -46_500


async def test_two_payouts_at_once_cannot_both_use_one_debt(database: Database) -> None:
    owner = a_seller()
    await bought(database, owner)

    async def pay() -> bool:
        try:
            async with database.transaction() as session:
                await ledger.post(
                    session, new_id(), None, "payout_prepared", payout_prepared(owner, PRICE, Rail.ALIPAY)
                )
        except DBAPIError:
            return False
        return True

    assert sorted(await asyncio.gather(*(pay() for _ in range(6)))) == [False] * 5 + [True]


async def test_a_hold_lowers_what_is_available_and_is_posted_once(database: Database) -> None:
    owner, key, later = a_seller(), new_id(), now() + timedelta(hours=1)
    payable = account("seller_payable", owner)
    await bought(database, owner)
    async with database.transaction() as session:
        assert await holds.reserve(session, key, payable, PRICE, later, "payout:1")
        assert not await holds.reserve(session, key, payable, PRICE, later, "payout:1")
    with pytest.raises(DBAPIError, match="465"):
        async with database.transaction() as session:
            await holds.reserve(session, new_id(), payable, Money(1), later)
    lines: Postings = (Posting(payable, PRICE), Posting(cash(Rail.ALIPAY), -PRICE))
    async with database.transaction() as session:
        assert await holds.post(session, key, f"{key}:paid", "payout_paid", lines)
        assert not await holds.post(session, key, f"{key}:paid", "payout_paid", lines)
    with pytest.raises(holds.HoldEnded):
        async with database.transaction() as session:
            await holds.void(session, key)
    assert await stands(database, payable.code) == 0


async def test_unposted_hold_expires_and_an_ended_one_never_changes(database: Database) -> None:
    owner, key = a_seller(), new_id()
    payable = account("seller_payable", owner)
    await bought(database, owner)
    async with database.transaction() as session:
        await holds.reserve(session, key, payable, PRICE, now() - timedelta(seconds=1))
    async with database.transaction() as session:
        assert await holds.expire(session, 1000) >= 1
        assert (await holds.held(session, payable, PRICE)).amount_minor == 0
        assert not await holds.void(session, key)
    for change in ("state = 'held'", "amount_minor = 1"):
        with pytest.raises(DBAPIError, match="never changes"):
            async with database.transaction() as session:
                await session.execute(text(f"UPDATE ledger_hold SET {change} WHERE key = :key"), {"key": key})  # noqa: S608


async def test_a_reversal_names_what_it_takes_back_and_is_made_once(database: Database) -> None:
    owner, today = a_seller(), business_day(now())
    key = await bought(database, owner)
    async with database.transaction() as session:
        assert await ledger.reverse(session, f"{key}:back", key, "owed_reversed", happened_on=today)
        assert not await ledger.reverse(session, f"{key}:back", key, "owed_reversed", happened_on=today)
    assert await stands(database, f"seller_payable:{owner}") == 0
    for other in (key, f"{key}:back", "no such key"):
        with pytest.raises(ledger.NotReversible):
            async with database.transaction() as session:
                await ledger.reverse(session, new_id(), other, "owed_reversed", happened_on=today)
    async with database.transaction() as session:
        (line, _) = await statement(session, f"seller_payable:{owner}")
    assert line.reverses == key


async def test_a_balance_is_the_same_with_and_without_checkpoints_at_every_past_moment(database: Database) -> None:
    owner, moments, total = a_seller(), [], 0
    code = f"seller_payable:{owner}"
    for number in range(1, 13):
        await bought(database, owner, Money(number))
        total -= number
        moments.append((now(), total))
        if number % 4 == 0:
            await checkpointed(database)
    async with database.transaction() as session:
        made = select(BalanceCheckpointRow.balance_minor).join(AccountRow).where(AccountRow.code == code)
        assert sorted((await session.execute(made)).scalars(), reverse=True) == [-10, -36, -78]
        for moment, balance in moments:
            assert (await ledger.balance_at(session, code, moment)).amount_minor == balance
        assert (await ledger.balance(session, code)).amount_minor == total
        assert (await ledger.balance_at(session, code, moments[0][0] - timedelta(days=1))).amount_minor == 0


async def checkpointed(database: Database) -> None:
    async with database.transaction() as session:
        one = await checkpoints.mark(session)
    while True:
        async with database.transaction() as session:
            if await checkpoints.settled(session, one):
                await checkpoints.write(session, 0, one, least=1)
                return
        await asyncio.sleep(0.05)


async def test_no_checkpoint_is_written_past_a_posting_that_has_not_committed(database: Database) -> None:
    owner = a_seller()
    await bought(database, owner, Money(5))
    async with database.transaction() as slow:
        await ledger.post(slow, new_id(), None, "owed", owed(owner, Money(7)))
        await bought(database, owner, Money(11))  # Commits before the slow one, with higher ids.
        async with database.transaction() as session:
            one = await checkpoints.mark(session)
        async with database.transaction() as session:
            assert not await checkpoints.settled(session, one)
    await checkpointed(database)
    assert await stands(database, f"seller_payable:{owner}") == -23


async def test_eight_at_once_on_one_account_lose_nothing_while_checkpoints_are_written(database: Database) -> None:
    owner = a_seller()
    await asyncio.gather(
        *(bought(database, owner, Money(3)) for _ in range(24)), *(checkpointed(database) for _ in range(3))
    )
    assert await stands(database, f"seller_payable:{owner}") == -72


async def test_closed_month_takes_no_posting_and_late_facts_go_to_the_open_one(world: World) -> None:
    database, owner = world.database, a_seller()
    today = business_day(now())
    finance, second = await world.a_person("finance"), await world.a_person("finance")
    periods, last = Periods(database), month_of(first_day(month_of(today)) - timedelta(days=1))
    with pytest.raises(NotAllowed):
        await periods.ask(await world.a_person("support"), last)
    with pytest.raises(PeriodNotOver):
        await periods.ask(finance, month_of(today))
    with pytest.raises(FieldInvalid):
        await periods.ask(finance, "2026-13")
    withdrawn = await periods.ask(finance, last)
    with pytest.raises(ClosingWaits):
        await periods.ask(second, last)
    await periods.withdraw(second, withdrawn)
    with pytest.raises(ClosingOver):
        await periods.agree(second, withdrawn)
    closing = await periods.ask(finance, last)
    with pytest.raises(OwnWork):
        await periods.agree(finance, closing)
    happened_on = first_day(last)
    await bought(database, owner, Money(100), happened_on=happened_on)
    third = await world.a_person("finance")
    answers = await asyncio.gather(
        *(periods.agree(one, closing) for one in (second, second, third)), return_exceptions=True
    )
    assert sorted(str(type(one).__name__) for one in answers) in (
        ["NoneType", "NoneType", "PeriodClosed"], ["NoneType", "PeriodClosed", "PeriodClosed"],
    )  # fmt: skip  # Of two people who agree at once one closes it; the same person twice changes nothing.
    for late in (periods.ask(finance, last), periods.withdraw(finance, closing)):
        with pytest.raises(PeriodClosed):
            await late
    key = await bought(database, owner, Money(50), happened_on=happened_on)
    async with database.transaction() as session:
        row = (await session.execute(select(LedgerTransactionRow).filter_by(key=key))).scalar_one()
        before = {
            one.code: one.balance_minor
            for one in await trial_balance(session, first_day(next_month(last)) - timedelta(days=1))
        }
        after = {one.code: one.balance_minor for one in await trial_balance(session, today)}
    assert (month_of(row.effective_on), row.late_for) == (month_of(today), happened_on)
    code = f"seller_payable:{owner}"
    assert (before[code], after[code]) == (-100, -150)
    with pytest.raises(DBAPIError, match="are closed"):
        async with database.transaction() as session:
            session.add(LedgerTransactionRow(key=new_id(), what="owed", effective_on=happened_on))
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.transaction() as session:
            await session.execute(text("UPDATE ledger_period SET closed_by = 'x'"))


async def test_the_trial_balance_sums_to_nothing_and_agrees_with_every_account(database: Database) -> None:
    await bought(database, a_seller())
    async with database.transaction() as session:
        lines = await trial_balance(session, business_day(now()))
        assert lines
        for currency in Currency:
            assert sum(one.balance_minor for one in lines if one.currency is currency) == 0
        for one in lines[:50]:
            assert (await ledger.balance(session, one.code, one.currency)).amount_minor == one.balance_minor


async def test_the_journal_leaves_as_csv_and_as_text_that_beancount_accepts(database: Database) -> None:
    owner, today = a_seller(), business_day(now())
    key = await bought(database, owner)
    async with database.transaction() as session:
        await ledger.post(session, f"{key}:p", None, "payout_prepared", payout_prepared(owner, PRICE, Rail.ALIPAY))
        await ledger.post(session, f"{key}:d", None, "payout_paid", payout_paid(PRICE, Rail.ALIPAY), cause='ticket:"1"')
        await ledger.post(session, f"{key}:c", None, "issuer_cost", issuer_cost(Money(10)))
    many = len([one async for one in lines_of(database, today, today)])
    table = "".join([one async for one in as_csv(lines_of(database, today, today))]).splitlines()
    books = "".join([one async for one in as_beancount(lines_of(database, today, today), today)])
    assert (table[0], len(table)) == (",".join(HEADER), many + 1)
    entries, errors, _ = load_string(books)
    assert errors == []
    assert sum(len(one.postings) for one in entries if isinstance(one, Transaction)) == many


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=st.lists(st.integers(1, 10**12), min_size=1, max_size=6))
async def test_entries_of_any_size_are_kept_to_the_last_unit(database: Database, amounts: list[int]) -> None:
    owner = a_seller()
    for amount in amounts:
        await bought(database, owner, Money(amount))
    assert await stands(database, f"seller_payable:{owner}") == -sum(amounts)
    async with database.transaction() as session:
        kept = select(EntryRow.amount_minor).join(AccountRow).where(AccountRow.code == f"seller_payable:{owner}")
        assert sorted((await session.execute(kept)).scalars()) == sorted(-one for one in amounts)
