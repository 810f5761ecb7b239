"""A seller whose payee was refused reads why and names another, on the card's own page, in their language."""

from __future__ import annotations

import httpx
import pytest

from database.session import Database
from database.tables.cards import CardRow, SubmissionRow
from database.tables.columns import now
from database.tables.people import PersonRow
from database.tables.support.payee_requests import PayeeRequestRow
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.cards.card import Stage, WaitingFor
from domain.identifiers import new_id, ticket_task
from domain.support.tickets import TicketCategory, TicketChannel
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import card_id, move, sold

REFUSED = {"key": "k", "amount": "¥465.00", "code": "PAYEE_USER_INFO_ERROR", "payee_fault": "name_differs"}
OTHER = {"payee_account": "13800000088", "payee_name": "李明"}


async def refused(browser: httpx.AsyncClient, database: Database, **facts: str) -> str:
    card = card_id(await sold(browser))
    await move(database, card, Stage.PAYOUT, WaitingFor.SELLER_PAYEE, "payout.refused", facts=REFUSED | facts)
    return card


@pytest.mark.parametrize(
    ("language", "why", "owed"),
    [
        ("en", "The name does not match the account.", "We owe you this money"),
        ("zh-CN", "姓名与账户不一致。", "一直为您保留"),
    ],
)
async def test_the_page_says_why_and_that_the_money_is_owed(
    browser: httpx.AsyncClient, database: Database, language: str, why: str, owed: str
) -> None:
    card = await refused(browser, database)
    browser.headers["accept-language"] = language
    text = (await browser.get(f"/cards/{card}")).text
    assert why in text
    assert owed in text


async def test_an_unspecific_code_is_shown_without_blaming_the_payee(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card = await refused(browser, database, code="FAIL", payee_fault="")
    browser.headers["accept-language"] = "en"
    assert "The payment channel rejected the account you entered" in (await browser.get(f"/cards/{card}")).text


@pytest.mark.parametrize(
    ("language", "title", "why"),
    [
        ("en", "Please enter another account", "The payee&#39;s name differs"),
        ("zh-CN", "请填写其他收款账户", "收款人姓名与已核实的卖家姓名不一致"),
    ],
)
async def test_who_is_asked_for_another_payee_reads_that_nothing_was_sent_and_why(
    browser: httpx.AsyncClient, database: Database, language: str, title: str, why: str
) -> None:
    card = card_id(await sold(browser))
    facts = {"key": "k", "held_for": "name_differs", "payee": "138****0021"}
    await move(database, card, Stage.PAYOUT, WaitingFor.SELLER_PAYEE, "payout.payee_wanted", facts=facts)
    browser.headers["accept-language"] = language
    text = (await browser.get(f"/cards/{card}")).text
    assert title in text
    assert why in text
    assert "The payment did not go through" not in text
    page = await Page.get(browser, f"/cards/{card}")
    assert (await page.fill(f"/cards/{card}/payee", OTHER)).status == 200


async def test_another_payee_is_taken_also_when_it_is_sent_twice(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card = await refused(browser, database)
    page = await Page.get(browser, f"/cards/{card}")
    for _ in range(2):
        answer = await page.fill(f"/cards/{card}/payee", OTHER)
        assert (answer.status, answer.path) == (200, f"/cards/{card}")


@pytest.mark.parametrize("wrong", [{"payee_account": ""}, {"payee_name": ""}, {"payee_account": "支付宝"}])
async def test_what_cannot_be_a_payee_comes_back_with_what_was_typed(
    browser: httpx.AsyncClient, database: Database, wrong: dict[str, str]
) -> None:
    card = await refused(browser, database)
    page = await Page.get(browser, f"/cards/{card}")
    answer = await page.fill(f"/cards/{card}/payee", OTHER | wrong)
    assert answer.status == 422
    kept = (OTHER | wrong)["payee_name"]
    assert f'value="{kept}"' in answer.text
    (field,) = wrong
    assert f'id="{field}-fault"' in answer.text


async def test_a_card_that_waits_for_no_payee_takes_none(browser: httpx.AsyncClient, database: Database) -> None:
    card = card_id(await sold(browser))
    waiting = await refused(browser, database)
    page = await Page.get(browser, f"/cards/{waiting}")
    sent = page.fields(f"/cards/{waiting}/payee") | OTHER
    assert (await browser.post(f"/cards/{card}/payee", data=sent)).status_code == 409


async def test_the_page_says_that_finance_must_agree_to_a_second_payee(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card = await refused(browser, database)
    browser.headers["accept-language"] = "en"
    assert "finance" not in (await browser.get(f"/cards/{card}")).text
    await asked_by_support(database, card)
    page = await Page.get(browser, f"/cards/{card}")
    assert "Our finance team looks at the new account before it is paid." in page.text
    answer = await page.fill(f"/cards/{card}/payee", OTHER)
    assert (answer.status, "Our finance team checks it and then pays" in answer.text, "138****0088" in answer.text) == (
        200,
        True,
        True,
    )


async def asked_by_support(database: Database, card: str) -> None:
    """As an agent does it from a ticket."""
    async with database.transaction() as session:
        row = await session.get_one(CardRow, card)
        submission = await session.get_one(SubmissionRow, row.submission_id)
        agent = PersonRow(
            id=new_id(), email=f"{new_id()}@example.com", name="He Min", password_hash="", roles=["support"]
        )
        ticket_id = new_id()
        task = WorkItemRow(
            id=ticket_task(ticket_id),
            kind="ticket",
            seller=submission.owner,
            value_minor=0,
            warn_at=now(),
            due_at=now(),
        )
        session.add_all([agent, task])
        await session.flush()
        session.add(TicketRow(id=ticket_id, task_id=task.id, category=TicketCategory.PAYOUT_LATE, channel=TicketChannel.WEB, subject="Money", requester=submission.owner, opened_by=submission.owner))  # fmt: skip
        await session.flush()
        session.add(PayeeRequestRow(id=new_id(), ticket_id=ticket_id, card_id=card, submission_id=submission.id, reason_code="seller_named", asked_by=agent.id, askers=[agent.id]))  # fmt: skip
