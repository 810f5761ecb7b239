"""Tax is withheld where an order is made, given back where it is refused, and reported with certificates and files."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pypdfium2
import pytest
from sqlalchemy import text

from database.invariants import Look
from database.invariants.seller_money import SellerMoneyAddsUp
from database.invariants.sources import SourcesAgree
from database.reads.cards.submissions import card_views
from database.reads.finance import tax as reads
from database.reads.finance.tax import TaxLine
from database.repositories import ledger
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.tax import TaxSignOffRow, TaxWithholdingRow
from database.tables.people import AuditRow
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.tax import TaxNotSigned
from domain.finance.chart import account
from domain.finance.ledger import Posting
from domain.finance.tax import IncomeKind
from domain.identifiers import new_id, payout_key
from domain.money import Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.tax import KIND
from services.finance.returned import Found, returned
from services.finance.tax_reports import Person, TaxReports, certificate, quarter_days
from tests.builders.owing import refused
from tests.builders.selling import a_bought_card, pay, today
from tests.builders.tax_rules import a_row, in_force
from tests.builders.world import World


async def withheld_of(world: World, card_id: str) -> TaxWithholdingRow:
    (row,) = await world.rows(TaxWithholdingRow, card_id=card_id)
    assert isinstance(row, TaxWithholdingRow)
    return row


async def on_card(world: World, card_id: str) -> dict[str, int]:
    """What the card's postings left on its seller's account, on the rail, and for the tax office."""
    summed = text("""
        SELECT split_part(a.code, ':', 1) AS class, sum(e.amount_minor)::bigint AS minor FROM ledger_transaction t
        JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
        WHERE t.card_id = :card AND a.code !~ '^issuer' GROUP BY 1 HAVING sum(e.amount_minor) <> 0
    """)
    async with world.database.transaction() as session:
        return {row[0]: row[1] for row in await session.execute(summed, {"card": card_id})}


async def test_by_the_built_in_rules_the_whole_price_is_paid_and_the_judgement_is_kept(world: World) -> None:
    card_id = await a_bought_card(world)
    row = await withheld_of(world, card_id)
    assert (row.proceeds_minor, row.cost_minor, row.base_minor, row.tax_minor) == (465_00, 500_00, 0, 0)
    assert (row.policy_version, row.rule, row.rate_bp) == ("tax-2026-11", "person", 2_000)
    assert await on_card(world, card_id) == {"inventory": 465_00, "cash": -465_00}


async def test_a_fifth_of_the_base_is_withheld_and_the_seller_sees_gross_withheld_and_net(world: World) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    card_id = await a_bought_card(world)
    assert await on_card(world, card_id) == {"inventory": 465_00, "cash": -372_00, "tax_withheld": -93_00}
    assert [one["amount_minor"] for one in await world.transfers(payout_key(card_id, 1))] == [372_00]
    async with world.database.transaction() as session:
        card = await session.get_one(CardRow, card_id)
        pair = (card, await session.get_one(SubmissionRow, card.submission_id))
        view = (await card_views(session, [pair]))[0].payout
    assert view is not None
    assert [one.amount_minor for one in (view.gross, view.withheld, view.amount)] == [465_00, 93_00, 372_00]
    async with world.database.transaction() as session:
        wrong = [
            line
            for one in (SourcesAgree(), SellerMoneyAddsUp())
            for line in await one.broken(session, Look(most=100_000))
        ]
        assert [line for line in wrong if card_id in line] == []


async def test_what_was_withheld_from_a_refused_order_is_owed_again_and_withheld_from_the_next(world: World) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    case = await refused(world)
    assert await on_card(world, case.card) == {"inventory": 465_00, "seller_payable": -465_00}
    row = await withheld_of(world, case.card)
    assert row.given_back_at is not None
    await case.payees.correct(case.owner, case.card, "13800000099", "王明")
    await case.pay(world, 2)
    await case.pay(world, 2)
    assert await on_card(world, case.card) == {"inventory": 465_00, "cash": -372_00, "tax_withheld": -93_00}
    rows = sorted(await world.rows(TaxWithholdingRow, card_id=case.card), key=lambda one: one.key)
    assert [(one.tax_minor, one.given_back_at is None) for one in rows] == [(93_00, False), (93_00, True)]


async def test_a_payment_that_comes_back_after_its_tax_was_remitted_is_owed_in_full(world: World) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    card_id = await a_bought_card(world)
    async with world.database.transaction() as session:
        owed_to_the_office = await ledger.balance(session, "tax_withheld")
        remitted = (
            Posting(account("tax_withheld"), -owed_to_the_office), Posting(account("cash", "alipay"), owed_to_the_office),
        )  # fmt: skip
        await ledger.post(
            session, f"line:{card_id}:adjusted", None, "statement_adjusted", remitted, cause=f"line:{card_id}"
        )
    async with world.database.transaction() as session:
        assert await returned(session, payout_key(card_id, 1), Money(372_00), None, datetime.now(UTC)) is Found.BOOKED
    assert await on_card(world, card_id) == {"inventory": 465_00, "seller_payable": -465_00}
    async with world.database.transaction() as session:
        assert await ledger.balance(session, "tax_withheld") == Money(93_00)
        assert [line for line in await SellerMoneyAddsUp().broken(session, Look(most=100_000)) if card_id in line] == []


async def test_a_returned_payment_stays_in_its_month_and_is_taken_off_on_the_day_that_it_came_back(
    world: World,
) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    owner, person = await world.a_seller(), await world.a_person("finance")
    card_id = await a_bought_card(world, owner=owner)
    key, paid_at = payout_key(card_id, 1), datetime(2026, 8, 3, tzinfo=UTC)
    async with world.database.transaction() as session:
        (await session.get_one(PayoutRow, key)).settled_at = paid_at
    back_at = datetime(2026, 10, 5, tzinfo=UTC)
    async with world.database.transaction() as session:
        assert await returned(session, key, Money(372_00), None, back_at) is Found.BOOKED
    async with world.database.transaction() as session:
        found = [one async for one in reads.lines(session, date(2026, 8, 1), date(2026, 10, 31), owner)]
        income = [
            one async for one in reads.incomes(session, date(2026, 8, 1), date(2026, 10, 31)) if one.owner == owner
        ]
    assert [(one.key, one.day, one.proceeds, one.tax) for one in found] == [
        (key, date(2026, 8, 3), Money(465_00), Money(93_00)),
        (f"{key}/returned", date(2026, 10, 5), Money(-465_00), Money(-93_00)),
    ]
    assert [(one.payments, one.proceeds, one.tax) for one in income] == [(0, Money(0), Money(0))]
    reports = TaxReports(world.database, world.keyring)
    await sign_every_version(world, reports, person, "tax-none")
    assert [row[3:] async for row in (await reports.incomes(person, "2026-Q3")).rows if row[0] == owner] == [
        ("1", "465.00", "465.00", "93.00", "372.00")
    ]


async def test_reports_wait_for_the_signature_of_finance_and_each_is_audited(world: World) -> None:
    version = f"tax-{new_id()[-6:].lower()}"
    in_force(version, a_row("all", cost="nothing"))
    card_id, person = await a_bought_card(world), await world.a_person("finance")
    reports = TaxReports(world.database, world.keyring)
    month = f"{today():%Y-%m}"
    with pytest.raises(TaxNotSigned) as waits:
        await reports.detail(person, month)
    assert version in str(waits.value.data["versions"])
    await sign_every_version(world, reports, person, version)
    key = payout_key(card_id, 1)
    (line,) = [row async for row in (await reports.detail(person, month)).rows if row[1] == key]
    assert line[4] == "王芳"
    assert line[5].startswith("+86138")
    assert line[6:] == ("property", "465.00", "0.00", "465.00", "20.00%", "93.00", "372.00", version, "payment")
    acts = [one.act for one in await world.rows(AuditRow, actor=f"person:{person}")]
    assert acts == ["console:tax:sign_off", "console:tax:detail"]


async def sign_every_version(world: World, reports: TaxReports, person: str, version: str) -> None:
    """Sign off what this test has in force, and what others have used in this database."""
    await reports.sign_off(person, version, "agreed with our adviser")
    await reports.sign_off(person, version, "agreed with our adviser")
    async with world.database.transaction() as session:
        used = (await session.execute(text("SELECT DISTINCT policy_version FROM tax_withholding"))).scalars().all()
        for one in used:
            if await session.get(TaxSignOffRow, one) is None:
                session.add(TaxSignOffRow(version=one, person_id=person, note="a test's"))


async def test_the_income_of_a_quarter_sums_each_sellers_payments(world: World) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    owner, person = await world.a_seller(), await world.a_person("finance")
    cards = [await a_bought_card(world, owner=owner) for _ in range(2)]
    async with world.database.transaction() as session:
        for card_id in cards:
            row = await session.get_one(PayoutRow, payout_key(card_id, 1))
            row.settled_at = datetime(2026, 8, 3, tzinfo=UTC)
    reports = TaxReports(world.database, world.keyring)
    await sign_every_version(world, reports, person, "tax-none")
    rows = [row async for row in (await reports.incomes(person, "2026-Q3")).rows if row[0] == owner]
    assert [row[3:] for row in rows] == [("2", "930.00", "930.00", "186.00", "744.00")]
    with pytest.raises(FieldInvalid) as found:
        await reports.incomes(person, f"{today().year + 1}-Q1")
    assert found.value.data == {"field": "quarter", "why": "quarter_not_over"}


async def test_a_certificate_holds_every_payment_of_the_year_in_both_languages(world: World) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    owner, person = await world.a_seller(), await world.a_person("finance")
    await a_bought_card(world, owner=owner)
    reports = TaxReports(world.database, world.keyring)
    await sign_every_version(world, reports, person, "tax-none")
    for locale, words in (("zh_CN", ("代扣税款凭证", "财产转让所得", "规则暂行")), ("en", ("Certificate of tax withheld", "provisional"))):  # fmt: skip
        made, _ = await reports.certificate(person, owner, f"{today():%Y}", locale)
        said = "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(made))
        assert all(word in said for word in (*words, "王芳", owner, "465.00", "93.00", "372.00")), said


@pytest.mark.parametrize(("then", "now", "noted"), [(True, False, True), (False, True, False)])
def test_a_certificate_is_provisional_by_the_rules_of_its_payments_not_of_its_printing(
    then: bool, now: bool, noted: bool
) -> None:
    built_in = KIND.built_in()[0].document
    versions = [
        PolicyDocument("tax", place, f"tax-{place}", since, {**built_in, "unverified": unverified})
        for place, (since, unverified) in enumerate([(date(2026, 1, 1), then), (date(2026, 7, 1), now)], start=1)
    ]
    BOOK.fill("tax", versions)
    nothing = Money(0)
    paid = TaxLine(
        "key", "card", "seller:1", "", date(2026, 3, 2), Money(465_00), nothing, nothing, nothing, 0,
        IncomeKind.PROPERTY, "all", "tax-1", named=False,
    )  # fmt: skip
    sheet = certificate("seller:1", Person("", ""), 2026, [paid], "en", datetime(2026, 11, 1, tzinfo=UTC))
    assert any("provisional" in note for note in sheet.notes) is noted


async def test_wrong_people_periods_and_owners_are_refused(world: World) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    reports, finance = TaxReports(world.database, world.keyring), await world.a_person("finance")
    await sign_every_version(world, reports, finance, "tax-none")
    for act in (
        reports.detail(await world.a_person("compliance"), "2026-10"),
        reports.incomes(await world.a_person("senior"), "2026-Q3"),
    ):
        with pytest.raises(NotAllowed):
            await act
    for refused_field, wrong in (
        ("month", reports.detail(finance, "2026-13")),
        ("month", reports.detail(finance, "October")),
        ("quarter", reports.incomes(finance, "2026-Q5")),
        ("quarter", reports.incomes(finance, "26-Q1")),
        ("version", reports.sign_off(finance, "tax-2020", "why")),
        ("note", reports.sign_off(finance, "tax-none", " ")),
    ):
        with pytest.raises(FieldInvalid) as found:
            await wrong
        assert found.value.data["field"] == refused_field
    for owner, why in (("", "not_a_seller"), (await world.a_seller(), "paid_nothing")):
        with pytest.raises(FieldInvalid) as found:
            await reports.certificate(finance, owner, "2026", "en")
        assert (found.value.data["field"], found.value.data["why"]) == ("owner", why)


def test_the_days_of_a_quarter() -> None:
    assert quarter_days("2026-Q4") == (date(2026, 10, 1), date(2026, 12, 31))
    assert quarter_days("2026-Q1") == (date(2026, 1, 1), date(2026, 3, 31))


async def test_the_sellers_account_never_owes_through_withholding(world: World) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    card_id, quote_id = await world.a_confirmed_quote()
    await pay(world, card_id, quote_id)
    async with world.database.transaction() as session:
        assert (await ledger.balance(session, f"seller_payable:{await world.payee_of(card_id)}")).amount_minor == 0
