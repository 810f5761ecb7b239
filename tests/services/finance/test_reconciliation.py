"""Statements are imported whole or not at all, matched with our books, and what differs becomes work that people decide."""

from __future__ import annotations

from datetime import timedelta

import pytest

from database.repositories import ledger
from domain.errors.finance import BreakChanged, BreakOver, MoreThanOwed, VerbNotAllowed
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork, ReasonUnknown, TaskHeldByAnother
from domain.finance.breaks import Against, BreakKind, BreakState, Choice, Verb
from domain.finance.chart import account
from domain.finance.ledger import Posting
from domain.finance.statements import LineState, StatementState
from domain.identifiers import new_id
from domain.money import Money
from tests.builders.own_world import own_world
from tests.builders.reconciling import ALIPAY, BANK, WECHAT, FinanceDesk
from tests.builders.world import World

world = own_world("reconciliation")


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


@pytest.mark.parametrize("source", [ALIPAY, WECHAT, BANK])
async def test_a_line_with_the_key_and_amount_of_an_order_is_matched(desk: FinanceDesk, source: object) -> None:
    key = await desk.paid(465_00, source)  # type: ignore[arg-type]
    row = await desk.imported(desk.bill([desk.moved(key, -465_00)], source), day=desk.today)  # type: ignore[arg-type]
    assert (row.state, row.lines, row.matched, row.rejected) == (StatementState.IMPORTED, 1, 1, 0)
    assert [line.state for line in await desk.lines(row)] == [LineState.AUTO]
    assert await desk.breaks_of(row) == []


async def test_each_kind_of_difference_becomes_a_break_of_its_kind(desk: FinanceDesk) -> None:
    over, under, twice = [await desk.paid(100_00) for _ in range(3)]
    moved = [
        desk.moved("", -7_00), desk.moved(over, -100_10), desk.moved(under, -99_00), desk.moved(twice, -100_00),
        desk.moved(twice, -100_00), desk.moved("", -10, kind="手续费"),
    ]  # fmt: skip
    row = await desk.imported(desk.bill(moved), day=desk.today)
    found = await desk.breaks_of(row)
    assert [(one.kind, one.difference_minor) for one in found] == [
        (BreakKind.MISSING_HERE, -7_00), (BreakKind.AMOUNT_OVER, -10), (BreakKind.AMOUNT_UNDER, 1_00),
        (BreakKind.DUPLICATE, -100_00), (BreakKind.FEE_DIFFERENCE, -10),
    ]  # fmt: skip


async def test_what_no_statement_shows_in_time_is_missing_there(desk: FinanceDesk) -> None:
    early = await desk.paid(33_00, BANK)  # It has three days, and a bank of ours has sent no statement.
    await desk.imported(desk.bill([], BANK, opening=1))
    assert await desk.break_of_key(early) == []
    key = await desk.paid(33_00)
    await desk.reconciled([desk.moved("", -5_00)])
    (found,) = await desk.break_of_key(key)
    assert (found.kind, found.difference_minor) == (BreakKind.MISSING_THERE, 33_00)


async def test_a_later_line_closes_the_break_automatically(desk: FinanceDesk) -> None:
    key = await desk.paid(34_00)
    await desk.reconciled([desk.moved("", -6_00)])
    (found,) = await desk.break_of_key(key)
    late = desk.today + timedelta(days=1)
    await desk.imported(desk.bill([desk.moved(key, -34_00, day=late)]), day=late)
    closed = await desk.again(found)
    assert (closed.state, closed.verb) == (BreakState.CLOSED, Verb.FOUND)


async def test_money_that_our_books_lack_is_created_with_its_cause(desk: FinanceDesk, world: World) -> None:
    person = await world.a_person("finance")
    row = await desk.imported(desk.bill([desk.moved("", 50_00, kind="充值")]), day=desk.today)
    (found,) = await desk.breaks_of(row)
    found = await desk.taken(person, found)
    before = await desk.balance("cash:wechat")
    choice = Choice(Verb.CREATE, "own_funds", Against.CAPITAL)
    preview = await desk.breaks.preview(found.id, choice)
    assert [(one.code, one.posted.amount_minor) for one in preview.moves] == [
        ("cash:wechat", 50_00),
        ("capital", -50_00),
    ]
    await desk.breaks.decide(person, found.id, choice)
    assert await desk.balance("cash:wechat") == before + 50_00 == preview.moves[0].after.amount_minor
    assert [line.state for line in await desk.lines(row)] == [LineState.MANUAL]
    with pytest.raises(BreakOver):
        await desk.breaks.decide(person, found.id, choice)


async def test_a_payment_to_the_tax_office_settles_what_was_withheld_and_no_more(
    desk: FinanceDesk, world: World
) -> None:
    person = await world.a_person("finance")
    withheld = (Posting(account("suspense", "wechat"), Money(30_00)), Posting(account("tax_withheld"), Money(-30_00)))
    async with world.database.transaction() as session:
        await ledger.post(session, new_id(), None, "tax_withheld", withheld, cause="line:x")
    owed = await desk.balance("tax_withheld")
    row = await desk.imported(desk.bill([desk.moved("", -30_00), desk.moved("", owed - 1)]), day=desk.today)
    choice = Choice(Verb.CREATE, "unexplained", Against.TAX_WITHHELD)
    for found in sorted(await desk.breaks_of(row), key=lambda one: one.amount_minor):
        taken = await desk.taken(person, found)
        if taken.amount_minor == owed - 1:
            with pytest.raises(MoreThanOwed):
                await desk.breaks.preview(taken.id, choice)
            with pytest.raises(MoreThanOwed):
                await desk.breaks.decide(person, taken.id, choice)
        else:
            await desk.breaks.decide(person, taken.id, choice)
    assert await desk.balance("tax_withheld") == owed + 30_00


async def test_a_larger_adjustment_waits_for_an_independent_second_person(desk: FinanceDesk, world: World) -> None:
    first, second = await world.a_person("finance"), await world.a_person("finance")
    key = await desk.paid(500_00)
    row = await desk.imported(desk.bill([desk.moved(key, -300_00)]), day=desk.today)
    (found,) = await desk.breaks_of(row)
    found = await desk.taken(first, found)
    before = await desk.balance("cash:wechat")
    plan = await desk.breaks.decide(first, found.id, Choice(Verb.EDIT, "wrong_amount", Against.SUSPENSE))
    assert (plan.second, (await desk.again(found)).state) == (True, BreakState.PROPOSED)
    assert await desk.balance("cash:wechat") == before
    with pytest.raises(OwnWork):
        await desk.breaks.agree(first, found.id)
    await desk.breaks.agree(second, found.id)
    await desk.breaks.agree(second, found.id)
    assert await desk.balance("cash:wechat") == before + 200_00
    assert [line.state for line in await desk.lines(row)] == [LineState.MANUAL]


async def test_a_match_of_what_differs_is_forced_by_two(desk: FinanceDesk, world: World) -> None:
    first, second = await world.a_person("finance"), await world.a_person("finance")
    key = await desk.paid(20_00)
    row = await desk.imported(desk.bill([desk.moved("", -20_01)]), day=desk.today)
    (found,) = await desk.breaks_of(row)
    found = await desk.taken(first, found)
    entry = await desk.entry(key)
    choice = Choice(Verb.REPLACE_LINK, "wrong_link", Against.ROUNDING, str(entry))
    assert (await desk.breaks.decide(first, found.id, choice)).second
    await desk.breaks.agree(second, found.id)
    assert [line.state for line in await desk.lines(row)] == [LineState.FORCE]


async def test_a_decision_is_refused_without_right_lease_reason_or_sense(desk: FinanceDesk, world: World) -> None:
    person, other = await world.a_person("finance"), await world.a_person("reviewer")
    row = await desk.imported(desk.bill([desk.moved("", -9_00)]), day=desk.today)
    (found,) = await desk.breaks_of(row)
    choice = Choice(Verb.CREATE, "unexplained", Against.SUSPENSE)
    found = await desk.taken(person, found)
    with pytest.raises(NotAllowed):
        await desk.breaks.decide(other, found.id, choice)
    with pytest.raises(ReasonUnknown):
        await desk.breaks.decide(person, found.id, Choice(Verb.CREATE, "because", Against.SUSPENSE))
    with pytest.raises(VerbNotAllowed):
        await desk.breaks.decide(person, found.id, Choice(Verb.EDIT, "fee", Against.SUSPENSE))
    with pytest.raises(FieldInvalid):
        await desk.breaks.decide(person, found.id, Choice(Verb.CREATE, "fee", None))
    with pytest.raises(FieldInvalid):
        await desk.breaks.decide(person, found.id, Choice(Verb.REPLACE_LINK, "fee", Against.SUSPENSE, "９"))
    colleague = await world.a_person("finance")
    with pytest.raises(TaskHeldByAnother):
        await desk.breaks.decide(colleague, found.id, choice)


async def test_two_people_cannot_match_one_expectation_twice(desk: FinanceDesk, world: World) -> None:
    person = await world.a_person("finance")
    key = await desk.paid(21_00)
    row = await desk.imported(
        desk.bill(
            [
                desk.moved("", -21_00, day=desk.today - timedelta(days=30)),
            ]
        ),
        day=desk.today - timedelta(days=30),
    )
    (found,) = await desk.breaks_of(row)
    found = await desk.taken(person, found)
    await desk.imported(desk.bill([desk.moved(key, -21_00)]), day=desk.today)
    entry = await desk.entry(key)
    with pytest.raises(BreakChanged):
        await desk.breaks.decide(person, found.id, Choice(Verb.REPLACE_LINK, "wrong_link", link=str(entry)))
