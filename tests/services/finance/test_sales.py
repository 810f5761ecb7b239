"""A card is sold once, to the cent: the ledger, the waterfall, the evidence and the audit agree, and a return takes it all back."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text

from database.invariants import Look
from database.invariants.books import EntriesSumToZero
from database.invariants.seller_money import SellerMoneyAddsUp
from database.invariants.sources import PostingsHaveSources, SourcesAgree
from database.repositories import holds, ledger
from database.tables.cards import QuoteRow
from database.tables.evidence import LeafRow
from database.tables.finance.sales import SaleRow, SaleSplitRow
from database.tables.people import AuditRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.people import NotAllowed
from domain.errors.sales import BuyerOwesLess, CardNotForSale, CardSold, ReturnOver, ReturnWaits, SaleReturned
from domain.errors.work import OwnWork, ReasonUnknown
from domain.finance.chart import account
from domain.finance.counterparties import Instalments
from domain.finance.fx import Rate
from domain.finance.rails import Rail
from domain.finance.sales import PaidFrom, ReceiptFor, SaleMode
from domain.identifiers import new_id, payout_key
from domain.money import Currency, Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.splits import KIND
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.sale_returns import SaleReturns
from services.finance.sales import Sales
from tests.builders.selling import (
    a_bought_card,
    a_sale,
    an_offered_card,
    declined,
    posted,
    sold,
    taken_back,
    today,
)
from tests.builders.split_rules import a_document
from tests.builders.world import World

MONEY = (EntriesSumToZero(), SourcesAgree(), PostingsHaveSources(), SellerMoneyAddsUp())


def shared_by_partners() -> None:
    """Let the rules of the test of every kind be in force."""
    BOOK.fill(
        "splits", [PolicyDocument("splits", 1, "splits-1", date(2026, 1, 1), KIND.require_valid(a_document(), {}))]
    )


async def test_worked_example_holds_to_the_cent(world: World) -> None:
    card_id, quote_id = await world.a_confirmed_quote()
    (quote,) = await world.rows(QuoteRow, id=quote_id)
    assert (quote.amount_minor, quote.internal["resale_minor"], quote.internal["spread_minor"]) == (
        465_00,
        475_00,
        10_00,
    )
    key = payout_key(card_id, 1)
    await world.payout.prepare(card_id, quote_id, key)
    await world.payout.send(key)
    await world.payout.conclude(key)
    assert [(one["amount_minor"], one["status"]) for one in await world.transfers(key)] == [(465_00, "SUCCESS")]
    asked = a_sale(card_id)
    sale = await Sales(world.database).record(await world.a_person("finance"), "first", asked)
    assert await posted(world, f"sale:{sale}") == {
        (f"buyer_receivable:buyer:{asked.buyer}", "CNY"): 479_75, ("sales", "CNY"): -475_00, ("service_fee", "CNY"): -4_75,
        ("cost_of_sales", "CNY"): 465_00, ("inventory", "CNY"): -465_00,
    }  # fmt: skip
    lines = await world.rows(SaleSplitRow, sale_id=sale)
    assert [(one.rule, one.account, one.amount_minor, one.rate_bp) for one in lines] == [
        ("cost", "inventory", 465_00, 0), ("service-fee", "service_fee", 4_75, 100), ("spread", "sales", 10_00, 0),
    ]  # fmt: skip
    async with world.database.transaction() as session:
        on_card = await session.execute(text("""
            SELECT a.code, sum(e.amount_minor)::bigint AS minor FROM ledger_transaction t
            JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
            WHERE t.card_id = :card AND a.code NOT LIKE 'issuer%' GROUP BY a.code HAVING sum(e.amount_minor) <> 0
        """), {"card": card_id})  # fmt: skip
        assert dict(on_card.all()) == {
            "cash:alipay": -465_00, f"buyer_receivable:buyer:{asked.buyer}": 479_75, "sales": -475_00,
            "service_fee": -4_75, "cost_of_sales": 465_00,
        }  # fmt: skip


async def test_waterfall_and_ledger_agree_where_partners_share(world: World) -> None:
    shared_by_partners()
    card_id = await a_bought_card(world)
    sale = await sold(world, await world.a_person("finance"), card_id, instalments=Instalments.YES)
    on_ledger, lines = await posted(world, f"sale:{sale}"), await world.rows(SaleSplitRow, sale_id=sale)
    by_account: dict[str, int] = defaultdict(int)
    for line in lines:
        by_account[line.account] += line.amount_minor
    partners = {code: -minor for (code, _), minor in on_ledger.items() if code.startswith("partner_share:")}
    assert partners == {code: minor for code, minor in by_account.items() if code.startswith("partner_share:")}
    assert partners == {"partner_share:bank": 8_13, "partner_share:club": 1_00, "partner_share:corner": 33, "partner_share:resale": 4_38}  # fmt: skip
    ours = by_account["sales"] + by_account["service_fee"]
    kept = sum(on_ledger.get((code, "CNY"), 0) for code in ("sales", "service_fee", "cost_of_sales", "partner_cost"))
    assert (ours, kept) == (9_04, -9_04)
    (row,) = await world.rows(SaleRow, id=sale)
    assert sum(by_account.values()) == row.booked_minor == row.total_minor == 487_88
    assert row.policy_version == "splits-1"


async def test_a_sale_is_recorded_once_per_key_and_a_card_once(world: World) -> None:
    person, card_id, sales = await world.a_person("finance"), await a_bought_card(world), Sales(world.database)
    asked, key = a_sale(card_id), new_id()
    first, second = await asyncio.gather(sales.record(person, key, asked), sales.record(person, key, asked))
    assert first == second
    with pytest.raises(IdempotencyKeyReused):
        await sales.record(person, key, a_sale(card_id, price=Money(476_00)))
    with pytest.raises(IdempotencyKeyReused):
        await sales.record(person, key, replace(asked, instalments=Instalments.YES))
    with pytest.raises(IdempotencyKeyReused):
        await sales.record(person, key, replace(asked, sold_on=asked.sold_on - timedelta(days=1)))
    with pytest.raises(CardSold) as refused:
        await sales.record(person, new_id(), asked)
    assert refused.value.data == {"sale": first}
    assert len(await world.rows(SaleRow, card_id=card_id)) == 1


async def test_two_people_who_sell_one_card_at_once_sell_it_once(world: World) -> None:
    card_id, sales = await a_bought_card(world), Sales(world.database)
    people = [await world.a_person("finance") for _ in range(2)]
    found = await asyncio.gather(
        *(sales.record(one, new_id(), a_sale(card_id)) for one in people), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in found) == ["CardSold", "str"]


async def test_a_preview_writes_nothing_and_says_what_would_be_recorded(world: World) -> None:
    person, card_id = await world.a_person("finance"), await a_bought_card(world)
    worked = await Sales(world.database).preview(person, a_sale(card_id))
    assert worked.total == Money(479_75)
    assert sum(one.amount.amount_minor for one in worked.postings) == 0
    assert await world.rows(SaleRow, card_id=card_id) == []


async def test_evidence_and_audit_name_the_sale_and_its_story_tells_the_seller_nothing(world: World) -> None:
    person, card_id = await world.a_person("finance"), await a_bought_card(world)
    before = await world.story(card_id)
    sale = await sold(world, person, card_id)
    (leaf,) = [one for one in await world.rows(LeafRow, card_id=card_id) if one.what == "sale.record"]
    assert (leaf.body["sale"], leaf.body["price"], leaf.body["policy"]) == (sale, "¥475.00", "splits-2026-11")
    (act,) = [one for one in await world.rows(AuditRow, subject=card_id) if one.act == "console:sale:record"]
    assert act.actor == f"person:{person}"
    assert await world.story(card_id) == before


async def test_a_returned_sale_leaves_nothing_behind_and_the_card_may_be_sold_again(world: World) -> None:
    person, second, card_id = (
        await world.a_person("finance"),
        await world.a_person("finance"),
        await a_bought_card(world),
    )
    sale, returns = await sold(world, person, card_id), SaleReturns(world.database)
    with pytest.raises(ReturnOver):
        await returns.agree(second, sale)  # Nobody asked for it.
    for _ in range(2):
        await returns.ask(person, sale, "found_used")
    with pytest.raises(ReturnWaits):
        await returns.ask(second, sale, "agreed")
    assert await posted(world, f"sale:{sale}") != {}
    with pytest.raises(OwnWork):
        await returns.agree(person, sale)
    await asyncio.gather(*(returns.agree(second, sale) for _ in range(2)))
    assert await posted(world, f"sale:{sale}") == {}
    for late in (returns.ask(person, sale, "agreed"), returns.agree(person, sale), returns.decline(person, sale)):
        with pytest.raises(SaleReturned):
            await late
    again = await sold(world, person, card_id, price=Money(470_00))
    rows = await world.rows(SaleRow, card_id=card_id)
    assert [(one.id, one.reversed_why) for one in rows] == [(sale, "found_used"), (again, None)]


async def test_a_return_that_is_declined_leaves_the_sale_and_may_be_asked_for_again(world: World) -> None:
    person, second, card_id = (
        await world.a_person("finance"),
        await world.a_person("finance"),
        await a_bought_card(world),
    )
    sale, returns = await sold(world, person, card_id), SaleReturns(world.database)
    await returns.ask(person, sale, "found_used")
    await returns.decline(second, sale)
    (row,) = await world.rows(SaleRow, id=sale)
    assert (row.reversed_at, row.return_asked_at, row.reversed_why) == (None, None, None)
    assert await posted(world, f"sale:{sale}") != {}
    await returns.ask(second, sale, "agreed")
    await returns.agree(person, sale)
    acts = [one.act for one in await world.rows(AuditRow, subject=card_id)]
    assert acts[-4:] == [f"console:sale:{what}" for what in ("return_ask", "return_decline", "return_ask", "take_back")]


async def test_what_buyer_and_partners_had_been_paid_is_owed_back(world: World) -> None:
    shared_by_partners()
    person, card_id = await world.a_person("finance"), await a_bought_card(world)
    sale = await sold(world, person, card_id, price=Money(575_00))
    (row,) = await world.rows(SaleRow, id=sale)
    buyer = row.buyer.removeprefix("buyer:")
    total = Money(row.total_minor)
    asked = ReceiptAsked(buyer, Rail.BANK, total, total, new_id(), today())
    await Receipts(world.database).record(person, new_id(), asked)
    async with world.database.transaction() as session:  # A settlement is about to pay all that one partner has.
        club = -await ledger.balance(session, "partner_share:club")
        until = datetime.now(UTC) + timedelta(hours=1)
        await holds.reserve(session, f"test:{sale}", account("partner_share", "club"), club, until)
    await taken_back(world, sale, "not_accepted")
    assert await posted(world, f"sale:{sale}") == {
        (f"buyer_receivable:{row.buyer}", "CNY"): row.total_minor, (f"buyer_deposit:{row.buyer}", "CNY"): -row.total_minor,
        ("partner_receivable:club", "CNY"): 11_00, ("partner_share:club", "CNY"): -11_00,
    }  # fmt: skip
    async with world.database.transaction() as session:
        assert (await ledger.balance(session, f"buyer_receivable:{row.buyer}")).amount_minor == 0
        assert await ledger.balance(session, "partner_share:club") == -club
        await holds.void(session, f"test:{sale}")


async def test_a_deposit_pays_for_a_card_as_far_as_it_reaches(world: World) -> None:
    person, card_id, sales = await world.a_person("finance"), await a_bought_card(world), Sales(world.database)
    asked = a_sale(card_id, paid_from=PaidFrom.DEPOSIT)
    with pytest.raises(BuyerOwesLess) as refused:
        await sales.record(person, new_id(), asked)
    assert refused.value.data == {"there": "¥0.00"}
    money = Money(500_00)
    deposit = ReceiptAsked(asked.buyer, Rail.BANK, money, money, new_id(), today(), ReceiptFor.DEPOSIT)
    await Receipts(world.database).record(person, new_id(), deposit)
    await sales.record(person, new_id(), asked)
    async with world.database.transaction() as session:
        assert await ledger.balance(session, f"buyer_deposit:buyer:{asked.buyer}") == Money(-20_25)


async def test_a_brokered_card_goes_through_the_licensed_providers_split_account(world: World) -> None:
    card_id = await an_offered_card(world)
    person, owner = await world.a_person("finance"), await world.payee_of(card_id)
    asked = a_sale(card_id, mode=SaleMode.BROKERED)
    with pytest.raises(CardNotForSale):
        await Sales(world.database).record(person, new_id(), asked)
    await declined(world, card_id)
    sale = await Sales(world.database).record(person, new_id(), asked)
    assert await posted(world, f"sale:{sale}") == {
        ("split_account:alipay", "CNY"): 475_00, (f"brokered_payable:{owner}", "CNY"): -451_25,
        ("service_fee", "CNY"): -23_75,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"buyer": "No Code"}, "buyer"),
        ({"price": Money(0)}, "price"),
        ({"price": Money(-1)}, "price"),
        ({"price": Money(10**12 + 1)}, "price"),
        ({"sold_on": today() + timedelta(days=1)}, "sold_on"),
        ({"sold_on": date(2020, 1, 1)}, "sold_on"),
        ({"price": Money(100_00, Currency.USD)}, "rate"),
        ({"rate": Rate("7.1", "desk", datetime(2026, 1, 1, tzinfo=UTC))}, "rate"),
        ({"price": Money(100, Currency.USD), "rate": Rate("-7", "desk", datetime(2026, 1, 1, tzinfo=UTC))}, "rate"),
        ({"price": Money(100, Currency.USD), "rate": Rate("7", " ", datetime(2026, 1, 1, tzinfo=UTC))}, "rate_source"),
        ({"price": Money(100, Currency.USD), "rate": Rate("7", "desk", datetime(2999, 1, 1, tzinfo=UTC))}, "rate_at"),
        ({"mode": SaleMode.BROKERED, "paid_from": PaidFrom.DEPOSIT}, "paid_from"),
    ],
)
async def test_bad_input_is_refused_by_its_field(world: World, changed: dict[str, Any], field: str) -> None:
    person, card_id = await world.a_person("finance"), await a_bought_card(world)
    with pytest.raises(FieldInvalid) as refused:
        await Sales(world.database).record(person, new_id(), a_sale(card_id, **changed))
    assert refused.value.data["field"] == field


async def test_invalid_people_cards_and_reasons_are_refused(world: World) -> None:
    sales, finance, card_id = Sales(world.database), await world.a_person("finance"), await a_bought_card(world)
    unsold, returns = await world.a_card(), SaleReturns(world.database)
    cases: list[tuple[type[Refusal], Any]] = [
        (NotAllowed, sales.record(await world.a_person("compliance"), new_id(), a_sale(card_id))),
        (NotFound, sales.record(finance, new_id(), a_sale("01ARZ3NDEKTSV4RRFFQ69G5FAV"))),
        (CardNotForSale, sales.record(finance, new_id(), a_sale(unsold))),
        (CardNotForSale, sales.record(finance, new_id(), a_sale(card_id, mode=SaleMode.BROKERED))),
        (FieldInvalid, sales.record(finance, "", a_sale(card_id))),
        (NotFound, returns.ask(finance, "nothing", "agreed")),
        (ReasonUnknown, returns.ask(finance, "nothing", "boredom")),
        (NotAllowed, returns.ask(await world.a_person("compliance"), "nothing", "agreed")),
    ]
    for refusal, act in cases:
        with pytest.raises(refusal):
            await act


async def test_the_invariants_hold_after_sales_and_returns(world: World) -> None:
    person, kept, returned = await world.a_person("finance"), await a_bought_card(world), await a_bought_card(world)
    await sold(world, person, kept)
    await taken_back(world, await sold(world, person, returned), "agreed")
    async with world.database.transaction() as session:
        sales = (await session.execute(select(SaleRow.id).where(SaleRow.card_id.in_((kept, returned))))).scalars().all()
        found = [line for one in MONEY for line in await one.broken(session, Look(most=100_000))]
    assert len(sales) == 2
    about = (kept, returned, *sales)
    assert [line for line in found if any(one in line for one in about)] == []
    async with (
        world.database.transaction() as session
    ):  # The same, with what a sale brought in changed behind the books.
        await session.execute(
            text("UPDATE sale SET total_minor = total_minor + 1 WHERE id = ANY(:ids)"), {"ids": list(sales)}
        )
        found = await SourcesAgree().broken(session, Look(most=100_000))
        await session.rollback()
    assert {f"sale:{one}" in line for one in sales for line in found} == {True, False}
