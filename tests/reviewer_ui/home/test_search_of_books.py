"""What people of finance find by the references that they have: orders of every kind, and what is in the books."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from database.session import Database
from database.tables.finance.rollback import RollbackRow
from database.tables.finance.sales import SaleRow
from database.tables.finance.settlement import CounterpartyPayeeRow, SettlementOrderRow, SettlementRunRow
from database.tables.finance.statements import BreakRow, StatementLineRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from domain.finance.breaks import BreakKind
from domain.finance.statements import LineKind, StatementSource
from domain.identifiers import bill_number, goodwill_key, new_id, settlement_key
from domain.people.roles import Role
from tests.builders import tried_money
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.reconciliation_scenes import reconciliation_of_every_kind

REFERENCE, GOODWILL_REFERENCE = f"2026{'8' * 24}", f"2026{'9' * 24}"


async def place(browser: httpx.AsyncClient, typed: str) -> str:
    """Where the search leads: the address of the only match, or the whole page."""
    found = await post(browser, "/search", q=typed)
    return str(found.headers.get("location") or found.text)


async def newest(database: Database, table: Any, *which: Any) -> Any:
    async with database.transaction() as session:
        return (await session.execute(select(table).where(*which).order_by(table.id.desc()).limit(1))).scalar_one()


async def a_settlement_order(house: House) -> tuple[str, str]:
    """An order that the gateway knows by REFERENCE, of a run that the counterparty calls INV-7/2026; return key and run."""
    person = await house.cards.person(Role.FINANCE)
    await tried_money.a_stated_run(house.database, person, datetime.now(UTC))
    run = await newest(house.database, SettlementRunRow)
    payee = CounterpartyPayeeRow(
        id=new_id(), counterparty_id=run.counterparty_id, account_sealed=b"-", name_sealed=b"-", masked="-", proposed_by=person
    )  # fmt: skip
    order = SettlementOrderRow(
        key=settlement_key(run.id, 1), run_id=run.id, payee_id=payee.id, amount_minor=600_00, payee_account_sealed=b"-",
        payee_name_sealed=b"-", payee_masked="-", gateway_reference=REFERENCE,
    )  # fmt: skip
    async with house.database.transaction() as session:
        session.add(payee)
        await session.flush()
        session.add(order)
        (await session.get_one(SettlementRunRow, run.id)).reference = "INV-7/2026"
    return order.key, run.id


async def test_an_order_of_goodwill_is_found_by_key_short_number_and_reference(house: House) -> None:
    waiting, person, now = await house.cards.waiting(), await house.cards.person(Role.FINANCE), datetime.now(UTC)
    await tried_money.a_paid_card(house.database, waiting.card_id, now)
    await tried_money.two_gifts(house.database, waiting.card_id, person, now)
    given = await newest(house.database, GoodwillRow)
    key = goodwill_key(given.id)
    order = GoodwillOrderRow(
        key=key, goodwill_id=given.id, amount_minor=40_00, payee_account_sealed=b"-", payee_name_sealed=b"-",
        gateway_reference=GOODWILL_REFERENCE,
    )  # fmt: skip
    async with house.database.transaction() as session:
        session.add(order)
    finance, support = await house.as_(Role.FINANCE), await house.as_(Role.SUPPORT)
    for typed in (key, bill_number(key), GOODWILL_REFERENCE):
        assert await place(finance, typed) == f"/payouts/{key}"
        assert f"/payouts/{key}" not in await place(support, typed)


async def test_an_order_and_a_run_of_a_settlement_are_found(house: House) -> None:
    key, run = await a_settlement_order(house)
    finance, senior = await house.as_(Role.FINANCE), await house.as_(Role.SENIOR)
    for typed in (key, bill_number(key), REFERENCE):
        assert await place(finance, typed) == f"/payouts/{key}"
    for typed in (run, run[-8:], "INV-7/2026"):
        assert await place(finance, typed) == f"/settlements/{run}"
        assert f"/settlements/{run}" not in await place(senior, typed)


async def test_a_claim_and_a_sale_are_found_by_id_and_ending(house: House) -> None:
    waiting, person, now = await house.cards.waiting(), await house.cards.person(Role.FINANCE), datetime.now(UTC)
    await tried_money.a_paid_card(house.database, waiting.card_id, now)
    await tried_money.a_claim(house.database, waiting.card_id, person, now)
    claim = await newest(house.database, RollbackRow, RollbackRow.card_id == waiting.card_id)
    sale = await newest(house.database, SaleRow, SaleRow.card_id == waiting.card_id)
    finance, reviewer = await house.as_(Role.FINANCE), await house.as_(Role.REVIEWER)
    for one, page in ((claim, f"/claims?card={waiting.card_id}"), (sale, f"/sales/{sale.id}")):
        for typed in (one.id, one.id[-8:]):
            assert await place(finance, typed) == page
            assert page not in await place(reviewer, typed)


async def test_lines_breaks_and_suspense_are_found_by_statement_reference(house: House) -> None:
    await reconciliation_of_every_kind(house)  # The first entries have numbers that are too short to be searched for.
    names = await reconciliation_of_every_kind(house)
    finance, reviewer = await house.as_(Role.FINANCE), await house.as_(Role.REVIEWER)
    row = await newest(house.database, BreakRow, BreakRow.id == names["break"])
    line = await newest(house.database, StatementLineRow, StatementLineRow.id == row.line_id)
    assert await place(finance, row.id) == f"/reconciliation/breaks/{row.id}"
    for typed in (line.id, line.id.split("-", 2)[2]):
        page = await place(finance, typed)
        assert f'href="/reconciliation/breaks/{row.id}"' in page
        assert f'href="/reconciliation/statements/{line.statement_id}"' in page
        assert row.id not in await place(reviewer, typed)
    entry = names["suspense_entry"]
    assert await place(finance, entry) == f"/reconciliation/suspense/entries/{entry}"
    assert entry not in (await place(reviewer, entry)).partition("found-books")[2]


@pytest.mark.parametrize("typed", ["wx-4711", "card-known-nowhere"])
async def test_an_open_break_is_found_by_the_key_and_the_reference_of_its_line(house: House, typed: str) -> None:
    given: dict[str, Any] = {"source": StatementSource.WECHAT, "account": "1900000109", "day": datetime.now(UTC).date()}
    line = StatementLineRow(
        id=f"wechat-1900000109-{new_id()}", statement_id=new_id(), number=1, kind=LineKind.TRANSFER, key="card-known-nowhere",
        reference="wx-4711", amount_minor=-1, at=datetime.now(UTC), **given,
    )  # fmt: skip
    row = BreakRow(
        id=new_id(), kind=BreakKind.MISSING_HERE, line_id=line.id, amount_minor=-1, difference_minor=-1,
        since=line.at, **given,
    )  # fmt: skip
    async with house.database.transaction() as session:
        session.add_all([line, row])
    assert f"/reconciliation/breaks/{row.id}" in await place(await house.as_(Role.FINANCE), typed)


async def test_money_in_suspense_is_found_by_the_line_that_led_to_it(house: House) -> None:
    names = await reconciliation_of_every_kind(house)
    row = await newest(house.database, BreakRow, BreakRow.id == names["break_suspense"])
    page = await place(await house.as_(Role.FINANCE), row.line_id)
    assert 'href="/reconciliation/suspense/entries/' in page


@pytest.mark.parametrize("typed", ["%", "____", "'; DROP TABLE sale; --", "0000", "99999999"])
async def test_unmatched_words_find_nothing_in_the_books(house: House, typed: str) -> None:
    await reconciliation_of_every_kind(house)
    assert "found-books" not in await place(await house.as_(Role.FINANCE), typed)
