"""Suspense and reversals on their pages: two people, the input is kept, and the daily close names what is left."""

from __future__ import annotations

import re

import pytest_asyncio

from database.tables.finance_statements import BreakRow
from domain.finance.breaks import BreakState
from domain.people.roles import Role
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, form_token, post
from tests.reviewer_ui.reconciliation_scenes import reconciliation_of_every_kind


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


async def test_money_in_suspense_is_explained_by_two_and_named_by_the_daily_close(
    house: House, names: dict[str, str]
) -> None:
    finance, second = await house.as_(Role.FINANCE, "Hua"), await house.as_(Role.FINANCE, "Ivy")
    page = (await finance.get("/reconciliation/suspense")).text
    for shown in ("¥200.00", "of ¥300.00", "Fei", "¥25.00 waits for a second person", "Topped up by us."):
        assert shown in page, shown
    day = (await finance.get(f"/reconciliation/days/wechat/{names['recon_day']}")).text
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
    assert (await second.get(f"{at}/evidence")).content.startswith(b"%PDF")
    again = await post(second, f"{at}/decline")
    assert (again.status_code, "declined or reversed before" in again.text) == (409, True)
    asked = await post(finance, f"{at}/reverse", reason="It was a buyer.")
    assert asked.status_code == 303
    wrong = await post(finance, f"{at}/reverse", reason="It was a buyer.")
    assert (wrong.status_code, "has asked to reverse" in wrong.text) == (409, True)
