"""Finance records what a licensed provider paid to brokered sellers, and a second person confirms it, on a page of its own."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import select, text

from database.tables.finance.sales import BrokeredPaymentRow, ProviderRepaymentRow
from domain.identifiers import new_id
from domain.people.roles import Role
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.queue_scenes import send
from tests.reviewer_ui.sale_scenes import TODAY, a_brokered_sale, a_commission_owed_back, brokered_in_every_state

PAGE = "/sales/brokered"
SAID = {"reference": "SPLIT-2026", "amount": "451.25", "paid_on": TODAY}


async def upload(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    """Send a form with a document, as a browser does."""
    found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get(PAGE)).text)
    token = found[1] if found is not None else ""
    files = {"evidence": ("split.pdf", PDF, "application/pdf")}
    return await browser.post(path, data={"csrf": token, **fields}, files=files)


async def repayment_of(house: House, reference: str) -> ProviderRepaymentRow:
    """The repayment under this reference."""
    wanted = select(ProviderRepaymentRow).where(ProviderRepaymentRow.reference == reference)
    async with house.database.transaction() as session:
        return (await session.execute(wanted)).scalar_one()


async def payment_of(house: House, sale: str) -> BrokeredPaymentRow:
    """Return the current payment of a sale."""
    wanted = (BrokeredPaymentRow.sale_id == sale, BrokeredPaymentRow.declined_at.is_(None))
    async with house.database.transaction() as session:
        return (await session.execute(select(BrokeredPaymentRow).where(*wanted))).scalar_one()


async def test_a_payment_is_recorded_with_its_document_and_confirmed_by_another(house: House) -> None:
    sale = await a_brokered_sale(house)
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    said = SAID | {"reference": f"SPLIT-{sale[-8:]}"}
    assert f'action="{PAGE}/{sale}"' in (await first.get(PAGE)).text
    for changed, status, words in (
        ({"amount": "451.24"}, 409, "¥451.25"), ({"amount": "many"}, 422, "Amount"), ({"paid_on": "2001-01-01"}, 422, "Paid on"),
        ({"reference": ""}, 422, "Reference"),
    ):  # fmt: skip
        refused = await upload(first, f"{PAGE}/{sale}", **said | changed)
        assert (refused.status_code, words in refused.text) == (status, True)
        assert f'value="{(said | changed)["amount"]}"' in refused.text  # What was typed stays.
    assert [(await upload(first, f"{PAGE}/{sale}", **said)).status_code for _ in range(2)] == [303, 303]
    row = await payment_of(house, sale)
    confirm = f"{PAGE}/payments/{row.id}/confirm"
    assert confirm not in (await first.get(PAGE)).text
    assert confirm in (await second.get(PAGE)).text
    assert (await post(first, confirm)).status_code == 403
    assert [(await post(second, confirm)).status_code for _ in range(2)] == [303, 303]
    assert (await post(first, f"{PAGE}/payments/{row.id}/discard")).status_code == 409
    page = (await (await house.as_(Role.COMPLIANCE)).get(f"/sales/{sale}")).text
    assert (said["reference"] in page, "Paid" in page, "Request reversal" in page) == (True, True, False)
    kept = await (await house.as_(Role.COMPLIANCE)).get(f"{PAGE}/payments/{row.id}/evidence")
    assert (kept.content, kept.headers["content-disposition"].startswith("attachment")) == (PDF, True)
    found = await second.get(f"/money/causes/brokered:{row.id}")
    assert found.headers["location"] == f"{PAGE}#payment-{row.id}"


async def test_recording_and_confirming_require_step_up(house: House) -> None:
    names = await brokered_in_every_state(house)
    browser = await house.as_(Role.FINANCE, "Fei")
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE console_session SET stepped_up_at = NULL"))
    row = await payment_of(house, names["brokered_waits"])
    for address in (f"{PAGE}/{names['brokered_due']}", f"{PAGE}/payments/{row.id}/confirm"):
        assert (await send(browser, address)).status_code == 403
    assert (await payment_of(house, names["brokered_waits"])).confirmed_at is None


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("Not paid yet", "Awaiting second person", "Confirm the payment", "Record the provider&#39;s payment"),
        ),
        ("zh", ("尚未付款", "待第二人审批", "批准付款", "登记机构付款")),
    ],
)
async def test_every_state_is_shown_in_both_languages_and_counted_on_the_overview(
    house: House, language: str, words: tuple[str, ...]
) -> None:
    await brokered_in_every_state(house)
    finance, spoken = await house.as_(Role.FINANCE, "Fei"), {"accept-language": language}
    page = (await finance.get(PAGE, headers=spoken)).text
    assert [one for one in words if one not in page] == []
    overview = (await finance.get("/money", headers=spoken)).text
    for counted in {
        "en": ("Sellers of brokered cards", "payments to sellers"),
        "zh": ("待机构付款", "待审批的机构付款"),
    }[language]:
        assert counted in overview
    reader = (await (await house.as_(Role.COMPLIANCE)).get(PAGE, headers=spoken)).text
    assert 'method="post" action="/sales' not in reader


async def test_received_commission_is_recorded_by_form(house: House) -> None:
    await a_brokered_sale(house)
    finance, key = await house.as_(Role.FINANCE), new_id()
    page = (await finance.get(PAGE)).text
    ours = page.split('id="ours"')[1]
    assert ("Held by the provider" in ours, "To be paid to sellers" in ours) == (True, True)
    given = {"key": key, "provider": "alipay", "amount": "23.75", "rail": "bank", "reference": f"IN-{key[-8:]}", "received_on": TODAY}  # fmt: skip
    for changed, status, words in (
        ({"amount": "999,999.00"}, 409, "of the split account is ours"), ({"amount": "some"}, 422, "Amount"), ({"reference": ""}, 422, "Reference"),
    ):  # fmt: skip
        refused = await post(finance, PAGE, **given | changed)
        assert (refused.status_code, words in refused.text) == (status, True)
    assert [(await send(finance, PAGE, **given)).status_code for _ in range(2)] == [303, 303]
    for language, words in (("en", "Our part of brokered sales"), ("zh", "撮合销售中本平台应得")):
        shown = (await finance.get("/sales/buyers", headers={"accept-language": language})).text
        assert (given["reference"] in shown, words in shown) == (True, True)


async def test_provider_debt_is_shown_repaid_by_two_people_or_offset_against_the_next_commission(house: House) -> None:
    sale = await a_commission_owed_back(house)
    first, second, key = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE), new_id()
    for language, words in (
        ("en", ("Owed back", "Since", "Record a repayment")),
        ("zh", ("应退还", "起始时间", "登记退还")),
    ):
        page = (await first.get(PAGE, headers={"accept-language": language})).text
        debts = page.split('id="owed-back"')[1]
        assert [one for one in (*words, f'href="/sales/{sale}"', "23.75") if one not in debts] == []
    said = {
        "key": key,
        "provider": "alipay",
        "amount": "3.75",
        "rail": "bank",
        "reference": f"OUT-{key[-8:]}",
        "paid_on": TODAY,
    }
    for changed, status, word in (
        ({"amount": "999,999.00"}, 409, "is owed back to this provider"), ({"amount": "some"}, 422, "Amount"), ({"reference": ""}, 422, "Reference"),
        ({"paid_on": "2001-01-01"}, 422, "Paid on"),
    ):  # fmt: skip
        refused = await upload(first, f"{PAGE}/repayments", **said | changed)
        assert (refused.status_code, word in refused.text) == (status, True)
        assert f'value="{(said | changed)["amount"]}"' in refused.text  # What was typed stays.
    assert [(await upload(first, f"{PAGE}/repayments", **said)).status_code for _ in range(2)] == [303, 303]
    row = await repayment_of(house, said["reference"])
    confirm = f"{PAGE}/repayments/{row.id}/confirm"
    assert "Repayments to providers" in (await first.get("/money")).text
    assert (confirm in (await first.get(PAGE)).text, confirm in (await second.get(PAGE)).text) == (False, True)
    assert (await post(first, confirm)).status_code == 403
    assert [(await post(second, confirm)).status_code for _ in range(2)] == [303, 303]
    assert (await post(first, f"{PAGE}/repayments/{row.id}/discard")).status_code == 409
    kept = await (await house.as_(Role.COMPLIANCE)).get(f"{PAGE}/repayments/{row.id}/evidence")
    assert (kept.content, kept.headers["content-disposition"].startswith("attachment")) == (PDF, True)
    found = await second.get(f"/money/causes/provider_repaid:{row.id}")
    assert found.headers["location"] == f"{PAGE}#repayment-{row.id}"
    await a_brokered_sale(house)
    given = {
        "key": new_id(),
        "provider": "alipay",
        "amount": "0",
        "kept": "20.00",
        "rail": "bank",
        "reference": f"IN-{key[-8:]}",
        "received_on": TODAY,
    }
    assert 'name="kept"' in (await first.get(PAGE)).text
    over = await post(first, PAGE, **given | {"kept": "20.01", "amount": "1.00"})
    assert (over.status_code, "20.00 is owed back" in over.text) == (409, True)
    assert (await send(first, PAGE, **given)).status_code == 303
    assert 'id="owed-back"' in (await first.get(PAGE)).text  # What was paid back stays.
    assert 'name="kept"' not in (await first.get(PAGE)).text
