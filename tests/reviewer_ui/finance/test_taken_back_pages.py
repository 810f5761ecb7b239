"""Two people take back a buyer's payment and an exchange on their pages, in both languages, with forms alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from database.tables.columns import now
from database.tables.finance.sales import BuyerReceiptRow, FxExchangeRow
from database.tables.finance.taken_back import TakenBack
from domain.finance.fx import Rate
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Role
from domain.places import business_day
from services.finance.exchanges import ExchangeAsked, Exchanges
from services.finance.receipts import ReceiptAsked, Receipts
from tests.reviewer_ui.conftest import House, post

KEPT, ARRIVED = Money(50_00, Currency.USD), Money(355_00)


async def a_deposit(house: House, person: str, buyer: str) -> str:
    """Dollars that a buyer paid in advance; returns the payment's id."""
    asked = ReceiptAsked(buyer, Rail.BANK, KEPT, KEPT, f"IN-{new_id()}", business_day(now()), ReceiptFor.DEPOSIT)
    return await Receipts(house.database).record(person, new_id(), asked)


async def an_exchange(house: House, person: str) -> str:
    """The same dollars, exchanged; returns the exchange's id."""
    rate = Rate("7.1", "Bank", datetime.now(UTC) - timedelta(days=1))
    asked = ExchangeAsked("cash:bank", KEPT, ARRIVED, rate, f"FX-{new_id()}", business_day(now()))
    return await Exchanges(house.database).record(person, new_id(), asked)


async def row_of(browser: httpx.AsyncClient, page: str, mark: str, language: str) -> str:
    """The row of the page that has this id."""
    answer = await browser.get(page, headers={"accept-language": language})
    assert f'id="{mark}"' in answer.text
    return answer.text.partition(f'id="{mark}"')[2].partition("</tr>")[0]


@pytest.mark.parametrize(
    ("language", "asked", "agree", "over", "waits"),
    [
        ("en", "Removal asked for", ("Remove the payment", "Remove the exchange"), "Recorded in error, removed", ("Buyers&#39; payments to be removed", "Exchanges to be removed")),
        ("zh", "撤销待审批", ("批准撤销付款", "批准撤销结汇"), "登记有误，已撤销", ("买家付款撤销", "结汇撤销")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("of", ["receipt", "exchange"])
async def test_erroneous_record_is_reversed_by_two(
    house: House, language: str, asked: str, agree: tuple[str, str], over: str, waits: tuple[str, str], of: str
) -> None:
    first, second = await house.as_(Role.FINANCE, "Fei"), await house.as_(Role.FINANCE)
    person = await house.cards.person(Role.FINANCE)
    row_id = await a_deposit(house, person, f"b-{new_id().lower()}")
    page, at, word = "/sales/buyers", f"/sales/buyers/receipts/{row_id}/reverse", 0
    if of == "exchange":
        row_id = await an_exchange(house, person)
        page, at, word = "/fx", f"/fx/exchanges/{row_id}/reverse", 1
    mark = f"{of}-{row_id}"
    assert f'action="{at}"' in await row_of(first, page, mark, language)
    reader = await house.as_(Role.COMPLIANCE)
    assert at not in await row_of(reader, page, mark, language)
    assert (await post(reader, at, reason="No")).status_code == 403
    empty = await post(first, at, reason=" ")
    assert empty.status_code == 422
    assert "<details open" in empty.text.partition(f'id="{mark}"')[2].partition("</tr>")[0]
    assert (await post(first, at, reason="Of another buyer")).status_code == 303
    seen = await row_of(second, page, mark, language)
    assert all(one in seen for one in (asked, agree[word], "Of another buyer", f"{at}/agree", f"{at}/refuse"))
    assert f"{at}/agree" not in await row_of(first, page, mark, language)
    assert (await post(first, f"{at}/agree")).status_code == 403
    assert waits[word] in (await second.get("/money", headers={"accept-language": language})).text
    assert (await post(second, f"{at}/refuse")).status_code == 303
    refused = await post(second, f"{at}/agree")  # Nobody asks any more.
    assert (refused.status_code, mark in refused.text) == (409, True)
    assert (await post(first, at, reason="Of another buyer")).status_code == 303
    assert (await post(second, f"{at}/agree")).status_code == 303
    seen = await row_of(second, page, mark, language)
    assert (over in seen, at in seen) == (True, False)
    table: type[TakenBack] = BuyerReceiptRow if of == "receipt" else FxExchangeRow
    async with house.database.transaction() as session:
        assert (await session.get_one(table, row_id)).reversed_at is not None
    found = await second.get(f"/money/causes/{of}:{row_id}")
    assert found.headers["location"] == f"{page}#{mark}"


async def test_missing_row_is_reported_on_the_page(house: House) -> None:
    browser = await house.as_(Role.FINANCE)
    answer = await post(browser, f"/sales/buyers/receipts/{new_id()}/reverse", reason="Not there")
    assert answer.status_code == 404
