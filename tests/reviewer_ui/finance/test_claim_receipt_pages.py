"""Finance records what a seller paid back on the page of claims, and two people take back what was an error."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import select

from database.tables.finance.rollback import ClaimReceiptRow, RollbackRow
from domain.finance.rollback import RollbackState
from domain.identifiers import new_id
from domain.people.roles import Role
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.payment_scenes import a_claim, recovered_in_part
from tests.reviewer_ui.sale_scenes import TODAY

PAGE = "/claims"


async def upload(browser: httpx.AsyncClient, claim: str, **fields: str) -> httpx.Response:
    """Send the form of a claim with a document, as a browser does."""
    page = (await browser.get(PAGE)).text
    token = re.search(r'name="csrf" value="([^"]+)"', page)
    key = re.search(rf'name="key" value="([^"]+-{claim})"', page)
    sent = {"csrf": token[1] if token else "", "key": key[1] if key else "", "rail": "bank", "received_on": TODAY}
    files = {"evidence": ("advice.pdf", PDF, "application/pdf")}
    return await browser.post(f"{PAGE}/{claim}/receive", data=sent | fields, files=files)


async def receipt_of(house: House, claim: str) -> ClaimReceiptRow:
    """The newest payment on a claim."""
    found = select(ClaimReceiptRow).where(ClaimReceiptRow.claim_id == claim).order_by(ClaimReceiptRow.id.desc())
    async with house.database.transaction() as session:
        return (await session.execute(found.limit(1))).scalar_one()


async def state_of(house: House, claim: str) -> RollbackState:
    async with house.database.transaction() as session:
        return (await session.get_one(RollbackRow, claim)).state


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("Amount that arrived (¥441.00 is left)", "¥441.00 repaid on", "Recorded in error", "Remove the payment"),
        ),
        ("zh", ("到账金额（尚欠 ¥441.00）", "退还 ¥441.00", "登记有误", "批准撤销退还款")),
    ],
)
async def test_repayment_is_recorded_shown_and_reversed_by_two(
    house: House, language: str, words: tuple[str, ...]
) -> None:
    first, second = await house.as_(Role.FINANCE, "Fei"), await house.as_(Role.FINANCE)
    proposer = await house.cards.person(Role.COMPLIANCE)
    claim, spoken = await a_claim(house, proposer, RollbackState.CLAIMED), {"accept-language": language}
    seen = (await first.get(PAGE, headers=spoken)).text
    assert words[0] in seen
    reference = f"BANK-{new_id()}"
    for changed, status, said in (
        ({"amount": "441.01"}, 409, "¥441.00"), ({"amount": "many"}, 422, "many"), ({"received_on": "2001-01-01"}, 422, "2001-01-01"),
    ):  # fmt: skip
        refused = await upload(first, claim, **({"amount": "441.00", "reference": reference} | changed))
        assert (refused.status_code, said in refused.text, reference in refused.text) == (status, True, True)
    assert (await upload(first, claim, amount="441.00", reference=reference)).status_code == 303
    assert await state_of(house, claim) is RollbackState.SETTLED
    row = await receipt_of(house, claim)
    back = f"{PAGE}/receipts/{row.id}/reverse"
    seen = (await first.get(PAGE, headers=spoken)).text
    assert all(one in seen for one in (*words[1:3], reference, back))
    kept = await (await house.as_(Role.COMPLIANCE)).get(f"{PAGE}/receipts/{row.id}/evidence")
    assert (kept.content, kept.headers["content-disposition"].startswith("attachment")) == (PDF, True)
    empty = await post(first, back, reason="")
    assert empty.status_code == 422
    assert (await post(first, back, reason="Of another seller")).status_code == 303
    assert (await post(first, f"{back}/agree")).status_code == 403
    seen = (await second.get(PAGE, headers=spoken)).text
    assert all(one in seen for one in (words[3], "Of another seller"))
    assert (await post(second, f"{back}/refuse")).status_code == 303
    assert (await post(second, f"{back}/agree")).status_code == 409  # Nobody asks any more.
    assert (await post(first, back, reason="Of another seller")).status_code == 303
    assert "Of another seller" in (await second.get(PAGE, headers=spoken)).text
    assert (await post(second, f"{back}/agree")).status_code == 303
    assert await state_of(house, claim) is RollbackState.CLAIMED
    found = await second.get(f"/money/causes/claim_receipt:{row.id}")
    assert found.headers["location"] == f"{PAGE}#claim-{claim}"


async def test_claims_role_cannot_record_money(house: House) -> None:
    claim = await a_claim(house, await house.cards.person(Role.FINANCE), RollbackState.CLAIMED)
    browser = await house.as_(Role.COMPLIANCE)
    assert f"{PAGE}/{claim}/receive" not in (await browser.get(PAGE)).text
    assert (await upload(browser, claim, amount="1.00", reference="B-1")).status_code == 403


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("the claim was written off", "was repaid after the write-off")),
        ("zh", ("追回已核销，最多可收", "核销后卖家又退还")),
    ],
)
async def test_payment_after_a_write_off_is_recorded_and_shown(
    house: House, language: str, words: tuple[str, ...]
) -> None:
    browser, spoken = await house.as_(Role.FINANCE, "Fei"), {"accept-language": language}
    claim = await a_claim(house, await house.cards.person(Role.COMPLIANCE), RollbackState.CLAIMED)
    await recovered_in_part(house, claim)
    row = (await browser.get(PAGE, headers=spoken)).text.partition(f'id="claim-{claim}"')[2].partition("</tr>")[0]
    assert all(one in row for one in (*words, "¥241.00", "¥200.00"))
    refused = await upload(browser, claim, amount="241.01", reference="BACK-4")
    assert (refused.status_code, "¥241.00" in refused.text) == (409, True)
    assert (await upload(browser, claim, amount="241.00", reference="BACK-4")).status_code == 303
    assert await state_of(house, claim) is RollbackState.WRITTEN_OFF
    assert f"{PAGE}/{claim}/receive" not in (await browser.get(PAGE)).text
