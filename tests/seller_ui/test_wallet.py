"""A seller's wallet says what is owed, on its way, paid and owed by them, from the books; an objection is a ticket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select, update

from database.repositories import ledger
from database.session import Database
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import PartReturnRow
from database.tables.finance.rollback import RollbackOffsetRow, RollbackRow
from database.tables.finance.routing import PayoutWaitRow
from database.tables.people import PersonRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.finance.ledger import owed, payout_paid, payout_prepared
from domain.finance.payout import PayoutState
from domain.finance.postings import rollback
from domain.finance.postings.returned import payout_returned
from domain.finance.rails import Rail
from domain.finance.rollback import RollbackKind, RollbackState
from domain.identifiers import new_id, payout_key
from domain.money import Money
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import card_id, move, offered, sold

PRICE = Money(465_00)


async def owner_of(database: Database, card: str) -> str:
    async with database.transaction() as session:
        row = await session.get_one(CardRow, card)
        return (await session.get_one(SubmissionRow, row.submission_id)).owner


async def accepted(browser: httpx.AsyncClient, database: Database) -> tuple[str, str]:
    """A card whose price is owed; returns it and its owner."""
    card = card_id(await sold(browser))
    quote, owner = await offered(database, card), await owner_of(database, card)
    async with database.transaction() as session:
        sold_at = {"state": QuoteState.ACCEPTED, "answered_at": datetime.now(UTC) - timedelta(seconds=42)}
        await session.execute(update(QuoteRow).where(QuoteRow.id == quote).values(**sold_at))
        await ledger.post(session, f"{quote}:owed", card, "owed", owed(owner, PRICE))
    await move(database, card, Stage.PAYOUT, WaitingFor.MACHINE, "payout.prepared")
    return card, owner


async def paid(browser: httpx.AsyncClient, database: Database) -> tuple[str, str]:
    card, owner = await accepted(browser, database)
    key = payout_key(card, 1)
    async with database.transaction() as session:
        order = PayoutRow(
            key=key, card_id=card, amount_minor=PRICE.amount_minor, state=PayoutState.PAID, quote_id=f"card:{card}:quote:1",
            settled_at=datetime.now(UTC), payee_masked="138****0021",
        )  # fmt: skip
        session.add(order)
        await ledger.post(
            session, f"{key}:prepared", card, "payout_prepared", payout_prepared(owner, PRICE, Rail.ALIPAY)
        )
        await ledger.post(session, f"{key}:settled", card, "payout_paid", payout_paid(PRICE, Rail.ALIPAY))
    return card, owner


async def claimed(database: Database, card: str, owner: str) -> str:
    """The seller owes the card's price back, due at once."""
    async with database.transaction() as session:
        person = PersonRow(
            id=new_id(), email=f"{new_id()}@example.com", name="Lin", password_hash="", roles=["finance"]
        )
        session.add(person)
        await session.flush()
        row = RollbackRow(
            id=new_id(), card_id=card, owner=owner, kind=RollbackKind.USED, state=RollbackState.CLAIMED,
            price_minor=PRICE.amount_minor, amount_minor=PRICE.amount_minor, policy_version="rollback-2026-11",
            words="Spent at a till in Wuhan.", evidence_name="x.pdf", evidence_type="application/pdf", evidence_sha256="0" * 64,
            proposed_by=person.id, offset_from=datetime.now(UTC) - timedelta(minutes=1),
        )  # fmt: skip
        session.add(row)
        lines = rollback.claimed(owner, PRICE, PRICE, in_stock=True)
        await ledger.post(session, f"rollback-{row.id}:claimed", card, "rollback_claimed", lines)
    return row.id


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Withdrawals are free", "Arrived 42 sec after acceptance")),
        ("zh-CN", ("提现免费", "接受报价后 42")),
    ],
)
async def test_a_payment_is_shown_with_how_long_it_took(
    browser: httpx.AsyncClient, database: Database, language: str, words: tuple[str, ...]
) -> None:
    card, _ = await paid(browser, database)
    browser.headers["accept-language"] = language
    page = (await browser.get("/wallet")).text
    assert f"/cards/{card}" in page
    for one in words:
        assert one in page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("¥300.00 of it came back to us", "it is paid to you again separately", "Part of a payment came back")),
        ("zh-CN", ("其中 ¥300.00 被退回", "将单独补付给您", "部分款项退回")),
    ],
)
async def test_a_part_that_came_back_is_shown_as_owed_again(
    browser: httpx.AsyncClient, database: Database, language: str, words: tuple[str, ...]
) -> None:
    card, owner = await paid(browser, database)
    part, key, now = Money(300_00), payout_key(card, 1), datetime.now(UTC)
    async with database.transaction() as session:
        person = PersonRow(
            id=new_id(), email=f"{new_id()}@example.com", name="Lin", password_hash="", roles=["finance"]
        )
        session.add(person)
        await session.flush()
        session.add(
            PartReturnRow(
                id=new_id(), key=key, card_id=card, owner=owner, amount_minor=part.amount_minor, reason="The bill.",
                evidence_name="x.pdf", evidence_type="application/pdf", evidence_sha256="0" * 64, proposed_by=person.id,
                agreed_by=person.id, agreed_at=now,
            )
        )  # fmt: skip
        lines = payout_returned(owner, part, Rail.ALIPAY)
        await ledger.post(session, f"{key}:part:1", card, "payout_returned_in_part", lines)
    browser.headers["accept-language"] = language
    page = (await browser.get("/wallet")).text
    for one in words:
        assert one in page
    assert "¥165.00" in page  # What is left of what they were paid.


async def test_a_payment_on_hold_says_why_on_the_wallet_and_on_the_cards_page(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card, owner = await accepted(browser, database)
    browser.headers["accept-language"] = "en"
    before = (await browser.get("/wallet")).text
    assert "¥465.00" in before
    async with database.transaction() as session:
        row = PayoutWaitRow(
            key=payout_key(card, 1), card_id=card, owner=owner, rail=Rail.ALIPAY, amount_minor=46_500, payee_masked="138****0021",
            reasons=["rail_day"], until=datetime.now(UTC) + timedelta(hours=5),
        )  # fmt: skip
        session.add(row)
    await move(database, card, Stage.PAYOUT, WaitingFor.RAIL, "payout.waits")
    for path in ("/wallet", f"/cards/{card}"):
        assert "limit of this payment channel has been reached" in (await browser.get(path)).text


async def test_the_statement_of_a_month_is_the_books_own_on_the_page_and_as_a_file(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card, owner = await paid(browser, database)
    await claimed(database, card, owner)
    browser.headers["accept-language"] = "en"
    file = (await browser.get("/wallet.csv")).text
    lines = [line.split(",") for line in file.splitlines()]
    assert [(one[1], one[4]) for one in lines if one[2] == card[-6:]] == [
        ("Card sold", "46500"), ("Payment ordered", "-46500"), ("Card claimed back", "-46500"),
    ]  # fmt: skip
    for month in ("2026-13", "nothing", "2026-1"):
        assert (await browser.get(f"/wallet.csv?month={month}")).status_code == 404
        assert (await browser.get(f"/wallet?month={month}")).status_code == 404


async def test_a_claim_is_shown_with_its_reason_and_an_objection_is_one_ticket_that_stops_offsets(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card, owner = await paid(browser, database)
    claim = await claimed(database, card, owner)
    browser.headers["accept-language"] = "en"
    other, _ = await accepted(browser, database)
    await move(database, other, Stage.OFFER, WaitingFor.SELLER_OFFER, "offer.made", facts={"amount": "¥465.00"})
    assert "¥232.50 of it will be set off" in (await browser.get(f"/cards/{other}")).text
    page = await Page.get(browser, "/wallet")
    assert "Spent at a till in Wuhan." in page.text
    empty = await page.fill(f"/wallet/claims/{claim}/object", {"words": ""})
    assert empty.status == 422
    for _ in range(2):  # Pressed twice.
        answer = await page.fill(f"/wallet/claims/{claim}/object", {"words": "I gave the card to nobody."})
        assert answer.path.startswith("/tickets/")
    async with database.transaction() as session:
        row = await session.get_one(RollbackRow, claim)
        count = len((await session.execute(select(RollbackRow.id).where(RollbackRow.owner == owner))).scalars().all())
    assert (row.objection_ticket, row.objected_at is not None, count) == (answer.path.rpartition("/")[2], True, 1)
    assert "of it will be set off" not in (await browser.get(f"/cards/{other}")).text
    assert "Your objection is under review" in (await browser.get("/wallet")).text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("The ¥232.50 that was taken for it is yours", "From a dropped claim; it is paid to you separately.")),
        ("zh-CN", ("此前抵扣或退还的 ¥232.50 应返还给您", "追回撤销后应返还给您，将单独付款。")),
    ],
)
async def test_a_dropped_claim_says_what_is_paid_back(
    browser: httpx.AsyncClient, database: Database, language: str, words: tuple[str, str]
) -> None:
    card, owner = await paid(browser, database)
    claim = await claimed(database, card, owner)
    async with database.transaction() as session:
        row = await session.get_one(RollbackRow, claim)
        row.state, row.reversed, row.given_up_minor = RollbackState.DROPPED, True, 232_50
        session.add(RollbackOffsetRow(rollback_id=claim, payout_key=payout_key(card, 9), amount_minor=232_50))
    browser.headers["accept-language"] = language
    page = (await browser.get("/wallet")).text
    assert [one for one in words if one not in page] == []


async def test_anothers_claim_cannot_be_objected_to(browser: httpx.AsyncClient, database: Database) -> None:
    card, _ = await paid(browser, database)
    claim = await claimed(database, card, "seller:another")
    page = await Page.get(browser, "/wallet")
    assert f"/wallet/claims/{claim}/object" not in page.text
    token = page.text.split('name="csrf" value="')[1].split('"')[0]
    answer = await browser.post(f"/wallet/claims/{claim}/object", data={"csrf": token, "words": "Mine."})
    assert answer.status_code == 404
