"""The money pages: what is urgent first, accounts that add up, lines that lead to what caused them, months closed by two."""

from __future__ import annotations

import csv
import io
import re

import pytest
from sqlalchemy import delete

from database.reads.finance import attention
from database.repositories import ledger
from database.tables.columns import now
from database.tables.finance.books import ClosingRow
from database.tables.finance.rails import BankLineRow
from domain.finance.ledger import issuer_cost, owed
from domain.finance.payout import PayoutState
from domain.finance.periods import month_of
from domain.finance.rollback import RollbackState
from domain.identifiers import new_id, payout_key
from domain.money import Money
from domain.people.roles import Role
from domain.places import business_day
from services.ops.invariants import OftenChecked
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import proved_long_ago
from tests.reviewer_ui.money_scenes import bought
from tests.reviewer_ui.payment_scenes import a_claim, on_hold

FINANCE, COMPLIANCE = Role.FINANCE, Role.COMPLIANCE
AGREE = re.compile(r'action="(/money/periods/[^"]+/agree)"')
WITHDRAW = re.compile(r'action="(/money/periods/[^"]+/withdraw)"')


@pytest.mark.parametrize(("language", "words"), [("en", "Payments with an unknown result"), ("zh", "结果未知的付款")])
async def test_unknown_payments_are_listed_first_on_the_overview(house: House, language: str, words: str) -> None:
    await house.cards.payout(await house.cards.waiting(), PayoutState.UNKNOWN)
    page = await (await house.as_(FINANCE)).get("/money", headers={"accept-language": language})
    assert page.status_code == 200
    cards = re.findall(r'data-card="([^"]+)"', page.text)
    assert cards[0] == "money.unknown"
    assert {"money.cash", "money.in_flight", "money.owed", "money.books"} <= set(cards)
    assert words in page.text


async def test_payment_waiting_for_a_bank_is_not_counted_as_unknown(house: House) -> None:
    waiting = await house.cards.waiting()
    await house.cards.payout(waiting, PayoutState.UNKNOWN)
    key, finance = payout_key(waiting.card_id, 1), await house.as_(FINANCE)
    async with house.database.transaction() as session:
        before = sum(one.many for one in await attention.unknown(session))
        session.add(BankLineRow(key=key, amount_minor=44_100))
    async with house.database.transaction() as session:
        assert sum(one.many for one in await attention.unknown(session)) == before - 1
    overview = (await finance.get("/money", headers={"accept-language": "en"})).text
    assert "Payments to be gathered into a bank batch" in overview
    order = (await finance.get(f"/payouts/{key}", headers={"accept-language": "en"})).text
    assert "With the bank" in order
    assert 'href="/bank-batches"' in order
    assert "With the bank" in (await finance.get("/payouts", headers={"accept-language": "en"})).text


async def test_overview_links_to_each_pending_item(house: House) -> None:
    await a_claim(house, await house.cards.person(FINANCE, "Fei"), RollbackState.PROPOSED)
    await on_hold(house, await house.cards.waiting(), "new_payee")
    page = (await (await house.as_(FINANCE)).get("/money")).text
    second, to_do = (
        page.split(f'data-card="{card}"')[1].split("</section>")[0] for card in ("money.second", "money.to_do")
    )
    assert 'href="/claims"' in second
    assert 'href="/held"' in to_do


async def test_cash_and_money_in_transit_match_the_ledger(house: House) -> None:
    await bought(house, await house.cards.waiting())
    async with house.database.transaction() as session:
        flying = await ledger.balance(session, "in_flight:alipay")
    page = await (await house.as_(FINANCE)).get("/money", headers={"accept-language": "en"})
    assert str(-flying) in page.text


async def test_accounts_show_debit_and_credit_and_link_to_lines(house: House) -> None:
    owner = await bought(house, await house.cards.waiting(), paid=True)
    person = await house.as_(COMPLIANCE)
    page = await person.get("/money/accounts?class=seller_payable", headers={"accept-language": "en"})
    assert f"/money/accounts/seller_payable%3A{owner.replace(':', '%3A')}?currency=CNY" in page.text
    whole = await person.get("/money/accounts", headers={"accept-language": "en"})
    assert "Balanced" in whole.text
    assert "Not balanced" not in whole.text
    odd = await person.get("/money/accounts?on=tomorrow&class=nothing", headers={"accept-language": "en"})
    assert (odd.status_code, "These are no days" in odd.text) == (200, True)


async def test_account_statement_is_paged_with_a_running_balance(house: House) -> None:
    owner = f"seller:{new_id()}"
    for number in range(1, 61):
        async with house.database.transaction() as session:
            await ledger.post(session, new_id(), None, "owed", owed(owner, Money(number)), cause="quote:x")
    person = await house.as_(FINANCE)
    address = f"/money/accounts/seller_payable:{owner}"
    first = await person.get(address, headers={"accept-language": "en"})
    assert "-¥18.30" in first.text  # 1 + 2 + … + 60 fen.
    assert "credit ¥18.30" in first.text
    (older,) = re.findall(r'href="([^"]+&amp;before=\d+)"', first.text)
    second = await person.get(older.replace("&amp;", "&"), headers={"accept-language": "en"})
    assert second.text.count('data-label="Balance after it"') == 10
    assert "-¥0.55" in second.text  # After the tenth line.
    assert re.findall(r'href="[^"]+&amp;before=\d+"', second.text) == []
    today = business_day(now())
    none = await person.get(f"{address}?until=2001-01-01", headers={"accept-language": "en"})
    assert "No line in these days" in none.text
    some = await person.get(f"{address}?since={today}&until={today}")
    assert some.text.count("<tr>") == first.text.count("<tr>")
    for odd in ("?before=-1", "?before=9999999999999999999", "?before=x", "?currency=XYZ", "?since=2026-13-01"):
        assert (await person.get(address + odd)).status_code == 200, odd
    assert (await person.get("/money/accounts/seller_payable:nobody")).status_code == 404


async def test_files_hold_every_line_and_negative_amounts_as_numbers(house: House) -> None:
    owner = await bought(house, await house.cards.waiting())
    person = await house.as_(FINANCE)
    answer = await person.get(f"/money/accounts/seller_payable:{owner}.csv")
    assert "attachment" in answer.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [(one["step"], one["amount"], one["balance"]) for one in lines] == [
        ("payout_prepared", "441.00", "0.00"), ("owed", "-441.00", "-441.00"),
    ]  # fmt: skip
    trial = list(csv.DictReader(io.StringIO((await person.get("/money/accounts.csv")).text.removeprefix("\ufeff"))))
    assert sum(round(float(one["balance"]) * 100) for one in trial if one["currency"] == "CNY") == 0
    journal = (await person.get("/money/journal.csv")).text
    assert journal.startswith("\ufeffentry,transaction,what")
    assert owner in journal
    assert 'option "operating_currency" "CNY"' in (await person.get("/money/journal.beancount")).text


async def test_journal_shows_whole_transactions_filtered_by_cause_and_step(house: House) -> None:
    waiting = await house.cards.waiting()
    await bought(house, waiting)
    person = await house.as_(FINANCE)
    found = await person.get(f"/money/journal?cause=payout:{payout_key(waiting.card_id, 1)}")
    assert found.text.count("<tbody>") == 1
    assert found.text.count("441.00") == 2  # One debit, one credit.
    (one,) = set(re.findall(r'href="(/money/journal/\d+)"', found.text))
    page = await person.get(one)
    assert f"/cards/{waiting.card_id}?tab=money" in page.text
    nothing = await person.get("/money/journal?what=owed&cause=whim:1", headers={"accept-language": "en"})
    assert "No transaction fits" in nothing.text
    for odd in ("/money/journal/0", "/money/journal/x", "/money/journal/99999999999999999999"):
        assert (await person.get(odd)).status_code == 404


async def test_cause_links_to_its_page_or_its_postings(house: House) -> None:
    waiting = await house.cards.waiting()
    await house.cards.payout(waiting, PayoutState.UNKNOWN)
    person = await house.as_(FINANCE)
    answer = await person.get(f"/money/causes/payout:{payout_key(waiting.card_id, 1)}")
    assert answer.headers["location"] == f"/payouts/{payout_key(waiting.card_id, 1)}"
    answer = await person.get("/money/causes/whim:a%20b")
    assert answer.headers["location"] == "/money/journal?cause=whim%3Aa%20b"


async def test_card_page_shows_its_postings_and_costs_only_to_finance(house: House) -> None:
    waiting = await house.cards.waiting()
    await bought(house, waiting, paid=True)
    seen = {}
    for role in (FINANCE, Role.SENIOR, Role.REVIEWER):
        page = await (await house.as_(role)).get(
            f"/cards/{waiting.card_id}?tab=money", headers={"accept-language": "en"}
        )
        seen[role] = re.findall(r'class="money-step">.*?·\s*(?:<a[^>]*>)?([^<]+)<', page.text)
    steps = ["Quote accepted", "Payment ordered", "Payment arrived"]
    assert seen == {FINANCE: ["Verification paid for", *steps], Role.SENIOR: steps, Role.REVIEWER: []}


async def test_closing_a_month_takes_two_people(house: House) -> None:
    month = "2003-05"
    async with house.database.transaction() as session:
        await session.execute(delete(ClosingRow))
        first_of = business_day(now()).replace(year=2003, month=5, day=1)
        await ledger.post(
            session, new_id(), None, "issuer_cost", issuer_cost(Money(10)), happened_on=first_of, cause="answers:x"
        )
    first, second, third = [await house.as_(FINANCE) for _ in range(3)]
    for wrong, status in ((month_of(business_day(now())), 409), ("May", 422), ("", 422)):
        refused = await post(first, "/money/periods/ask", month=wrong)
        assert (refused.status_code, "refusal" in refused.text) == (status, True)
    assert (await post(first, "/money/periods/ask", month=month)).status_code == 303
    assert (await post(second, "/money/periods/ask", month=month)).status_code == 409
    own, others = (await first.get("/money/periods")).text, (await second.get("/money/periods")).text
    assert AGREE.findall(own) == []
    (address,) = AGREE.findall(others)
    assert (await post(first, address)).status_code == 403
    answer = await post(await proved_long_ago(house, await house.cards.person(FINANCE)), address)
    assert answer.status_code != 303  # Nobody closes a month from a browser that was left open.
    (back,) = WITHDRAW.findall(others)
    assert (await post(third, back)).status_code == 303
    late = await post(second, address)
    assert (late.status_code, "was withdrawn" in late.text) == (409, True)
    assert (await post(second, "/money/periods/ask", month=month)).status_code == 303
    (address,) = AGREE.findall((await first.get("/money/periods")).text)
    assert [(await post(first, address)).status_code for _ in range(2)] == [303, 303]  # Pressed twice.
    late = await post(third, address)
    assert (late.status_code, "This month is closed" in late.text) == (409, True)
    assert (await post(third, "/money/periods/ask", month=month)).status_code == 409
    assert (await (await house.as_(COMPLIANCE)).get("/money/periods")).text.count("<form") < others.count("<form")


async def test_invariants_page_lists_broken_ones_first(house: House) -> None:
    async with house.database.transaction() as session:
        await ledger.post(session, new_id(), None, "owed", owed(f"seller:{new_id()}", Money(5)), cause="whim:7")
    await OftenChecked(house.database).look()
    page = await (await house.as_(Role.OPS)).get("/operations/invariants", headers={"accept-language": "en"})
    rows = re.findall(r'data-row="([^"]+)"', page.text)
    assert "postings_have_sources" in rows[:4]
    assert "whim:7" in page.text
    assert (await (await house.as_(FINANCE)).get("/operations/invariants")).status_code == 200
    assert (await (await house.as_(Role.SUPPORT)).get("/operations/invariants")).status_code == 403
