"""A seller's day: sign in, hand a card in by photo or by hand, answer what the card asks, and see the money."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select

from database.repositories import cards
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.errors.cards import DynamicCodeWrong, QuoteExpired
from domain.errors.general import TemporarilyUnavailable
from domain.finance.payout import PayoutState
from tests.seller_ui.conftest import PlayedDesk
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import (
    PAYEE,
    PIN,
    card_id,
    fresh_number,
    move,
    offered,
    picture,
    sold,
)


async def test_a_visitor_sees_the_brands_and_is_asked_to_sign_in(visitor: httpx.AsyncClient) -> None:
    page = await Page.get(visitor, "/")
    assert "JD E-card" in page.text
    assert (await Page.get(visitor, "/sell/jd")).path == "/sign-in"


async def test_a_wrong_sign_in_code_says_so_and_a_right_one_leads_back(visitor: httpx.AsyncClient) -> None:
    page = await Page.get(visitor, "/sell/jd")
    page = await page.send("/sign-in", phone="13800000021")
    assert "138****0021" in page.text
    wrong = await page.send("/sign-in/code", code="000000")
    assert (wrong.status, "wrong or has expired" in wrong.text) == (401, True)
    assert (await wrong.send("/sign-in/code", code="246810")).path == "/sell/jd"


async def test_a_phone_that_is_none_comes_back_as_typed(visitor: httpx.AsyncClient) -> None:
    page = await (await Page.get(visitor, "/sign-in")).send("/sign-in", phone="my phone")
    assert (page.status, page.fields("/sign-in")["phone"]) == (422, "my phone")


async def test_a_typed_card_is_taken_in_started_and_shown_masked(browser: httpx.AsyncClient, desk: PlayedDesk) -> None:
    number = fresh_number()
    page = await sold(browser, number=number)
    assert page.path.startswith("/cards/")
    assert desk.told == [("start", card_id(page))]
    assert f"•••• {number[-4:]}" in page.text
    assert number not in page.text
    assert PIN not in page.text


async def test_the_form_of_a_sale_is_hashed_into_its_submission(browser: httpx.AsyncClient, database: Database) -> None:
    page = await sold(browser)
    async with database.transaction() as session:
        chosen = select(SubmissionRow.form_hash).join(CardRow).where(CardRow.id == card_id(page))
        assert len(await session.scalar(chosen)) == 64


async def test_a_mistyped_number_comes_back_with_what_was_typed(browser: httpx.AsyncClient, desk: PlayedDesk) -> None:
    page = await sold(browser, number="8000000000000004")
    assert page.status == 422
    assert "may be mistyped" in page.text
    assert page.fields("/sell/walmart")["number"] == "8000000000000004"
    assert desk.told == []


async def test_a_missing_payee_is_named_in_words_beside_its_field(browser: httpx.AsyncClient) -> None:
    page = await sold(browser, payee_name="")
    assert (page.status, "Required: legal name" in page.text) == (422, True)


async def test_a_form_shown_for_another_brand_is_refused(browser: httpx.AsyncClient, desk: PlayedDesk) -> None:
    page = await Page.get(browser, "/sell/jd?how=type")
    sent = await sold(browser, shown=page.fields("/sell/jd")["shown"])
    assert (sent.status, "the form was altered" in sent.text) == (400, True)
    assert desk.told == []


async def test_a_form_sent_twice_is_one_sale(browser: httpx.AsyncClient) -> None:
    form = await Page.get(browser, "/sell/walmart?how=type")
    typed = {"number": fresh_number(), "pin": PIN, "face_value": "500", "payee": "other"} | PAYEE
    first, second = await form.fill("/sell/walmart", typed), await form.fill("/sell/walmart", typed)
    assert card_id(first) == card_id(second)


async def test_a_form_sent_again_much_later_leads_to_its_card_before_limit_and_age_are_asked(
    browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = await Page.get(browser, "/sell/walmart")
    typed = {"number": fresh_number(), "pin": PIN, "face_value": "500", "payee": "other"} | PAYEE
    first = await form.fill("/sell/walmart", typed, picture())
    monkeypatch.setattr("seller_ui.form_seal.FORM_AGE_MAX_S", -1)
    again = await form.fill("/sell/walmart", typed, picture())
    other = await form.fill("/sell/walmart", typed | {"face_value": "600"}, picture())
    assert card_id(again) == card_id(first)
    assert other.status == 400


async def test_the_last_payee_is_offered_masked(browser: httpx.AsyncClient) -> None:
    await sold(browser)
    again = await Page.get(browser, "/sell/walmart?how=type")
    assert "138****0021" in again.text
    assert PAYEE["payee_account"] not in again.text
    assert (await sold(browser, payee="same", payee_account="", payee_name="")).path.startswith("/cards/")


async def test_a_photographed_card_is_taken_in(browser: httpx.AsyncClient) -> None:
    form = await Page.get(browser, "/sell/walmart")
    page = await form.send("/sell/walmart", photo=picture(), payee="other", **PAYEE)
    assert page.path.startswith("/cards/")
    says = re.compile(r'id="ahead"[^>]*>\s*(Your photo is next|\d+ photos? (is|are) read before yours)')
    assert says.search(page.text), "how many photos are read before"
    assert says.search((await browser.get(f"{page.path}/ahead")).text)
    typed = await sold(browser)
    assert 'id="ahead"' not in typed.text
    assert (await browser.get(f"{typed.path}/ahead")).text.strip() == ""


@pytest.mark.parametrize(
    ("photo", "status", "says"),
    [(b"", 422, "file is empty"), (b"<svg/>", 415, "not supported"), (picture()[:2000], 422, "incomplete or damaged")],
)
async def test_a_bad_photo_is_refused_in_words(
    browser: httpx.AsyncClient, photo: bytes, status: int, says: str
) -> None:
    form = await Page.get(browser, "/sell/walmart")
    page = await form.send("/sell/walmart", photo=photo, payee="other", **PAYEE)
    assert (page.status, says in page.text) == (status, True)


async def test_temporal_away_loses_no_card(browser: httpx.AsyncClient, desk: PlayedDesk) -> None:
    desk.refuses = TemporarilyUnavailable()
    assert (await sold(browser)).path.startswith("/cards/")


async def test_reading_is_confirmed(browser: httpx.AsyncClient, desk: PlayedDesk, database: Database) -> None:
    number = fresh_number()
    card = card_id(await sold(browser, number=number))
    await move(database, card, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.done")
    page = await Page.get(browser, f"/cards/{card}")
    shown = page.fields(f"/cards/{card}/fields")
    assert (shown["number"].replace(" ", ""), shown["pin"]) == (number, PIN)
    await page.send(f"/cards/{card}/fields")
    assert desk.told[-1][:2] == ("confirm_fields", card)


async def test_a_wrong_dynamic_code_says_how_many_tries_are_left(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database
) -> None:
    card = card_id(await sold(browser))
    await move(database, card, Stage.VERIFICATION, WaitingFor.SELLER_CODE, "verification.code_awaited")
    page = await Page.get(browser, f"/cards/{card}")
    assert "3 attempts left" in page.text
    desk.refuses = DynamicCodeWrong(tries_left=2)
    wrong = await page.send(f"/cards/{card}/code", code="111111")
    assert (wrong.status, "Attempts left: 2" in wrong.text) == (422, True)
    desk.refuses = None
    await wrong.send(f"/cards/{card}/code", code="222222")
    assert desk.told[-1] == ("enter_code", card, "222222")


async def test_the_quote_is_shown_with_its_lines_and_accepted(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database
) -> None:
    card = card_id(await sold(browser))
    quote = await offered(database, card)
    page = await Page.get(browser, f"/cards/{card}")
    assert "Accept 465.00, pay to 138****0021" in page.text
    assert "93 %" in page.text
    assert "475.00" not in page.text
    await page.send(f"/cards/{card}/quote/accept")
    assert desk.told[-1] == ("answer_offer", card, quote, True)


async def test_a_quote_accepted_too_late_says_so(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database
) -> None:
    card = card_id(await sold(browser))
    await offered(database, card)
    page = await Page.get(browser, f"/cards/{card}")
    desk.refuses = QuoteExpired()
    late = await page.send(f"/cards/{card}/quote/accept")
    assert (late.status, "The quote has expired" in late.text) == (409, True)


async def test_an_asked_item_is_sent_again(browser: httpx.AsyncClient, desk: PlayedDesk, database: Database) -> None:
    card = card_id(await sold(browser))
    await move(database, card, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_photo")
    page = await Page.get(browser, f"/cards/{card}")
    assert "Please add: Photo of the front" in page.text
    await page.send(f"/cards/{card}/item", photo=picture())
    assert desk.told[-1][:2] == ("supply_item", card)


async def test_the_payout_is_shown_and_the_page_stops_asking(browser: httpx.AsyncClient, database: Database) -> None:
    card = card_id(await sold(browser))
    assert 'hx-trigger="changed"' in (await Page.get(browser, f"/cards/{card}")).text
    await offered(database, card)
    async with database.transaction() as session:
        key, settled = f"card-{card}-payout-1", datetime.now(UTC)
        session.add(PayoutRow(key=key, card_id=card, amount_minor=46500, state=PayoutState.PAID, settled_at=settled))
    await move(database, card, Stage.ENDED, WaitingFor.NOBODY, "journey.paid", outcome=Outcome.PAID)
    page = await Page.get(browser, f"/cards/{card}")
    assert "¥465.00" in page.text
    assert "hx-trigger" not in page.text


async def test_a_rejection_is_explained(browser: httpx.AsyncClient, database: Database) -> None:
    card = card_id(await sold(browser))
    end = {"outcome": Outcome.REJECTED, "reason": EndReason.FROZEN}
    await move(database, card, Stage.ENDED, WaitingFor.NOBODY, "journey.rejected", **end)
    assert "The issuer has frozen this card" in (await Page.get(browser, f"/cards/{card}")).text


async def test_live_page_receives_nothing_without_a_change(browser: httpx.AsyncClient, database: Database) -> None:
    page = await sold(browser)
    seen = page.text.partition('data-seen="')[2].partition('"')[0]
    live = f"/cards/{card_id(page)}/live?seen={seen}"
    assert (await Page.get(browser, live)).status == 204
    await offered(database, card_id(page))
    fresh = await Page.get(browser, live)
    assert fresh.text.lstrip().startswith('<div id="live"')
    assert "Accept 465.00" in fresh.text


async def test_another_sellers_card_is_not_found(browser: httpx.AsyncClient) -> None:
    card = card_id(await sold(browser))
    page = await (await Page.get(browser, "/sign-in")).send("/sign-out")
    page = await (await Page.get(browser, "/sign-in")).send("/sign-in", phone="13900000000")
    await page.send("/sign-in/code", code="246810")
    for path in (
        f"/cards/{card}",
        f"/cards/{card}/live",
        f"/cards/{card}/ahead",
        f"/cards/{card}/events",
        f"/cards/{card}/photos/1",
    ):
        assert (await Page.get(browser, path)).status == 404


async def test_my_cards_are_listed_and_empty_at_first(visitor: httpx.AsyncClient) -> None:
    page = await (await Page.get(visitor, "/cards")).send("/sign-in", phone="13700000000")
    page = await page.send("/sign-in/code", code="246810")
    assert "No cards yet" in page.text
    sent = await sold(visitor)
    assert f'href="/cards/{card_id(sent)}"' in (await Page.get(visitor, "/cards")).text


async def test_a_form_without_its_token_changes_nothing(browser: httpx.AsyncClient, desk: PlayedDesk) -> None:
    response = await browser.post("/sell/walmart", data={"number": fresh_number()})
    assert response.status_code == 400
    other_site = await Page.get(browser, "/sell/walmart?how=type")
    data = other_site.fields("/sell/walmart") | {"number": fresh_number()}
    response = await browser.post("/sell/walmart", data=data, headers={"sec-fetch-site": "cross-site"})
    assert response.status_code == 400
    assert desk.told == []


async def test_every_answer_carries_the_headers_and_no_page_an_inline_script(browser: httpx.AsyncClient) -> None:
    for path in ("/", "/sell/walmart", "/cards", "/nothing-here"):
        page = await Page.get(browser, path)
        policy = page.response.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert page.response.headers["x-request-id"]
        assert "<script>" not in page.text
        assert " style=" not in page.text


async def test_the_language_is_changed_on_the_page_it_was_asked_on(visitor: httpx.AsyncClient) -> None:
    page = await (await Page.get(visitor, "/")).send("/language")
    assert page.path == "/"
    assert "您想卖哪种卡" in page.text


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_passed_deadline_is_not_shown(browser: httpx.AsyncClient, database: Database, language: str) -> None:
    card = card_id(await sold(browser))
    waits = (
        (Stage.REVIEW, WaitingFor.REVIEWER),
        (Stage.READING, WaitingFor.SELLER_FIELDS),
        (Stage.VERIFICATION, WaitingFor.OUTLET),
    )
    for stage, waiting_for in waits:
        for minutes, promised in ((30, True), (-1, False)):
            until = datetime.now(UTC) + timedelta(minutes=minutes)
            async with database.transaction() as session:
                await cards.record(session, card, Change(stage, waiting_for, until, "test.waits"))
            page = await browser.get(f"/cards/{card}", headers={"accept-language": language})
            shown = 'class="until' in page.text and "<time" in page.text.split('class="until')[1].split("</p>")[0]
            assert (page.status_code, shown) == (200, promised), (waiting_for, minutes)
