"""Finance ends debts and pays deposits back on a page of its own: every act by form, each second person by another."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import select, text

from database.tables.finance.debts import DebtWriteOffRow, DepositRefundRow
from database.tables.finance.sales import BuyerReceiptRow
from domain.identifiers import new_id
from domain.people.roles import Role
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.queue_scenes import send
from tests.reviewer_ui.sale_scenes import TODAY, debts_in_every_state

PAGE = "/sales/debts"


async def upload(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Send a form with a document, as a browser does."""
    found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get(PAGE)).text)
    token = found[1] if found is not None else ""
    return await browser.post(
        path, data={"csrf": token, **fields}, files={"evidence": ("letter.pdf", PDF, "application/pdf")}
    )


async def scene(house: House) -> dict[str, str]:
    first, second = [await house.cards.person(Role.FINANCE, name) for name in ("Su Hang", "Gao Yun")]
    return await debts_in_every_state(house, (first, second))


async def test_a_debt_is_written_off_by_form_and_another_agrees(house: House) -> None:
    names = await scene(house)
    first, second, key = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE), new_id()
    code = f"buyer_receivable:buyer:{names['debtor']}"
    assert f'href="{PAGE}?of={code}"' in (await first.get("/sales/buyers")).text
    assert f'value="{code} CNY" selected' in (await first.get(f"{PAGE}?of={code}")).text
    said = {"key": key, "account": f"{code} CNY", "amount": "30.00", "reason": f"The court closed case {key[-6:]}."}
    for changed, status, words in (
        ({"amount": "999,999.00"}, 409, "Only ¥90.00 is owed there"), ({"amount": "many"}, 422, "Amount"), ({"account": "cash:bank CNY"}, 422, "Account"),
        ({"reason": ""}, 422, "Reason"),
    ):  # fmt: skip
        refused = await upload(first, f"{PAGE}/write-offs", **said | changed)
        assert (refused.status_code, words in refused.text) == (status, True)
        assert f'value="{(said | changed)["amount"]}"' in refused.text  # What was typed stays.
    assert [(await upload(first, f"{PAGE}/write-offs", **said)).status_code for _ in range(2)] == [303, 303]
    async with house.database.transaction() as session:
        row = (await session.execute(select(DebtWriteOffRow).where(DebtWriteOffRow.key == key))).scalar_one()
    agree = f"{PAGE}/write-offs/{row.id}/agree"
    assert (agree in (await first.get(PAGE)).text, agree in (await second.get(PAGE)).text) == (False, True)
    assert (await post(first, agree)).status_code == 403
    assert [(await post(second, agree)).status_code for _ in range(2)] == [303, 303]
    assert (await post(second, f"{PAGE}/write-offs/{row.id}/keep")).status_code == 409
    kept = await (await house.as_(Role.COMPLIANCE)).get(f"{PAGE}/write-offs/{row.id}/evidence")
    assert (kept.content, kept.headers["content-disposition"].startswith("attachment")) == (PDF, True)
    found = await second.get(f"/money/causes/debt_write_off:{row.id}")
    assert found.headers["location"] == f"{PAGE}#write-off-{row.id}"


async def test_a_deposit_is_paid_back_by_form_confirmed_and_taken_back(house: House) -> None:
    names = await scene(house)
    first, second, key = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE), new_id()
    said = {
        "key": key, "buyer": names["debtor"], "amount": "5.00", "currency": "CNY", "rail": "bank", "reference": f"OUT-{key[-8:]}",
        "paid_on": TODAY,
    }  # fmt: skip
    for changed, status, words in (
        ({"amount": "999,999.00"}, 409, "There is only ¥50.00"), ({"amount": "some"}, 422, "Amount"), ({"reference": ""}, 422, "Reference"),
        ({"paid_on": "2001-01-01"}, 422, "Paid on"),
    ):  # fmt: skip
        refused = await upload(first, f"{PAGE}/refunds", **said | changed)
        assert (refused.status_code, words in refused.text) == (status, True)
        assert f'value="{(said | changed)["amount"]}"' in refused.text
    assert [(await upload(first, f"{PAGE}/refunds", **said)).status_code for _ in range(2)] == [303, 303]
    async with house.database.transaction() as session:
        row = (await session.execute(select(DepositRefundRow).where(DepositRefundRow.key == key))).scalar_one()
    at = f"{PAGE}/refunds/{row.id}"
    assert (await post(first, f"{at}/confirm")).status_code == 403
    assert [(await post(second, f"{at}/confirm")).status_code for _ in range(2)] == [303, 303]
    assert (await post(second, f"{at}/discard")).status_code == 409
    assert (await post(first, f"{at}/reverse", reason="Never sent")).status_code == 303
    assert (await post(first, f"{at}/reverse/agree")).status_code == 403
    assert (await post(second, f"{at}/reverse/agree")).status_code == 303
    kept = await (await house.as_(Role.COMPLIANCE)).get(f"{at}/evidence")
    assert kept.content == PDF
    assert (await second.get(f"/money/causes/deposit_refunded:{row.id}")).headers[
        "location"
    ] == f"{PAGE}#refund-{row.id}"


async def test_what_a_partner_pays_back_is_recorded_by_form_and_listed_with_payments(house: House) -> None:
    names, finance, key = await scene(house), await house.as_(Role.FINANCE), new_id()
    said = {
        "key": key, "partner": names["owner"], "amount": "12.50", "currency": "CNY", "rail": "bank", "reference": f"IN-{key[-8:]}",
        "received_on": TODAY,
    }  # fmt: skip
    for changed, status, words in (
        ({"amount": "999,999.00"}, 409, "Only ¥90.00 is owed there"), ({"amount": "some"}, 422, "Amount"), ({"reference": ""}, 422, "Reference"),
    ):  # fmt: skip
        refused = await post(finance, f"{PAGE}/partner", **said | changed)
        assert (refused.status_code, words in refused.text) == (status, True)
    assert [(await send(finance, f"{PAGE}/partner", **said)).status_code for _ in range(2)] == [303, 303]
    async with house.database.transaction() as session:
        row = (await session.execute(select(BuyerReceiptRow).where(BuyerReceiptRow.key == key))).scalar_one()
    for language, words in (("en", "Repayment by a partner"), ("zh", "合作方还款")):
        shown = (await finance.get("/sales/buyers", headers={"accept-language": language})).text
        assert (said["reference"] in shown, words in shown, f"receipt-{row.id}" in shown) == (True, True, True)


async def test_what_moves_money_asks_who_is_there(house: House) -> None:
    names = await scene(house)
    browser = await house.as_(Role.FINANCE, "Fei")
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE console_session SET stepped_up_at = NULL"))
    for address in (
        f"{PAGE}/write-offs", f"{PAGE}/refunds", f"{PAGE}/write-offs/{names['off_waits']}/agree",
        f"{PAGE}/refunds/{names['refund_waits']}/confirm", f"{PAGE}/refunds/{names['refund_asked']}/reverse/agree",
    ):  # fmt: skip
        assert (await send(browser, address)).status_code == 403


@pytest.mark.parametrize(
    ("language", "words", "counted"),
    [
        (
            "en",
            ("Debts and refunds", "Written off", "Awaiting second person", "Refunded", "Agree to the write-off", "Keep the debt", "Removal asked for"),
            ("Write-offs of debts", "Refunds of deposits", "Refunds recorded in error"),
        ),
        ("zh", ("欠款与退款", "已核销", "待第二人审批", "已退款", "同意核销", "保留欠款"), ("待同意的欠款核销", "待确认的预存款退款")),
    ],
)  # fmt: skip
async def test_every_state_is_seen_in_both_languages_and_counted_on_the_overview(
    house: House, language: str, words: tuple[str, ...], counted: tuple[str, ...]
) -> None:
    await scene(house)
    finance, spoken = await house.as_(Role.FINANCE, "Fei"), {"accept-language": language}
    page = (await finance.get(PAGE, headers=spoken)).text
    assert [one for one in words if one not in page] == []
    overview = (await finance.get("/money", headers=spoken)).text
    assert [one for one in counted if one not in overview] == []
    reader = (await (await house.as_(Role.COMPLIANCE)).get(PAGE, headers=spoken)).text
    assert 'method="post" action="/sales' not in reader
