"""Finance records a sale by form and preview, reads its waterfall, takes it back, and keeps buyers, rates and tax."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pypdfium2
import pytest
import pytest_asyncio
from sqlalchemy import delete, select, text

from database.repositories import ledger
from database.sealed import ORDER_NAME, SELLER_PHONE
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import RollbackRow
from database.tables.finance.sales import FxExchangeRow, SaleRow
from database.tables.finance.tax import TaxFileRow, TaxSignOffRow, TaxWithholdingRow
from database.tables.people import AuditRow, SellerRow
from domain.finance.chart import account_of
from domain.finance.ledger import Posting
from domain.finance.postings.sales import FX_POSITION
from domain.finance.rollback import RollbackState
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Role
from domain.places import business_day
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.payment_scenes import a_claim
from tests.reviewer_ui.queue_scenes import send
from tests.reviewer_ui.sale_scenes import a_bought_card, sales_in_every_state

TODAY = business_day(datetime.now(UTC)).isoformat()


@pytest_asyncio.fixture
async def finance(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of finance that has just shown who is there."""
    browser = await house.as_(Role.FINANCE, "Su Hang")
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE console_session SET stepped_up_at = now()"))
    yield browser


def form(card_id: str, **more: str) -> dict[str, str]:
    """A sale of the card for 475.00, as a browser sends it."""
    given = {"key": f"k-{card_id}", "card_id": card_id, "buyer": "mall-direct", "price": "475.00", "currency": "CNY"}
    rest = {"sold_on": TODAY, "mode": "own", "paid_from": "receivable", "instalments": "no", "rate": "", "rate_source": "", "rate_at": ""}  # fmt: skip
    return given | rest | more


async def test_a_preview_shows_the_waterfall_and_writes_nothing(house: House, finance: httpx.AsyncClient) -> None:
    card_id = await a_bought_card(house)
    page = (await post(finance, "/sales/preview", **form(card_id))).text
    assert [one in page for one in ("¥479.75", "¥465.00", "¥4.75", "¥10.00", "splits-2026-11")] == [True] * 5
    assert await sold(house, card_id) == []


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Once the claim is declined or dropped"), ("zh", "追回被否决或撤销后")]
)
async def test_preview_shows_an_open_claim_and_what_to_do(
    house: House, finance: httpx.AsyncClient, language: str, words: str
) -> None:
    claim = await a_claim(house, await house.cards.person(Role.COMPLIANCE), RollbackState.CLAIMED)
    async with house.database.transaction() as session:
        card_id = (await session.get_one(RollbackRow, claim)).card_id
    finance.headers["accept-language"] = language
    for path in ("/sales/preview", "/sales"):
        answer = await post(finance, path, **form(card_id))
        assert (answer.status_code, words in answer.text) == (409, True)
    assert await sold(house, card_id) == []


async def sold(house: House, card_id: str) -> list[SaleRow]:
    async with house.database.transaction() as session:
        return list(
            (await session.execute(select(SaleRow).where(SaleRow.card_id == card_id).order_by(SaleRow.id))).scalars()
        )


async def test_sale_submitted_twice_is_recorded_once_and_shown(house: House, finance: httpx.AsyncClient) -> None:
    card_id = await a_bought_card(house)
    answers = [await send(finance, "/sales", **form(card_id)) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 303]
    (row,) = await sold(house, card_id)
    assert {one.headers["location"] for one in answers} == {f"/sales/{row.id}"}
    page = (await finance.get(f"/sales/{row.id}")).text
    shown = [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", one)).strip() for one in re.findall("<tr>.*?</tr>", page, re.S)]
    assert shown[1] == "Buyer pays ¥479.75"
    assert shown[2].startswith("Cost of the card Cards bought – ¥465.00 ¥14.75")
    assert shown[3].startswith("Fee left to the platform service-fee Service fees Price ¥475.00 × 1 % ¥4.75 ¥10.00")
    assert shown[4].startswith("Spread left to the platform Sales – ¥10.00 ¥0.00")
    assert f"{TODAY} Owed by buyers · Buyer mall-direct ¥479.75" in " ".join(shown)


async def test_refused_input_stays_in_the_form_with_its_field(house: House, finance: httpx.AsyncClient) -> None:
    card_id = await a_bought_card(house)
    for changed, words in (
        ({"price": "1,23"}, "Price"),
        ({"price": "1.234,50"}, "Price"),
        ({"price": "-0"}, "Price"),
        ({"price": "９９.5o"}, "Price"),
        ({"buyer": "<b>"}, "Buyer"),
        ({"sold_on": "tomorrow"}, "Sold on"),
        ({"currency": "USD", "rate": "7", "rate_source": "desk", "rate_at": "noon"}, "Moment of the rate"),
        ({"currency": "USD", "rate": "7", "rate_source": "", "rate_at": "2026-01-01T10:00"}, "Source of the rate"),
    ):
        answer = await post(finance, "/sales/preview", **form(card_id, **changed))
        assert answer.status_code == 422
        assert f"{words}: " in answer.text
        assert f'value="{card_id}"' in answer.text


async def test_every_finance_form_parses_amounts_alike(house: House, finance: httpx.AsyncClient) -> None:
    card_id = await a_bought_card(house)
    for written in ("1,234.50", "￥１，２３４．５０", "1234.5"):
        page = await post(finance, "/sales/preview", **form(card_id, price=written))
        assert (page.status_code, "¥1,234.50" in page.text) == (200, True), written
    received = {"key": f"r-{card_id}", "buyer": "mall-direct", "currency": "CNY", "received_on": TODAY, "rail": "bank", "arrived": "", "reference": "9", "received_for": "deposit"}  # fmt: skip
    for wrong in ("1,23", "1.234,50", "-0"):
        answer = await post(finance, "/sales/buyers", **received, amount=wrong)
        assert (answer.status_code, f'value="{wrong}"' in answer.text) == (422, True), wrong
    assert (await send(finance, "/sales/buyers", **received, amount="1,234.50")).status_code == 303


async def test_reversing_a_sale_requires_step_up_and_a_reason(house: House) -> None:
    names = await sales_in_every_state(house)
    browser = await house.as_(Role.FINANCE, "Su Hang")
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE console_session SET stepped_up_at = NULL"))
    assert (await send(browser, f"/sales/{names['sale']}/return", reason_code="agreed")).status_code == 403
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE console_session SET stepped_up_at = now()"))
    assert (await send(browser, f"/sales/{names['sale']}/return", reason_code="")).status_code == 422
    assert (await send(browser, f"/sales/{names['sale']}/return", reason_code="agreed")).status_code == 303
    assert "Reverse sale" not in (await browser.get(f"/sales/{names['sale']}")).text  # A second person does.
    assert names["sale"] in (await browser.get("/sales?state=asked")).text
    other = await house.as_(Role.FINANCE, "Gao Yun")
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE console_session SET stepped_up_at = now()"))
    assert "Reverse sale" in (await other.get(f"/sales/{names['sale']}")).text
    assert (await send(other, f"/sales/{names['sale']}/return/agree")).status_code == 303
    page = (await browser.get(f"/sales/{names['sale']}")).text
    assert "Returned by agreement with the buyer" in page
    assert "Request reversal" not in page


async def test_compliance_reads_and_cannot_write(house: House) -> None:
    names = await sales_in_every_state(house)
    browser = await house.as_(Role.COMPLIANCE)
    for address in ("/sales", f"/sales/{names['sale']}", "/sales/buyers", "/fx", "/tax"):
        page = await browser.get(address)
        assert page.status_code == 200
        assert 'method="post" action="/sales' not in page.text
        assert 'method="post" action="/tax' not in page.text
        assert 'method="post" action="/fx' not in page.text
    assert "Reversed" in (await browser.get("/sales?state=returned")).text


async def _sealed_by(house: House) -> None:
    """Seal with this house's keys what other tests of this database kept with theirs: a report opens all of a month."""
    async with house.database.transaction() as session:
        for seller in (await session.execute(select(SellerRow).order_by(SellerRow.id))).scalars():
            seller.phone_sealed = SELLER_PHONE.seal(house.keyring, seller.id, "+8613800000000")
        named = select(PayoutRow).where(PayoutRow.payee_name_sealed.is_not(None)).order_by(PayoutRow.key)
        for order in (await session.execute(named)).scalars():
            order.payee_name_sealed = ORDER_NAME.seal(house.keyring, order.key, "王芳")


async def test_files_with_full_names_require_a_signature_and_are_audited(
    house: House, finance: httpx.AsyncClient
) -> None:
    card_id = await a_bought_card(house)
    await _sealed_by(house)
    async with house.database.transaction() as session:
        await session.execute(delete(TaxSignOffRow))
        owner = (
            await session.execute(select(TaxWithholdingRow.owner).where(TaxWithholdingRow.card_id == card_id))
        ).scalar_one()
    assert "Not signed off" in (await finance.get("/tax")).text
    assert (await post(finance, "/tax/detail", month=TODAY[:7])).status_code == 409
    assert (await send(finance, "/tax/sign-off", version="tax-2026-11", note="our adviser agrees")).status_code == 303
    assert "Signed off by Su Hang" in (await finance.get("/tax")).text
    answer = await post(finance, "/tax/detail", month=TODAY[:7])
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    (mine,) = [row for row in rows if row["Card"] == card_id]
    assert (mine["Proceeds (CNY)"], mine["Withheld (CNY)"], mine["Paid out (CNY)"]) == ("465.00", "0.00", "465.00")
    made = await post(finance, "/tax/certificate", owner=owner, year=TODAY[:4], language="zh_CN")
    assert made.headers["content-type"] == "application/pdf"
    assert "代扣税款凭证" in pypdfium2.PdfDocument(made.content)[0].get_textpage().get_text_range()
    async with house.database.transaction() as session:
        acts = set((await session.execute(select(AuditRow.act).where(AuditRow.act.like("console:tax:%")))).scalars())
        kept = (await session.execute(select(TaxFileRow).order_by(TaxFileRow.id.desc()).limit(2))).scalars().all()
    assert acts >= {"console:tax:sign_off", "console:tax:detail", "console:tax:certificate", "console:tax:keep_file"}
    assert [(one.kind.value, one.sha256) for one in kept] == [
        ("certificate", hashlib.sha256(made.content).hexdigest()), ("detail", hashlib.sha256(answer.content).hexdigest()),
    ]  # fmt: skip
    again = await post(finance, f"/tax/files/{kept[1].id}")
    assert (again.content, again.headers["content-disposition"]) == (
        answer.content,
        answer.headers["content-disposition"],
    )
    for language, same, other in (
        ("en", "Unchanged", "Today’s figures differ from the file of"),
        ("zh", "无变动", "的文件不一致"),
    ):
        page = (await finance.get("/tax", headers={"accept-language": language})).text
        row = page.split(f'id="file-{kept[1].id}"')[1].split("</tr>")[0]
        assert (same in row, other in row, kept[1].sha256 in row) == (True, False, True)
    await a_bought_card(house)
    page = (await finance.get("/tax", headers={"accept-language": "en"})).text
    row = page.split(f'id="file-{kept[1].id}"')[1].split("</tr>")[0]
    assert ("Today’s figures differ from the file of" in row, "Unchanged" in row) == (True, False)
    reader = (await (await house.as_(Role.COMPLIANCE)).get("/tax")).text
    assert (kept[1].sha256 in reader, 'action="/tax/files' in reader) == (True, False)


async def test_files_with_full_names_require_step_up(house: House) -> None:
    browser = await house.as_(Role.FINANCE)
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE console_session SET stepped_up_at = NULL"))
    for address in ("/tax/detail", "/tax/income", "/tax/certificate", "/tax/sign-off", f"/tax/files/{new_id()}"):
        assert (await send(browser, address)).status_code == 403


async def test_a_position_is_valued_and_a_payment_recorded_by_form(house: House, finance: httpx.AsyncClient) -> None:
    await sales_in_every_state(house)
    last = (business_day(datetime.now(UTC)).replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    given = {"currency": "KWD", "month": last, "rate": "23.5", "rate_source": "CFETS", "rate_at": f"{last}-28T17:00"}
    assert (await send(finance, "/fx", **given)).status_code == 303
    assert (await post(finance, "/fx", **given | {"rate": "24"})).status_code == 409
    assert (await post(finance, "/fx", **given | {"currency": "XXX"})).status_code == 422
    page = (await finance.get("/fx")).text
    assert re.search(r"USD</td>\s*<td[^>]*>\$[1-9]", page)
    paid = {"key": f"p-{TODAY}-{datetime.now(UTC).timestamp()}", "buyer": "mall-direct", "amount": "79.75", "currency": "CNY", "arrived": "", "rail": "wechat", "reference": (reference := f"W-{new_id()}"), "received_on": TODAY, "received_for": "receivable"}  # fmt: skip
    assert [(await send(finance, "/sales/buyers", **paid)).status_code for _ in range(2)] == [303, 303]
    assert reference in (await finance.get("/sales/buyers")).text
    assert (await post(finance, "/sales/buyers", **paid | {"key": "other", "amount": "99999999"})).status_code == 409


async def test_retained_foreign_money_is_exchanged_by_form_and_confirmed_by_another(house: House) -> None:
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    account, (kept, moment) = f"split_account:{new_id().lower()}", (Money(10_000_00, Currency.USD), datetime.now(UTC))
    async with house.database.transaction() as session:
        lines = (Posting(account_of(account), kept), Posting(FX_POSITION, -kept), Posting(FX_POSITION, Money(71_000_00)), Posting(account_of("sales"), Money(-71_000_00)))  # fmt: skip
        await ledger.post(
            session, new_id(), None, "sold", lines, happened_on=business_day(moment), cause=f"made:{new_id()}"
        )
    key, rate_at = new_id(), (moment - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    given = {
        "key": key, "kept": f"{account}/USD", "sold": "10,000.00", "arrived": "70,000.00", "rate": "7", "rate_source": "Bank",
        "rate_at": rate_at, "reference": f"FX-{key[-8:]}", "exchanged_on": TODAY,
    }  # fmt: skip
    assert f'value="{given["kept"]}"' in (await first.get("/fx")).text
    for changed, status, words in (
        ({"arrived": "71,000"}, 422, "¥70,000.00"), ({"kept": ""}, 422, "Account"), ({"sold": "20,000", "arrived": "140,000"}, 409, "$10,000.00"),
    ):  # fmt: skip
        refused = await post(first, "/fx/exchanges", **given | changed)
        assert (refused.status_code, words in refused.text, given["reference"] in refused.text) == (status, True, True)
    assert [(await send(first, "/fx/exchanges", **given)).status_code for _ in range(2)] == [303, 303]
    async with house.database.transaction() as session:
        row = (await session.execute(select(FxExchangeRow).where(FxExchangeRow.key == key))).scalar_one()
    confirm = f"/fx/exchanges/{row.id}/confirm"
    assert (confirm in (await first.get("/fx")).text, confirm in (await second.get("/fx")).text) == (False, True)
    assert (await post(first, confirm)).status_code == 403
    assert "Exchanges of foreign money" in (await second.get("/money")).text
    assert [(await post(second, confirm)).status_code for _ in range(2)] == [303, 303]
    assert (await post(first, f"/fx/exchanges/{row.id}/discard")).status_code == 409
    for language, word in (("en", "Posted"), ("zh", "已入账")):
        page = (await first.get("/fx", headers={"accept-language": language})).text
        assert word in page.split(f'id="exchange-{row.id}"')[1].split("</tr>")[0]
    assert (await second.get(f"/money/causes/exchange:{row.id}")).headers["location"] == f"/fx#exchange-{row.id}"


async def test_months_page_links_to_the_missing_value(finance: httpx.AsyncClient) -> None:
    page = (await finance.get("/fx?month=2026-03&currency=KWD")).text
    assert 'name="month" value="2026-03"' in page
    assert re.search(r'<option value="KWD" selected>', page)


async def test_deposit_is_reserved_from_the_preview_and_released_on_the_buyers_page(
    house: House, finance: httpx.AsyncClient
) -> None:
    card_id, buyer = await a_bought_card(house), f"mall-{new_id()[-8:].lower()}"
    paid = {"key": new_id(), "buyer": buyer, "amount": "500.00", "currency": "CNY", "rail": "bank", "reference": "in-9"}
    await post(finance, "/sales/buyers", **paid, received_on=TODAY, received_for="deposit")
    typed = form(card_id, buyer=buyer, paid_from="deposit")
    assert 'value="reserve"' in (await post(finance, "/sales/preview", **typed)).text
    assert 'value="reserve"' not in (await post(finance, "/sales/preview", **form(card_id, buyer=buyer))).text
    held = await post(finance, "/sales", **typed, act="reserve")
    assert (held.status_code, held.headers["location"]) == (303, "/sales/buyers")
    page = (await finance.get("/sales/buyers")).text
    assert ("¥479.75" in page, "¥20.25" in page) == (True, True)
    assert await sold(house, card_id) == []
    other = await post(finance, "/sales/preview", **form(card_id, buyer="someone-else"))
    assert (other.status_code, buyer in other.text) == (409, True)
    opened = (await finance.get(f"/sales/new?card={card_id}&buyer={buyer}&paid_from=deposit")).text
    assert (f'value="{buyer}"' in opened, '<option value="deposit" selected>' in opened) == (True, True)
    given_up = await post(finance, f"/sales/reserved/{typed['key']}/give-up")
    assert (given_up.status_code, given_up.headers["location"]) == (303, "/sales/buyers")
    assert typed["key"] not in (await finance.get("/sales/buyers")).text
