"""Suspense and reversals on their pages: two people, the input is kept, and the daily close names what is left."""

from __future__ import annotations

import re

import pytest
import pytest_asyncio
from sqlalchemy import select

from database.tables.finance.rollback import ClaimReceiptRow, RollbackRow
from database.tables.finance.statements import BreakRow
from database.tables.finance.suspense import SuspenseClearingRow
from domain.finance.breaks import BreakState
from domain.finance.rollback import RollbackState
from domain.people.roles import Role
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, form_token, post
from tests.reviewer_ui.payment_scenes import a_claim
from tests.reviewer_ui.reconciliation_scenes import reconciliation_of_every_kind

PAGE = "/reconciliation/suspense"


@pytest_asyncio.fixture
async def names(house: House) -> dict[str, str]:
    return await reconciliation_of_every_kind(house)


async def test_a_decision_is_reversed_on_its_page_and_its_history_stays(house: House, names: dict[str, str]) -> None:
    asker, second = await house.as_(Role.FINANCE, "Hua"), await house.as_(Role.FINANCE, "Ivy")
    at = f"/reconciliation/breaks/{names['break_suspense']}"
    asked = re.search(rf'action="{at}/reversals/(\w+)/agree"', (await second.get(at)).text)
    assert asked is not None
    assert (await post(asker, f"{at}/reversals/{asked[1]}/decline")).status_code == 303
    closed = await post(asker, f"{at}/reverse", reason="It is a charge.", counts_for="2020-01-01")
    assert (closed.status_code, "It is a charge." in closed.text) == (422, True)  # What was typed is not lost.
    assert (await post(asker, f"{at}/reverse", reason="It is a charge.")).status_code == 303
    asked = re.search(rf'action="{at}/reversals/(\w+)/decline"', (await asker.get(at)).text)
    assert asked is not None
    own = await post(asker, f"{at}/reversals/{asked[1]}/agree")
    assert own.status_code == 403
    assert "It is a charge." in (await second.get("/reconciliation")).text
    assert (await post(second, f"{at}/reversals/{asked[1]}/agree")).status_code == 303
    page = (await second.get(at)).text
    for shown in ("Reversed before", "Asked the provider.", "Hua", "Ivy", ":adjusted:reversed"):
        assert shown in page, shown
    async with house.database.transaction() as session:
        row = await session.get_one(BreakRow, names["break_suspense"])
        assert row.state is BreakState.OPEN


async def test_suspense_entry_is_cleared_by_two_and_listed_by_the_daily_close(
    house: House, names: dict[str, str]
) -> None:
    finance, second = await house.as_(Role.FINANCE, "Hua"), await house.as_(Role.FINANCE, "Ivy")
    page = (await finance.get("/reconciliation/suspense")).text
    for shown in ("¥200.00", "of ¥300.00", "Fei", "¥25.00 waits for a second person", "Topped up by us."):
        assert shown in page, shown
    day = (await finance.get(f"/reconciliation/days/wechat/{names['recon_day']}")).text
    assert "&lt;time" not in day
    assert ("In suspense: " in day, "/reconciliation/suspense/entries/" in day) == (True, True)
    to, sent = "/reconciliation/suspense/clearings", {
        "csrf": await form_token(finance), "entry_id": names["suspense_entry"], "cleared_as": "interest",
        "reason": "By the bank's letter.",
    }  # fmt: skip
    file = {"evidence": ("letter.pdf", PDF, "application/pdf")}
    for amount, status, words in (("175.01", 409, "Only ¥175.00"), ("a lot", 422, "By the bank&#39;s letter.")):
        refused = await finance.post(to, data=sent | {"amount": amount}, files=file)
        assert (refused.status_code, words in refused.text) == (status, True)
    assert (await finance.post(to, data=sent | {"amount": "175.00"}, files=file)).status_code == 303
    at = f"/reconciliation/suspense/clearings/{names['suspense_clearing']}"
    assert (await post(second, f"{at}/agree")).status_code == 303
    after = await second.get("/reconciliation/suspense")  # What was cleared can be asked to be reversed.
    assert (after.status_code, f'action="{at}/reverse"' in after.text) == (200, True)
    assert (await second.get(f"{at}/evidence")).content.startswith(b"%PDF")
    again = await post(second, f"{at}/decline")
    assert (again.status_code, "declined or reversed before" in again.text) == (409, True)
    asked = await post(finance, f"{at}/reverse", reason="It was a buyer.")
    assert asked.status_code == 303
    wrong = await post(finance, f"{at}/reverse", reason="It was a buyer.")
    assert (wrong.status_code, "has asked to reverse" in wrong.text) == (409, True)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("A seller repaid a claim", "Card of the claim", "Identified in suspense")),
        ("zh", ("卖家退还追回款", "追回对应的卡", "由待核实款项认定")),
    ],
)
async def test_seller_repayment_in_suspense_is_assigned_to_its_claim(
    house: House, names: dict[str, str], language: str, words: tuple[str, ...]
) -> None:
    first, second, spoken = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE), {"accept-language": language}
    claim = await a_claim(house, await house.cards.person(Role.COMPLIANCE), RollbackState.CLAIMED)
    async with house.database.transaction() as session:
        card = (await session.get_one(RollbackRow, claim)).card_id
    entry = f"{PAGE}/entries/{names['suspense_entry']}"
    form = (await first.get(entry, headers=spoken)).text
    assert all(one in form for one in words[:2])
    unclaimed, secret = (await house.cards.waiting()).card_id, "6228480402564890018"
    sent = {
        "csrf": await form_token(first), "entry_id": names["suspense_entry"], "cleared_as": "claim", "amount": "175.00",
        "reason": "By the bank's letter.",
    }  # fmt: skip
    file = {"evidence": ("letter.pdf", PDF, "application/pdf")}
    for named, minor, status in (
        ("", "1.00", 422),
        (unclaimed, "1.00", 422),
        (secret, "1.00", 422),
        (card, "1000.00", 409),
    ):
        refused = await first.post(f"{PAGE}/clearings", data=sent | {"claim": named, "amount": minor}, files=file)
        assert (refused.status_code, "By the bank&#39;s letter." in refused.text) == (status, True)
        assert secret not in refused.text
    done = await first.post(f"{PAGE}/clearings", data=sent | {"claim": card[-6:]}, files=file)
    assert done.status_code == 303
    async with house.database.transaction() as session:
        found = select(SuspenseClearingRow.id).where(SuspenseClearingRow.claim_id == claim)
        clearing = (await session.execute(found)).scalar_one()
    assert f"/claims#claim-{claim}" in (await second.get(PAGE, headers=spoken)).text
    assert (await post(second, f"{PAGE}/clearings/{clearing}/agree")).status_code == 303
    claims = (await second.get("/claims", headers=spoken)).text
    assert all(one in claims for one in (words[2], f"{PAGE}#clearing-{clearing}", "¥175.00", "¥266.00"))
    async with house.database.transaction() as session:
        receipt = select(ClaimReceiptRow.id).where(ClaimReceiptRow.clearing_id == clearing)
        receipt_id = (await session.execute(receipt)).scalar_one()
    assert f"/claims/receipts/{receipt_id}/reverse" not in claims
    wrong = await post(second, f"/claims/receipts/{receipt_id}/reverse", reason="Of another seller")
    assert wrong.status_code == 409
