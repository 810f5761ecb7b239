"""Finance gathers payments for a bank, a second person lets them out, and the bank's answer is read in or refused with its reason."""

from __future__ import annotations

from datetime import date

import httpx
import pytest
from sqlalchemy import delete, update

from database.sealed import ORDER_ACCOUNT, ORDER_NAME
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import BankBatchRow, BankLineRow
from database.tables.finance.routing import RailSwitchRow
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key
from domain.people.roles import Role
from simulators.bills import Result, bank_format, bank_result
from tests.reviewer_ui.conftest import House, form_token, post
from tests.reviewer_ui.waiting_cards import Waiting

DAY = date(2026, 11, 29)
ACCOUNT = "6222020200112233445 中国工商银行"


async def an_order(house: House) -> tuple[Waiting, str]:
    """A card whose order waits for a batch; those of earlier tests wait no more."""
    waiting = await house.cards.waiting()
    key = payout_key(waiting.card_id, 1)
    order = PayoutRow(
        key=key, card_id=waiting.card_id, amount_minor=46_500, state=PayoutState.UNKNOWN, rail=Rail.BANK,
        payee_masked="622****3445 中国工商银行", payee_account_sealed=ORDER_ACCOUNT.seal(house.keyring, key, ACCOUNT),
        payee_name_sealed=ORDER_NAME.seal(house.keyring, key, "王芳"),
    )  # fmt: skip
    over = update(BankLineRow).where(BankLineRow.outcome.is_(None)).values(outcome=PayoutOutcome.REFUSED)
    async with house.database.transaction() as session:
        await session.execute(over)
        session.add(order)
        session.add(BankLineRow(key=key, amount_minor=46_500))
    return waiting, key


async def gathered(browser: httpx.AsyncClient, bank: str = "harbour") -> str:
    made = await post(browser, "/bank-batches", bank=bank)
    assert made.status_code == 303
    return made.headers["location"]


async def upload(browser: httpx.AsyncClient, here: str, content: bytes) -> httpx.Response:
    form = {"csrf": await form_token(browser)}
    return await browser.post(f"{here}/results", data=form, files={"file": ("result.txt", content)})


async def number_of(house: House, here: str) -> str:
    async with house.database.transaction() as session:
        return (await session.get_one(BankBatchRow, here.rpartition("/")[2])).number


@pytest.mark.parametrize(("language", "words"), [("en", "1 payment is waiting"), ("zh", "共 1 笔待汇总")])
async def test_waiting_payments_are_summed_and_only_finance_makes_a_batch(
    house: House, language: str, words: str
) -> None:
    await an_order(house)
    for role, may in ((Role.FINANCE, True), (Role.COMPLIANCE, False)):
        browser = await house.as_(role)
        page = await browser.get("/bank-batches", headers={"accept-language": language})
        assert words in page.text
        assert ('action="/bank-batches"' in page.text) is may
    assert (await post(browser, "/bank-batches", bank="harbour")).status_code == 403


async def test_batch_from_creation_to_bank_result(house: House) -> None:
    waiting, key = await an_order(house)
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    here = await gathered(first)
    own, others = (await first.get(here)).text, (await second.get(here)).text
    assert f"{here}/approve" not in own
    assert f"{here}/approve" in others
    assert (await post(first, f"{here}/approve")).status_code == 403
    early = await post(second, f"{here}/file")
    assert (early.status_code, "another state" in early.text, f"{here}/approve" in early.text) == (409, True, True)
    for _ in range(2):
        assert (await post(second, f"{here}/approve")).status_code == 303
    file = await post(second, f"{here}/file")
    assert file.headers["content-disposition"].startswith("attachment;")
    assert "6222020200112233445" in file.content.decode("gb18030")
    assert (await post(first, f"{here}/drop")).status_code == 409
    number = await number_of(house, here)
    form = bank_format("harbour")
    wrong = bank_result(form, number, DAY, [Result(1, key, 1, "00")])
    refused = await upload(first, here, wrong)
    assert refused.status_code == 422
    assert "an amount is unreadable, or differs from the order" in refused.text
    assert "(line 2)" in refused.text
    right = bank_result(form, number, DAY, [Result(1, key, 46_500, "00", "", "R1")])
    read = await upload(first, here, right)
    assert read.status_code == 200
    assert "Lines read: 1, new: 1. Every payment has a result." in read.text
    assert house.desk.told == [(waiting.card_id, key)]
    again = await upload(second, here, right)
    assert "Lines read: 1, new: 0." in again.text
    assert house.desk.told == [(waiting.card_id, key)]
    assert "complete" in (await first.get(here)).text


async def test_unreachable_card_workflow_queries_on_its_own_timer(house: House) -> None:
    _, key = await an_order(house)
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    here = await gathered(first, "union")
    await post(second, f"{here}/approve")
    await post(second, f"{here}/file")
    house.desk.away = True
    form = bank_format("union")
    content = bank_result(form, await number_of(house, here), DAY, [Result(1, key, 46_500, "失败", "户名不符")])
    page = await upload(first, here, content)
    assert page.status_code == 200
    async with house.database.transaction() as session:
        line = await session.get_one(BankLineRow, key)
    assert (line.outcome, line.said) == (PayoutOutcome.REFUSED, "name_differs")


@pytest.mark.parametrize("bank", ["", "nobody", "../harbour"])
async def test_unknown_bank_and_empty_batch_are_refused(house: House, bank: str) -> None:
    await an_order(house)
    browser = await house.as_(Role.FINANCE)
    assert (await post(browser, "/bank-batches", bank=bank)).status_code == 422
    await gathered(browser)
    assert (await post(browser, "/bank-batches", bank="harbour")).status_code == 409


async def test_page_shows_banks_disabled_before_and_after_submit(house: House) -> None:
    await an_order(house)
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    here = await gathered(first)
    async with house.database.transaction() as session:
        off = RailSwitchRow(id=new_id(), rail=Rail.BANK, off_by=new_id(), off_reason="The bank renews its system.")
        session.add(off)
    for page in ("/bank-batches", here):
        assert 'href="/rails"' in (await second.get(page)).text.partition("<main")[2]
    refused = await post(second, f"{here}/approve")
    assert (refused.status_code, "Two people turn the channel on" in refused.text) == (409, True)
    assert f"{here}/approve" in refused.text  # On the page of the batch, not on one of errors.
    async with house.database.transaction() as session:
        await session.execute(delete(RailSwitchRow).where(RailSwitchRow.id == off.id))
    assert (await post(second, f"{here}/approve")).status_code == 303


async def test_refused_payments_of_a_batch_are_summed_separately(house: House) -> None:
    _, key = await an_order(house)
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    here = await gathered(first)
    await post(second, f"{here}/approve")
    assert f"{here}/results" in (await first.get(here)).text  # A page from before the download takes the answer, too.
    await post(second, f"{here}/file")
    content = bank_result(bank_format("harbour"), await number_of(house, here), DAY, [Result(1, key, 46_500, "02")])
    page = (await upload(first, here, content)).text
    assert "<dt>Failed</dt><dd>1 payment · ¥465.00" in page
    assert "owed to the payee again" in page


async def test_no_file_and_no_batch(house: House) -> None:
    await an_order(house)
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    here = await gathered(first)
    await post(second, f"{here}/approve")
    await post(second, f"{here}/file")
    answer = await first.post(f"{here}/results", data={"csrf": await form_token(first)})
    assert answer.status_code == 422
    assert "no file was chosen" in answer.text
    for path in ("/bank-batches/NOBODY", "/bank-batches/NOBODY/approve"):
        asked = await (first.get(path) if path.endswith("NOBODY") else post(first, path))
        assert asked.status_code == 404
