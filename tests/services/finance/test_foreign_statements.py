"""Foreign money is looked for on statements of its own currency; where there are none, no statement is said to lack it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from database.repositories import day_figures, expectations
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementRow
from domain.errors.finance import StatementHeadWrong
from domain.finance.breaks import BreakKind
from domain.finance.fx import Rate
from domain.finance.rails import Rail
from domain.finance.statements import LineState, StatementState
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.reconciliation import KIND, reconciliation_in_force
from gateways.banks.formats import formats_in
from gateways.statements.bank import BANKS
from services.finance.daily_close import needs_second
from services.finance.exchanges import ExchangeAsked, Exchanges
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.sales import Sales
from simulators.bills import Movement, bank_format, bank_statement
from tests.builders.own_world import own_world
from tests.builders.reconciling import BANK, FinanceDesk
from tests.builders.selling import a_bought_card, a_sale, today
from tests.builders.world import World

world = own_world("foreign_statements")

YUAN, DOLLARS = "6225880100001234567", "6225880100007654321"
RATE = Rate("7.0", "bank", datetime(2026, 1, 5, 2, tzinfo=UTC))


def form_of(account: str) -> dict[str, Any]:
    """The format of the account: the bank writes both alike."""
    form = dict(bank_format("harbour"))
    if account == DOLLARS:
        form = {name: form[name] for name in ("encoding", "newline", "delimiter", "amounts", "title", "statement")}
        form |= {"name": "dollars", "account": DOLLARS, "currency": "USD"}
    return form


@pytest.fixture
def desk(world: World, tmp_path: Path) -> FinanceDesk:
    """A desk whose bank gives statements of two accounts, one of them in dollars."""
    banks = tmp_path / "banks"
    shutil.copytree(BANKS, banks)
    (banks / "zz-dollars.json").write_text(json.dumps(form_of(DOLLARS)), encoding="utf-8")
    return FinanceDesk(world, banks=banks)


@pytest.fixture(params=[[YUAN], [YUAN, DOLLARS]])
def accounts(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Our accounts at the bank; a day is complete with its own statements."""
    document = {**KIND.built_in()[0].document}
    ours = {"accounts": request.param, "window_days": 0}
    document["sources"] = [one | ours if one["source"] == "bank" else one for one in document["sources"]]
    BOOK.fill(
        KIND.code, [PolicyDocument(KIND.code, 1, "reconciliation-1", today().replace(year=2020, day=1), document)]
    )
    yield request.param
    BOOK.fill(KIND.code, [])


async def exchanged(world: World, reference: str) -> Money:
    """A card is sold for dollars that its buyer pays, and half of them are exchanged; returns what the buyer paid."""
    person = await world.a_person("finance")
    asked = a_sale(await a_bought_card(world), price=Money(200_00, Currency.USD), rate=RATE)
    await Sales(world.database).record(person, new_id(), asked)
    total = Money(202_00, Currency.USD)
    paid = ReceiptAsked(asked.buyer, Rail.BANK, total, total, f"IN-{reference}", today())
    await Receipts(world.database).record(person, new_id(), paid)
    half = ExchangeAsked("cash:bank", Money(101_00, Currency.USD), Money(707_00), RATE, reference, today())
    await Exchanges(world.database).record(person, new_id(), half)
    return total


def statement(desk: FinanceDesk, account: str, moved: list[Movement], opening: int = 0) -> bytes:
    """The account's statement of today."""
    return bank_statement(form_of(account), account, desk.today, moved, opening)


async def breaks(world: World, reference: str) -> list[tuple[BreakKind, str, int]]:
    """The breaks of what our books have under this reference."""
    entries = {one.entry_id for one in await world.rows(ExpectationRow) if reference in one.reference}
    found = [one for one in await world.rows(BreakRow) if one.entry_id in entries]
    return sorted((one.kind, one.currency.value, one.amount_minor) for one in found)


async def test_each_side_of_an_exchange_is_found_on_the_statement_of_its_currency(
    desk: FinanceDesk, world: World, accounts: list[str]
) -> None:
    reference = f"FX-{new_id()}"
    await exchanged(world, reference)
    opening = 10_000_00 if accounts == [YUAN] else 10_707_00
    row = await desk.imported(statement(desk, YUAN, [replace(desk.moved("", 707_00), reference=reference)], opening))
    assert [line.state for line in await desk.lines(row)] == [LineState.AUTO]
    if DOLLARS not in accounts:
        foreign = await desk.brought(statement(desk, DOLLARS, [], 1))
        assert foreign.state is StatementState.REFUSED  # None of ours.
        assert await breaks(world, reference) == []  # Nothing in dollars is missing: no statement could show it.
        async with world.database.transaction() as session:
            expected = await expectations.expected_on(session, BANK, desk.today)
        assert expected.total.currency is Currency.CNY
        return
    assert await breaks(world, reference) == []  # The day is complete with both.
    moved = [replace(desk.moved("", -101_00), reference=reference), replace(desk.moved("", 3_00), reference=new_id())]
    abroad = await desk.imported(statement(desk, DOLLARS, moved, 500_00))
    (known,) = await world.rows(StatementRow, id=abroad.id)
    assert (known.state, known.currency, known.account) == (StatementState.IMPORTED, Currency.USD, DOLLARS)
    assert [(line.state, line.currency) for line in await desk.lines(abroad)] == [
        (LineState.AUTO, Currency.USD), (LineState.OPEN, Currency.USD),
    ]  # fmt: skip
    assert (BreakKind.MISSING_THERE, "USD", 202_00) in await breaks(
        world, reference
    )  # What the buyer paid is on no line.
    assert [(one.kind, one.currency) for one in await desk.breaks_of(abroad)] == [
        (BreakKind.MISSING_HERE, Currency.USD)
    ]
    rules = reconciliation_in_force(desk.today)
    async with world.database.transaction() as session:
        figures = await day_figures.figures(session, BANK, desk.today, rules.sources[BANK], desk.clock())
    assert (figures.missing, figures.statement_minor) == ((), opening + 707_00)  # Dollars are added to no yuan.
    assert figures.foreign_breaks >= 2
    assert needs_second(figures, rules)


async def test_a_format_without_orders_pays_nobody_and_its_currency_must_be_one_of_ours(desk: FinanceDesk) -> None:
    assert sorted(formats_in(desk.banks)) == ["harbour", "union"]
    (desk.banks / "zz-dollars.json").write_text(json.dumps(form_of(DOLLARS) | {"currency": "XAU"}), encoding="utf-8")
    row = await desk.brought(statement(desk, DOLLARS, [], 2))
    assert (row.refused_as, row.refused_with) == (StatementHeadWrong.code, {"what": "currency"})
