"""A seller chooses how to be paid, confirms a transfer, or has it called off, on pages that need no script."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from database.sealed import CONFIRMATION, PAYEE_ACCOUNT
from database.session import Database
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.rails import ConfirmationRow
from domain.cards.card import Stage, WaitingFor
from domain.finance.rails import Rail
from domain.identifiers import payout_key
from seller_ui.app import build
from seller_ui.services import SellerServices
from tests.seller_ui.conftest import GOOD_CODE, PlayedDesk
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import card_id, move, sold

OPENID = "o-MYE42l80oelYMDE34nYD456Xoy"
BANK = {"payee_rail": "bank", "payee_account": "6222 0202 0011 2233 445", "payee_bank": "中国工商银行"}


@pytest.fixture
def services(services: SellerServices) -> SellerServices:
    """All rails are offered, and something opens a confirmation."""
    return replace(services, rails=tuple(Rail), confirm_url="http://wechat.test/confirm?package=")


@pytest_asyncio.fixture(loop_scope="session")
async def browser(services: SellerServices) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(build(services))
    headers = {"accept": "text/html", "accept-language": "en"}
    async with httpx.AsyncClient(transport=transport, base_url="http://cardloop.test", headers=headers) as client:
        page = await Page.get(client, "/sign-in")
        page = await page.send("/sign-in", phone="13800000033")
        await page.send("/sign-in/code", code=GOOD_CODE)
        yield client


async def payee_of(services: SellerServices, card: str) -> tuple[Rail, str, str]:
    statement = select(SubmissionRow).join(CardRow, CardRow.submission_id == SubmissionRow.id).where(CardRow.id == card)
    async with services.database.transaction() as session:
        row = (await session.execute(statement)).scalar_one()
    return row.payee_rail, PAYEE_ACCOUNT.open(services.keyring, row.id, row.payee_account_sealed), row.payee_masked


@pytest.mark.parametrize(
    ("typed", "rail", "account"),
    [
        ({}, Rail.ALIPAY, "13800000021"),
        ({"payee_rail": "wechat", "payee_account": OPENID}, Rail.WECHAT, OPENID),
        (BANK, Rail.BANK, "6222020200112233445 中国工商银行"),
    ],
    ids=["alipay", "wechat", "bank"],
)
async def test_a_card_is_sold_to_be_paid_by_the_chosen_rail_and_the_next_offers_the_same(
    browser: httpx.AsyncClient, services: SellerServices, typed: dict[str, str], rail: Rail, account: str
) -> None:
    card = card_id(await sold(browser, **typed))
    found = await payee_of(services, card)
    assert found[:2] == (rail, account)
    assert account not in (await browser.get("/sell/walmart?how=type")).text
    assert found[2] in (await browser.get("/sell/walmart?how=type")).text
    again = card_id(await sold(browser, payee="same"))
    assert (await payee_of(services, again))[:2] == (rail, account)


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"payee_rail": "wechat", "payee_account": "13800000021"}, "payee_account"),
        ({"payee_rail": "wechat", "payee_account": "o-имя-в-кириллице-000000"}, "payee_account"),
        (BANK | {"payee_bank": ""}, "payee_bank"),
        (BANK | {"payee_account": "12"}, "payee_account"),
        (BANK | {"payee_bank": "a|b"}, "payee_account"),
        ({"payee_rail": "alipay", "payee_account": OPENID}, "payee_account"),
    ],
)
async def test_what_the_rail_cannot_know_comes_back_with_its_reason(
    browser: httpx.AsyncClient, typed: dict[str, str], field: str
) -> None:
    page = await sold(browser, **typed)
    assert page.status == 422
    assert f'id="{field}-fault"' in page.text
    rail = typed["payee_rail"]
    assert f'value="{rail}" checked' in page.text


async def test_a_rail_that_is_not_offered_is_refused(browser: httpx.AsyncClient, services: SellerServices) -> None:
    assert Rail.BANK in services.rails
    page = await sold(browser, payee_rail="cash")  # No rail at all: as if none was chosen.
    assert page.status == 200
    only = replace(services, rails=(Rail.ALIPAY,))
    transport = httpx.ASGITransport(build(only))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://cardloop.test", headers=browser.headers, cookies=browser.cookies
    ) as client:
        refused = await sold(client, **BANK)
        assert refused.status == 422
        assert "not available" in refused.text
        assert "payee_rail" not in (await client.get("/sell/walmart?how=type")).text


async def to_confirm(services: SellerServices, browser: httpx.AsyncClient, *, package: str | None = "pack age") -> str:
    card = card_id(await sold(browser, payee_rail="wechat", payee_account=OPENID))
    await move(services.database, card, Stage.PAYOUT, WaitingFor.SELLER_CONFIRM, "payout.to_confirm")
    key = payout_key(card, 1)
    row = ConfirmationRow(
        key=key, card_id=card, expires_at=datetime.now(UTC) + timedelta(hours=20),
        package_sealed=CONFIRMATION.seal(services.keyring, key, package),
    )  # fmt: skip
    async with services.database.transaction() as session:
        session.add(row)
    return card


@pytest.mark.parametrize(
    ("language", "words", "left"),
    [
        ("en", "Confirm in WeChat", r"(19|20)[^<]* left to confirm"),
        ("zh-CN", "去微信确认收款", r"确认剩余时间：(19|20)"),
    ],
)
async def test_the_page_leads_to_the_confirmation_and_says_until_when(
    browser: httpx.AsyncClient, services: SellerServices, language: str, words: str, left: str
) -> None:
    card = await to_confirm(services, browser)
    browser.headers["accept-language"] = language
    text = (await browser.get(f"/cards/{card}")).text
    assert words in text
    assert 'href="http://wechat.test/confirm?package=pack%20age"' in text
    assert re.search(left, text) is not None


async def test_a_confirmation_that_cannot_be_opened_here_says_where_it_is(
    browser: httpx.AsyncClient, services: SellerServices
) -> None:
    card = await to_confirm(services, browser, package=None)
    text = (await browser.get(f"/cards/{card}")).text
    assert "cannot be opened from here" in text
    assert "http://wechat.test" not in text


async def test_a_transfer_is_called_off_once_and_the_gateway_is_asked_by_the_card(
    browser: httpx.AsyncClient, services: SellerServices, desk: PlayedDesk, database: Database
) -> None:
    card = await to_confirm(services, browser)
    page = await Page.get(browser, f"/cards/{card}")
    for _ in range(2):
        answer = await page.fill(f"/cards/{card}/transfer/cancel", {})
        assert (answer.status, answer.path) == (200, f"/cards/{card}")
        assert "is being called off" in answer.text
    assert ("payment_reported", card, payout_key(card, 1)) in desk.told
    async with database.transaction() as session:
        row = await session.get_one(ConfirmationRow, payout_key(card, 1))
    assert row.cancel_asked_by is not None
    assert row.cancel_asked_by.startswith("seller:")


async def test_nothing_to_call_off_is_refused_in_words(browser: httpx.AsyncClient, services: SellerServices) -> None:
    waiting = await to_confirm(services, browser)
    page = await Page.get(browser, f"/cards/{waiting}")
    other = card_id(await sold(browser))
    sent = page.fields(f"/cards/{waiting}/transfer/cancel")
    assert (await browser.post(f"/cards/{other}/transfer/cancel", data=sent)).status_code == 409


async def test_money_that_came_back_is_explained_and_another_rail_is_chosen(
    browser: httpx.AsyncClient, services: SellerServices
) -> None:
    card = card_id(await sold(browser))
    facts = {"key": "k", "amount": "¥465.00", "code": "REFUND"}
    await move(services.database, card, Stage.PAYOUT, WaitingFor.SELLER_PAYEE, "payout.returned", facts=facts)
    page = await Page.get(browser, f"/cards/{card}")
    assert "was returned to us" in page.text
    answer = await page.fill(f"/cards/{card}/payee", BANK | {"payee_name": "李明"})
    assert answer.status == 200
    assert (await payee_of(services, card))[:2] == (Rail.BANK, "6222020200112233445 中国工商银行")
