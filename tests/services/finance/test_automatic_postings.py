"""What the rules of reconciliation post by themselves: the exact accounts, the cause, once, and nothing that was not agreed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from database.repositories import ledger
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.statements import BreakRow, StatementLineRow
from domain.finance.breaks import Against, BreakKind, BreakState, Choice, Verb
from domain.finance.chart import account
from domain.finance.ledger import Posting
from domain.finance.statements import LineKind, LineState
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.rules.reconciliation import FeeHandling, reconciliation_in_force
from services.finance import matching
from tests.builders.own_world import own_world
from tests.builders.reconciling import WECHAT, FinanceDesk
from tests.builders.world import World

world = own_world("automatic")
FEE_BP, TOLERANCE = 60, 5  # 0.6 %, and five fen.


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


@pytest.fixture(params=[FeeHandling.OWN_LINE], autouse=True)
def agreed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, desk: FinanceDesk) -> None:
    """The provider may charge 0.6 %, and five fen do not matter."""
    rules = reconciliation_in_force(desk.today)
    ours = replace(rules.sources[WECHAT], fee_bp=FEE_BP, tolerance_minor=TOLERANCE, fees=request.param)
    monkeypatch.setattr(
        matching, "reconciliation_in_force", lambda _day: replace(rules, sources={**rules.sources, WECHAT: ours})
    )


async def posted(desk: FinanceDesk, line_id: str) -> tuple[list[tuple[str, int, str]], LedgerTransactionRow | None]:
    """What was posted for a line: account, minor units and currency, with its transaction."""
    async with desk.world.database.transaction() as session:
        found = select(LedgerTransactionRow).where(LedgerTransactionRow.cause == f"line:{line_id}")
        row = (await session.execute(found.order_by(LedgerTransactionRow.id))).scalars().first()
        lines = {} if row is None else await ledger.postings_of(session, row.key)
        return sorted((code, amount, currency.value) for code, amount, currency in lines), row


async def decided(desk: FinanceDesk, line_id: str) -> BreakRow:
    async with desk.world.database.transaction() as session:
        return (await session.execute(select(BreakRow).where(BreakRow.line_id == line_id))).scalar_one()


async def a_line(desk: FinanceDesk, key: str, amount: Money, kind: LineKind) -> str:
    """A line of a currency that no format of ours writes yet."""
    async with desk.world.database.transaction() as session:
        row = StatementLineRow(
            id=f"wechat-1900000109-{new_id()}", statement_id="by-hand", number=1, source=WECHAT, account="1900000109", kind=kind,
            key=key, reference="", amount_minor=amount.amount_minor, currency=amount.currency, at=desk.clock() - timedelta(days=3),
            day=desk.today,
        )  # fmt: skip
        session.add(row)
        return row.id


async def paid(desk: FinanceDesk, amount: Money) -> str:
    key = f"card-{new_id()}-payout-1"
    async with desk.world.database.transaction() as session:
        lines = (Posting(account("in_flight", "wechat"), amount), Posting(account("cash", "wechat"), -amount))
        await ledger.post(session, f"{key}:settled", None, "payout_paid", lines)
    return key


async def test_a_charge_as_agreed_is_posted_once_to_the_fees_of_its_rail_with_the_line_as_its_cause(
    desk: FinanceDesk,
) -> None:
    key = await desk.paid(100_00)
    row = await desk.imported(
        desk.bill([desk.moved(key, -100_00), desk.moved(key, -60, kind="手续费")]), day=desk.today
    )
    _, fee = await desk.lines(row)
    lines, transaction = await posted(desk, fee.id)
    assert lines == [("cash:wechat", -60, "CNY"), ("rail_fee:wechat", 60, "CNY")]
    assert transaction is not None
    assert (transaction.key, transaction.what, transaction.effective_on) == (
        f"line:{fee.id}:adjusted", "statement_adjusted", desk.today,
    )  # fmt: skip
    closed = await decided(desk, fee.id)
    assert (closed.kind, closed.state, closed.verb, closed.against, closed.posted_key, closed.decided_by) == (
        BreakKind.FEE_DIFFERENCE, BreakState.CLOSED, Verb.CREATE, Against.RAIL_FEE, transaction.key, None,
    )  # fmt: skip
    assert [line.state for line in await desk.lines(row)] == [LineState.AUTO, LineState.AUTO]
    before = await desk.balance("rail_fee:wechat")
    assert await desk.matching.run(WECHAT) == 0
    assert await desk.balance("rail_fee:wechat") == before


async def test_a_charge_that_was_not_agreed_is_left_to_a_person(desk: FinanceDesk) -> None:
    key = await desk.paid(100_00)
    row = await desk.imported(
        desk.bill([desk.moved(key, -100_00), desk.moved(key, -61, kind="手续费"), desk.moved("", -60, kind="手续费")]),
        day=desk.today,
    )
    found = await desk.breaks_of(row)
    assert [(one.kind, one.difference_minor) for one in found] == [
        (BreakKind.FEE_DIFFERENCE, -1), (BreakKind.FEE_DIFFERENCE, -60),
    ]  # fmt: skip
    assert [await posted(desk, one.line_id or "") for one in found] == [([], None), ([], None)]


@pytest.mark.parametrize("agreed", [FeeHandling.IN_AMOUNT], indirect=True)
async def test_a_charge_inside_of_the_amount_is_posted_and_the_line_belongs_to_its_order(desk: FinanceDesk) -> None:
    key, other = await desk.paid(100_00), await desk.paid(100_00)
    row = await desk.imported(desk.bill([desk.moved(key, -100_60), desk.moved(other, -100_70)]), day=desk.today)
    first, second = await desk.lines(row)
    assert (await posted(desk, first.id))[0] == [("cash:wechat", -60, "CNY"), ("rail_fee:wechat", 60, "CNY")]
    assert (first.state, first.entry_id) == (LineState.AUTO, await desk.entry(key))
    assert (await posted(desk, second.id))[0] == []
    assert [one.kind for one in await desk.breaks_of(row)] == [BreakKind.FEE_DIFFERENCE]


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (-100_05, [("cash:wechat", -5, "CNY"), ("rounding", 5, "CNY")]),
        (-99_95, [("cash:wechat", 5, "CNY"), ("rounding", -5, "CNY")]),
        (-100_06, []), (-99_94, []),
    ],
    ids=["over", "under", "more_over", "more_under"],
)  # fmt: skip
async def test_a_difference_within_the_tolerance_is_posted_as_rounding_and_no_other(
    desk: FinanceDesk, says: int, expected: list[tuple[str, int, str]]
) -> None:
    key = await desk.paid(100_00)
    row = await desk.imported(desk.bill([desk.moved(key, says)]), day=desk.today)
    (line,) = await desk.lines(row)
    assert (await posted(desk, line.id))[0] == expected
    assert line.state is (LineState.AUTO if expected else LineState.OPEN)
    if expected:
        assert (await decided(desk, line.id)).against is Against.ROUNDING


@pytest.mark.parametrize(
    ("ours", "says", "back", "expected"),
    [
        (201_00, -201_05, 0, [("cash:wechat", -5, "CNY"), ("rounding", 5, "CNY")]),
        (202_00, -201_95, 1, [("cash:wechat", 5, "CNY"), ("rounding", -5, "CNY")]),
        (203_00, -203_06, 0, []), (204_00, -204_01, 2, []), (205_00, 205_01, 0, []),
    ],
    ids=["over", "under", "more_over", "outside_of_the_window", "other_way"],
)  # fmt: skip
async def test_a_line_without_a_key_is_matched_within_the_tolerance_and_the_window(
    desk: FinanceDesk, ours: int, says: int, back: int, expected: list[tuple[str, int, str]]
) -> None:
    key, day = await desk.paid(ours), desk.today - timedelta(days=back)
    row = await desk.imported(desk.bill([desk.moved("", says, day=day)]), day=day)
    (line,) = await desk.lines(row)
    assert (await posted(desk, line.id))[0] == expected
    if expected:
        assert (line.state, line.entry_id) == (LineState.AUTO, await desk.entry(key))
        closed = await decided(desk, line.id)
        assert (closed.state, closed.verb, closed.against) == (BreakState.CLOSED, Verb.EDIT, Against.ROUNDING)
        assert await desk.breaks_of(row) == []
    else:
        assert [one.kind for one in await desk.breaks_of(row)] == [BreakKind.MISSING_HERE]


async def test_ambiguous_candidates_are_not_matched(desk: FinanceDesk) -> None:
    await desk.paid(211_00)
    await desk.paid(211_04)
    await desk.paid(212_00)
    moved = [desk.moved("", -211_02), desk.moved("", -212_01), desk.moved("", -212_02)]
    row = await desk.imported(desk.bill(moved), day=desk.today)
    assert [(one.kind, (await posted(desk, one.line_id or ""))[0]) for one in await desk.breaks_of(row)] == [
        (BreakKind.MISSING_HERE, []),
    ] * 3  # fmt: skip


async def test_an_order_that_another_line_names_is_no_candidate_for_one_without_a_key(desk: FinanceDesk) -> None:
    key = await desk.paid(213_00)
    row = await desk.imported(desk.bill([desk.moved("", -213_01), desk.moved(key, -213_50)]), day=desk.today)
    assert [one.kind for one in await desk.breaks_of(row)] == [BreakKind.MISSING_HERE, BreakKind.AMOUNT_OVER]


async def test_a_reversal_takes_an_automatic_posting_back_to_the_last_fen(desk: FinanceDesk) -> None:
    key = await desk.paid(100_00)
    codes = ("cash:wechat", "rounding")
    before = [await desk.balance(code) for code in codes]
    row = await desk.imported(desk.bill([desk.moved(key, -100_03)]), day=desk.today)
    (line,) = await desk.lines(row)
    _, transaction = await posted(desk, line.id)
    assert transaction is not None
    assert [await desk.balance(code) for code in codes] == [before[0] - 3, before[1] + 3]
    async with desk.world.database.transaction() as session:
        assert await ledger.reverse(session, f"{line.id}:back", transaction.key, "reversed", happened_on=desk.today)
        made = select(LedgerTransactionRow).where(LedgerTransactionRow.reverses == transaction.id)
        back = (await session.execute(made)).scalar_one()
    assert back.cause == f"line:{line.id}"
    assert [await desk.balance(code) for code in codes] == before
    await desk.matching.run(WECHAT)  # Neither half of it is expected on a statement.
    assert [await desk.balance(code) for code in codes] == before


async def test_a_charge_in_another_currency_is_a_share_of_an_amount_in_that_currency_alone(desk: FinanceDesk) -> None:
    dollars, yuan = await paid(desk, Money(100_00, Currency.USD)), await desk.paid(100_00)
    await a_line(desk, dollars, Money(-100_00, Currency.USD), LineKind.TRANSFER)
    fee = await a_line(desk, dollars, Money(-60, Currency.USD), LineKind.FEE)
    foreign = await a_line(desk, yuan, Money(-60, Currency.USD), LineKind.FEE)
    await desk.matching.run(WECHAT)
    assert (await posted(desk, fee))[0] == [("cash:wechat", -60, "USD"), ("rail_fee:wechat", 60, "USD")]
    assert await posted(desk, foreign) == ([], None)
    assert (await decided(desk, foreign)).state is BreakState.OPEN


async def test_a_small_difference_in_another_currency_is_rounded_in_that_currency(desk: FinanceDesk) -> None:
    key = await paid(desk, Money(100_00, Currency.USD))
    line = await a_line(desk, key, Money(-100_02, Currency.USD), LineKind.TRANSFER)
    await desk.matching.run(WECHAT)
    assert (await posted(desk, line))[0] == [("cash:wechat", -2, "USD"), ("rounding", 2, "USD")]


async def test_currency_mismatch_is_a_break_corrected_in_each_currency(desk: FinanceDesk, world: World) -> None:
    first, second = await world.a_person("finance"), await world.a_person("finance")
    key = await paid(desk, Money(100_00, Currency.USD))
    row = await desk.imported(desk.bill([desk.moved(key, -100_00)]), day=desk.today)
    (found,) = await desk.breaks_of(row)
    (line,) = await desk.lines(row)
    assert (found.kind, await posted(desk, line.id)) == (BreakKind.CURRENCY, ([], None))
    choice = Choice(Verb.EDIT, "wrong_amount", Against.SUSPENSE)
    preview = await desk.breaks.preview((await desk.taken(first, found)).id, choice)
    expected = {
        ("cash:wechat", -100_00, "CNY"), ("suspense:wechat", 100_00, "CNY"),
        ("cash:wechat", 100_00, "USD"), ("suspense:wechat", -100_00, "USD"),
    }  # fmt: skip
    assert {(one.code, one.posted.amount_minor, one.posted.currency.value) for one in preview.moves} == expected
    if (await desk.breaks.decide(first, found.id, choice)).second:
        await desk.breaks.agree(second, found.id)
    assert set((await posted(desk, line.id))[0]) == expected
