"""A returned part on the order's page: booked by two people with a document, dismissed with a reason, and paid again."""

from __future__ import annotations

import httpx
import pytest
from sqlalchemy import select

from database.tables.finance.rails import PartReturnRow
from database.tables.support.goodwill import GoodwillRow
from domain.people.roles import Role
from domain.support.goodwill import GoodwillState
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, form_token, post
from tests.reviewer_ui.returned_scenes import a_part_that_came_back


async def booked(browser: httpx.AsyncClient, page: str, **fields: str) -> httpx.Response:
    """Send the form of a part with its document."""
    files = {"evidence": ("bill.pdf", PDF, "application/pdf")}
    return await browser.post(f"{page}/parts", data={"csrf": await form_token(browser), **fields}, files=files)


@pytest.mark.parametrize(("language", "words"), [("en", "Book what came back"), ("zh", "登记退回款")])
async def test_two_people_book_a_part_with_its_document_and_it_is_paid_again(
    house: House, language: str, words: str
) -> None:
    page = f"/payouts/{await a_part_that_came_back(house)}"
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    shown = (await first.get(page, headers={"accept-language": language})).text
    assert words in shown
    assert f'action="{page}/parts"' not in (await (await house.as_(Role.COMPLIANCE)).get(page)).text
    much = await booked(first, page, amount="300.01", part_reason="The bill shows it.")
    assert (much.status_code, "The bill shows it." in much.text, 'value="300.01"' in much.text) == (409, True, True)
    assert (await booked(first, page, amount="300", part_reason="The bill shows it.")).status_code == 303
    async with house.database.transaction() as session:
        part = (
            await session.execute(select(PartReturnRow).where(PartReturnRow.key == page.split("/")[2]))
        ).scalar_one()
    assert f"{page}/parts/{part.id}/agree" not in (await first.get(page)).text
    assert (await post(first, f"{page}/parts/{part.id}/agree")).status_code == 403
    waits = (await second.get("/money")).text
    assert 'href="/payouts?returned=part"' in waits
    for _ in range(2):  # Pressed twice.
        assert (await post(second, f"{page}/parts/{part.id}/agree")).status_code == 303
    assert (await post(first, f"{page}/parts/{part.id}/decline")).status_code == 409
    kept = await (await house.as_(Role.COMPLIANCE)).get(f"{page}/parts/{part.id}/evidence")
    assert (kept.status_code, kept.headers["content-type"]) == (200, "application/pdf")
    async with house.database.transaction() as session:
        given = (await session.execute(select(GoodwillRow).where(GoodwillRow.part_id == part.id))).scalar_one()
    assert given.ticket_id is None
    listed = (await first.get("/goodwill")).text
    assert f'href="{page}#parts"' in listed
    assert f"/goodwill/{given.id}/agree" in listed
    assert (await post(first, f"/goodwill/{given.id}/decline")).status_code == 303
    assert page in (await first.get("/payouts?returned=part")).text
    assert f"{page}/parts/{part.id}/pay-again" in (await first.get(page)).text
    assert (await post(first, f"{page}/parts/{part.id}/pay-again")).status_code == 303
    assert page not in (await first.get("/payouts?returned=part")).text
    async with house.database.transaction() as session:
        states = (await session.execute(select(GoodwillRow.state).where(GoodwillRow.part_id == part.id))).scalars()
        assert set(states) == {GoodwillState.DECLINED, GoodwillState.PROPOSED}


async def test_a_claim_that_is_wrong_is_dismissed_with_a_reason(house: House) -> None:
    page = f"/payouts/{await a_part_that_came_back(house)}"
    finance = await house.as_(Role.FINANCE)
    assert (await post(finance, f"{page}/parts/dismiss", wrong=" ")).status_code == 422
    assert (await post(finance, f"{page}/parts/dismiss", wrong="The bill has no such line.")).status_code == 303
    assert "The bill has no such line." in (await finance.get(page)).text
    assert page not in (await finance.get("/payouts?returned=part")).text
    again = await post(finance, f"{page}/parts/dismiss", wrong="Once more.")
    assert (again.status_code, "Once more." in again.text) == (409, False)
