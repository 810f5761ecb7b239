"""Where a provider contradicts a refused order whose card another order paid, the second payment is claimed from the order's page."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select

from database.tables.finance.rollback import RollbackRow
from domain.people.roles import Role
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, form_token, post
from tests.reviewer_ui.returned_scenes import a_contradiction

WORDS = "Both payments are on the bill."


async def claimed(browser: httpx.AsyncClient, key: str, words: str) -> httpx.Response:
    """Send the form of the claim with its document."""
    files = {"evidence": ("bill.pdf", PDF, "application/pdf")}
    data = {"csrf": await form_token(browser), "words": words}
    return await browser.post(f"/payouts/{key}/paid-twice", data=data, files=files)


@pytest.mark.parametrize(("language", "words"), [("en", "The seller was paid twice"), ("zh", "卖家被重复付款")])
async def test_a_second_payment_is_claimed_from_the_order_and_agreed_to_among_the_claims(
    house: House, language: str, words: str
) -> None:
    key = await a_contradiction(house)
    finance, second = await house.as_(Role.FINANCE), await house.as_(Role.COMPLIANCE)
    assert words in (await finance.get(f"/payouts/{key}", headers={"accept-language": language})).text
    lead = await house.as_(Role.SUPPORT_LEAD)
    assert f"/payouts/{key}/paid-twice" not in (await lead.get(f"/payouts/{key}")).text
    empty = await claimed(finance, key, " ")
    assert empty.status_code == 422
    assert (await claimed(finance, key, WORDS)).status_code == 303
    again = await claimed(finance, key, "Once more.")
    assert (again.status_code, "/claims#claim-" in again.text) == (409, True)  # It leads to the claim that stands.
    async with house.database.transaction() as session:
        claim = (await session.execute(select(RollbackRow.id).where(RollbackRow.order_key == key))).scalar_one()
    page = (await second.get("/claims", headers={"accept-language": language})).text
    assert f'href="/payouts/{key}"' in page
    assert (await post(second, f"/claims/{claim}/agree")).status_code == 303
    shown = (await finance.get(f"/payouts/{key}")).text
    assert f"/claims#claim-{claim}" in shown
    assert f"/payouts/{key}/paid-twice" not in shown
    assert WORDS in shown  # What was found is kept with the contradiction.
    assert f"/payouts/{key}#stated" not in (await finance.get("/money")).text
