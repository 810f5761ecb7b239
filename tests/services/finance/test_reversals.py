"""A wrong decision on a break is reversed by two: what it posted goes back by a posting that names it, and the break is open again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from database.clock_invariant import untrue_clocks
from database.invariants.base import Look
from database.invariants.sources import SourcesAgree
from database.repositories import day_figures
from database.tables.finance.ledger import LedgerTransactionRow, PeriodRow
from database.tables.finance.statements import BreakRow, ExpectationRow, ReconciledDayRow
from database.tables.finance.suspense import ReversalRow
from database.tables.work import WorkItemRow
from domain.errors.finance import NotReversible, ReversalDayClosed, ReversalOver, ReversalWaits
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.finance.breaks import Against, BreakState, Choice, Verb
from domain.finance.periods import month_of
from domain.finance.reversals import ReversalOf
from domain.finance.statements import LineState
from domain.places import business_day
from domain.rules.reconciliation import reconciliation_in_force
from services.finance.reversals import Reversals
from tests.builders.own_world import own_world
from tests.builders.reconciling import WECHAT, FinanceDesk
from tests.builders.world import World

world = own_world("reversals")
BREAK = ReversalOf.BREAK


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


def reversals(desk: FinanceDesk) -> Reversals:
    return Reversals(desk.world.database, desk.world.keyring, desk.clock)


async def decided(desk: FinanceDesk, world: World, row: BreakRow, choice: Choice) -> BreakRow:
    """The break as a person, and a second one where it needs one, decided it."""
    first, second = await world.a_person("finance"), await world.a_person("finance")
    await desk.taken(first, row)
    if (await desk.breaks.decide(first, row.id, choice)).second:
        await desk.breaks.agree(second, row.id)
    return await desk.again(row)


async def taken_back(desk: FinanceDesk, world: World, row: BreakRow) -> ReversalRow:
    asked = await reversals(desk).ask(await world.a_person("finance"), BREAK, row.id, "The wrong account.")
    await reversals(desk).agree(await world.a_person("finance"), asked)
    (found,) = await world.rows(ReversalRow, id=asked)
    assert isinstance(found, ReversalRow)
    return found


async def unexplained(desk: FinanceDesk) -> int:
    """What nothing explains of the day (other tests have bills of it), once each posting is found to have its source."""
    async with desk.world.database.transaction() as session:
        rules = reconciliation_in_force(business_day(desk.clock())).sources[WECHAT]
        found = await day_figures.figures(session, WECHAT, desk.today, rules, desk.clock())
        wrong = await SourcesAgree().broken(session, Look(most=100_000))
        assert await untrue_clocks(session) == []
    assert [line for line in wrong if line.startswith(("line:", "break:"))] == []
    return found.unexplained_minor or 0


async def test_what_was_created_is_reversed_by_name_and_the_break_decided_otherwise(
    desk: FinanceDesk, world: World
) -> None:
    row = await desk.imported(desk.bill([desk.moved("", 50_00, kind="充值")]), day=desk.today)
    (found,) = await desk.breaks_of(row)
    nothing = await unexplained(desk)
    cash, suspense, capital = [await desk.balance(code) for code in ("cash:wechat", "suspense:wechat", "capital")]
    closed = await decided(desk, world, found, Choice(Verb.CREATE, "unexplained", Against.SUSPENSE, note="Unknown."))
    kept = await taken_back(desk, world, closed)
    assert (kept.decided["verb"], kept.decided["posted_key"], kept.decided["note"]) == (
        "create", closed.posted_key, "Unknown.",
    )  # fmt: skip
    (before,) = await world.rows(LedgerTransactionRow, key=closed.posted_key)
    (back,) = await world.rows(LedgerTransactionRow, key=kept.posted_key)
    assert (back.reverses, back.cause) == (before.id, before.cause)
    assert [await desk.balance(code) for code in ("cash:wechat", "suspense:wechat")] == [cash, suspense]
    again = await desk.again(found)
    assert (again.state, again.verb, again.decided_by, again.posted_key) == (BreakState.OPEN, None, None, "")
    assert [line.state for line in await desk.lines(row)] == [LineState.OPEN]
    (task,) = await world.rows(WorkItemRow, id=again.task_id)
    assert (task.closed_at, task.leased_by, task.came_back) == (None, None, "reversed")
    await desk.matching.run(WECHAT)
    assert (await desk.again(found)).state is BreakState.OPEN  # The reversed posting is not what the line belongs to.
    assert await unexplained(desk) == nothing
    closed = await decided(desk, world, found, Choice(Verb.CREATE, "own_funds", Against.CAPITAL))
    assert closed.state is BreakState.CLOSED
    assert [await desk.balance(code) for code in ("cash:wechat", "suspense:wechat", "capital")] == [
        cash + 50_00, suspense, capital - 50_00,
    ]  # fmt: skip
    assert await unexplained(desk) == nothing
    await taken_back(desk, world, closed)  # Once more: each decision has postings of its own.
    assert await desk.balance("cash:wechat") == cash
    assert await unexplained(desk) == nothing


async def test_a_taken_amount_is_reversed_with_its_link(desk: FinanceDesk, world: World) -> None:
    key = await desk.paid(500_00)
    row = await desk.imported(desk.bill([desk.moved(key, -300_00)]), day=desk.today)
    (found,) = await desk.breaks_of(row)
    nothing, before = await unexplained(desk), await desk.balance("cash:wechat")
    closed = await decided(desk, world, found, Choice(Verb.EDIT, "wrong_amount", Against.WRITE_OFF))
    assert await desk.balance("cash:wechat") == before + 200_00
    await taken_back(desk, world, closed)
    again = await desk.again(found)
    assert (await desk.balance("cash:wechat"), again.state, again.difference_minor) == (
        before, BreakState.OPEN, found.difference_minor,
    )  # fmt: skip
    (line,) = await desk.lines(row)
    assert (line.state, line.entry_id) == (LineState.OPEN, None)
    assert await unexplained(desk) == nothing
    await decided(desk, world, found, Choice(Verb.EDIT, "wrong_amount", Against.SUSPENSE))
    assert await desk.balance("cash:wechat") == before + 200_00


async def test_what_was_ignored_counts_as_open_again(desk: FinanceDesk, world: World) -> None:
    key = await desk.paid(33_00)
    row = await desk.reconciled([desk.moved("", -5_00)])
    (there,), (here,) = await desk.break_of_key(key), await desk.breaks_of(row)
    nothing = await unexplained(desk)
    for one in (there, here):
        closed = await decided(desk, world, one, Choice(Verb.IGNORE, "unexplained"))
        kept = await taken_back(desk, world, closed)
        assert (kept.posted_key, kept.decided["verb"]) == ("", "ignore")
        assert (await desk.again(one)).state is BreakState.OPEN
    assert [line.state for line in await desk.lines(row)] == [LineState.OPEN]
    (entry,) = await world.rows(ExpectationRow, entry_id=there.entry_id)
    assert entry.break_id is None
    assert await unexplained(desk) == nothing


async def test_a_forced_match_is_reversed_and_both_its_breaks_are_open_again(desk: FinanceDesk, world: World) -> None:
    key = await desk.paid(20_00)
    row = await desk.reconciled([desk.moved("", -20_01)])
    (there,), (here,) = await desk.break_of_key(key), await desk.breaks_of(row)
    nothing = await unexplained(desk)
    choice = Choice(Verb.REPLACE_LINK, "wrong_link", Against.ROUNDING, str(there.entry_id))
    closed = await decided(desk, world, here, choice)
    await desk.matching.run(WECHAT)
    assert (await desk.again(there)).verb is Verb.FOUND
    before = await desk.balance("rounding")
    await taken_back(desk, world, closed)
    assert await desk.balance("rounding") == before - 1
    assert [(await desk.again(one)).state for one in (here, there)] == [BreakState.OPEN, BreakState.OPEN]
    assert await unexplained(desk) == nothing
    # From the other side: what our books have is linked to the line, and back.
    line = here.line_id or ""
    closed = await decided(desk, world, there, Choice(Verb.REPLACE_LINK, "wrong_link", Against.ROUNDING, line))
    await desk.matching.run(WECHAT)
    assert (await desk.again(here)).verb is Verb.FOUND
    with pytest.raises(NotReversible) as why:  # It ended by itself.
        await reversals(desk).ask(await world.a_person("finance"), BREAK, here.id, "Why?")
    assert why.value.data == {"what": "automatic"}
    await taken_back(desk, world, closed)
    await desk.matching.run(WECHAT)
    (again,) = await desk.breaks_of(row)
    assert (again.line_id, (await desk.again(there)).state) == (line, BreakState.OPEN)
    assert await unexplained(desk) == nothing


async def test_two_independent_people_reverse_and_one_request_waits_at_a_time(desk: FinanceDesk, world: World) -> None:
    row = await desk.imported(desk.bill([desk.moved("", 7_00)]), day=desk.today)
    (found,) = await desk.breaks_of(row)
    nothing = await unexplained(desk)
    first, second, acts = await world.a_person("finance"), await world.a_person("finance"), reversals(desk)
    with pytest.raises(NotReversible):
        await acts.ask(first, BREAK, found.id, "Nothing was decided.")
    closed = await decided(desk, world, found, Choice(Verb.CREATE, "own_funds", Against.CAPITAL))
    with pytest.raises(NotAllowed):
        await acts.ask(await world.a_person("support"), BREAK, found.id, "I may not.")
    with pytest.raises(FieldInvalid):
        await acts.ask(first, BREAK, found.id, " ")
    with pytest.raises(NotFound):
        await acts.ask(first, BREAK, "nobody", "There is none.")
    asked = await acts.ask(first, BREAK, found.id, "Not ours.")
    with pytest.raises(ReversalWaits):
        await acts.ask(second, BREAK, found.id, "Not ours either.")
    with pytest.raises(OwnWork):
        await acts.agree(first, asked)
    await acts.decline(second, asked)
    with pytest.raises(ReversalOver):
        await acts.agree(second, asked)
    assert (await desk.again(found)).posted_key == closed.posted_key
    asked = await acts.ask(first, BREAK, found.id, "Not ours after all.")
    for _ in range(2):
        await acts.agree(second, asked)
    with pytest.raises(ReversalOver):
        await acts.agree(await world.a_person("finance"), asked)
    assert await unexplained(desk) == nothing


async def test_a_reversal_counts_for_an_open_day_and_the_refusal_names_it(desk: FinanceDesk, world: World) -> None:
    early = desk.today - timedelta(days=40)
    row = await desk.imported(desk.bill([desk.moved("", 8_00, day=early)]), day=early)
    (found,) = await desk.breaks_of(row)
    await decided(desk, world, found, Choice(Verb.CREATE, "own_funds", Against.CAPITAL))
    first, second, acts = await world.a_person("finance"), await world.a_person("finance"), reversals(desk)
    shut = ReconciledDayRow(
        source=WECHAT, day=early, asked_by=first, statement_minor=0, books_minor=0, breaks=0, open_minor=0,
        unexplained_minor=0, policy_version="1", closed_at=desk.clock(),
    )  # fmt: skip
    async with world.database.transaction() as session:
        session.add(shut)
    with pytest.raises(ReversalDayClosed) as closed:
        await acts.ask(first, BREAK, found.id, "Not ours.", early)
    assert closed.value.data == {"day": early.isoformat(), "open": (early + timedelta(days=1)).isoformat()}
    for day in (early - timedelta(days=1), business_day(desk.clock()) + timedelta(days=1)):
        with pytest.raises(FieldInvalid):
            await acts.ask(first, BREAK, found.id, "Not ours.", day)
    asked = await acts.ask(first, BREAK, found.id, "Not ours.")
    async with world.database.transaction() as session:
        session.add(PeriodRow(month=month_of(early), closed_by=first, agreed_by=second, closed_at=desk.clock()))
    with pytest.raises(ReversalDayClosed) as closed:  # The month was closed meanwhile.
        await acts.agree(second, asked)
    await acts.decline(second, asked)
    asked = await acts.ask(first, BREAK, found.id, "Not ours.")
    await acts.agree(second, asked)
    async with world.database.transaction() as session:
        (kept,) = (await session.execute(select(ReversalRow).where(ReversalRow.id == asked))).scalars()
        back = select(LedgerTransactionRow).where(LedgerTransactionRow.key == kept.posted_key)
        posted = (await session.execute(back)).scalar_one()
        assert posted.effective_on == kept.counts_for
        assert month_of(kept.counts_for) > month_of(early)
        assert closed.value.data["open"] == kept.counts_for.isoformat()
        await session.execute(delete(ReconciledDayRow))
