"""An act of finance that comes too late, or names what is not there, is refused on the page that it was made on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy import text, update

from database.tables.finance.payout import PayoutRow
from domain.finance.payout import PayoutState
from domain.identifiers import payout_key
from domain.people.roles import Role
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.sale_scenes import sales_in_every_state
from tests.reviewer_ui.settlement_scenes import settlements_in_every_state


def in_place(answer: httpx.Response, status: int, *shown: str) -> None:
    """Check that the answer is the page itself with its refusal, and leads back to itself from another language."""
    assert answer.status_code == status
    assert 'class="status-code"' not in answer.text  # That is the error page.
    assert 'class="alert alert-danger refusal"' in answer.text
    assert "Page not found" not in answer.text
    assert [words for words in shown if words not in answer.text] == []
    back = re.search(r'name="back" value="([^"]*)"', answer.text)
    assert back is not None
    assert back[1] not in ("", "/")


async def proved(house: House, name: str) -> httpx.AsyncClient:
    browser = await house.as_(Role.FINANCE, name)
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE console_session SET stepped_up_at = now()"))
    return browser


async def test_approving_a_discarded_stated_outcome_is_refused(house: House) -> None:
    waiting = await house.cards.waiting()
    await house.cards.payout(waiting, PayoutState.UNKNOWN)
    key = payout_key(waiting.card_id, 1)
    async with house.database.transaction() as session:
        long_ago = {"prepared_at": datetime.now(UTC) - timedelta(hours=3)}
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(**long_ago))
    first, second = await proved(house, "Su"), await proved(house, "Ding")
    token = re.search(r'name="csrf" value="([^"]+)"', (await first.get(f"/payouts/{key}")).text)
    assert token is not None
    said = {"csrf": token[1], "outcome": "refused", "reason": "The letter says so."}
    files = {"evidence": ("letter.pdf", PDF, "application/pdf")}
    assert (await first.post(f"/payouts/{key}/state", data=said, files=files)).status_code == 303
    agree = re.search(r'action="(/payouts/[^"]+/agree)"', (await second.get(f"/payouts/{key}")).text)
    assert agree is not None
    discard = agree[1].removesuffix("agree") + "decline"
    assert (await post(first, discard)).status_code == 303
    for late in (agree[1], discard):
        in_place(await post(second, late), 409, key, "The letter says so.")


async def test_answering_a_settled_return_request_is_refused(house: House) -> None:
    sale = (await sales_in_every_state(house))["sale"]
    first, second = await proved(house, "Su"), await proved(house, "Ding")
    page = f"/sales/{sale}"
    in_place(await post(first, f"{page}/return", reason_code=""), 422, "Request reversal")
    assert (await post(first, f"{page}/return", reason_code="agreed")).status_code == 303
    in_place(await post(second, f"{page}/return", reason_code="agreed"), 409, "Reversal requested")
    in_place(await post(first, f"{page}/return/agree"), 403)
    assert (await post(first, f"{page}/return/decline")).status_code == 303
    for late in ("agree", "decline"):
        in_place(await post(second, f"{page}/return/{late}"), 409, "The reversal request was rejected.")


async def test_settlement_work_taken_by_a_colleague_is_named_on_the_run(house: House) -> None:
    run = (await settlements_in_every_state(house))["settlement_disputed"]
    first, second = await proved(house, "Su"), await proved(house, "Ding")
    assert (await post(first, f"/settlements/{run}/take")).status_code == 303
    in_place(await post(second, f"/settlements/{run}/take"), 409, "Uphold the statement")


async def test_unknown_card_or_seller_is_a_field_error(house: House) -> None:
    finance = await proved(house, "Su")
    given = {"key": "k-nothing", "card_id": "01NOTHERE", "buyer": "acme", "price": "475.00", "currency": "CNY", "sold_on": f"{datetime.now(UTC):%Y-%m-%d}"}  # fmt: skip
    for address in ("/sales/preview", "/sales"):
        in_place(await post(finance, address, **given), 422, "Card: Not found", 'value="01NOTHERE"')
    version = re.search(r'name="version" value="([^"]+)"', (await finance.get("/tax")).text)
    if version is not None:  # Another test of this database took the signature away.
        await post(finance, "/tax/sign-off", version=version[1], note="our adviser agrees")
    in_place(
        await post(finance, "/tax/certificate", owner="seller:01NOTHERE", year="2026", language="en"),
        422, "Seller or partner: Nothing was paid", 'value="seller:01NOTHERE"',
    )  # fmt: skip


async def test_approving_a_withdrawn_close_request_is_refused(house: House) -> None:
    first, second = await proved(house, "Su"), await proved(house, "Ding")
    month = f"{(datetime.now(UTC).replace(day=1) - timedelta(days=62)):%Y-%m}"
    assert (await post(first, "/money/periods/ask", month=month, note="late files")).status_code in (303, 409)
    page = (await second.get("/money/periods")).text
    asked = re.search(r'action="(/money/periods/[^"/]+)/agree"', page)
    if asked is None:  # Another test of this database has closed it.
        return
    assert (await post(first, f"{asked[1]}/withdraw")).status_code == 303
    for late in ("agree", "withdraw"):
        in_place(await post(second, f"{asked[1]}/{late}"), 409, "was withdrawn")
