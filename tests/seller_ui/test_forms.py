"""A form that comes back names all that is wrong, opens at the first of it, and no page of a seller is a dead end."""

from __future__ import annotations

import importlib
import pkgutil
import re

import httpx
import pytest
from fastapi.routing import APIRoute

from database.session import Database
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.errors.cards import TooLateToWithdraw
from domain.errors.people import TooManyTries
from seller_ui import pages
from seller_ui.app import FORM_BYTES_MAX
from seller_ui.services import SellerServices
from tests.seller_ui.conftest import GOOD_CODE, PlayedDesk
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import PAYEE, card_id, fresh_number, move, offered, picture, sold
from tests.seller_ui.ticket_scenes import asked, ticket_id

FIRST = re.compile(r"<(?:input|div)[^>]*\sid=\"(\w+)\"[^>]*\sautofocus", re.DOTALL)
LINKED = re.compile(r'<a href="#(\w+)">')
FIELDS = ("number", "pin", "face_value", "payee_account", "payee_name")


def opens_at(page: Page) -> list[str]:
    return FIRST.findall(page.response.text)


def takes_forms() -> set[str]:
    """The addresses of every module of pages that take a POST."""
    modules = [
        importlib.import_module(f"seller_ui.pages.{found.name}") for found in pkgutil.iter_modules(pages.__path__)
    ]
    routes = [route for module in modules for route in module.router.routes if isinstance(route, APIRoute)]
    return {route.path for route in routes if "POST" in (route.methods or ())}


async def test_an_empty_form_names_everything_that_is_missing(browser: httpx.AsyncClient) -> None:
    form = await Page.get(browser, "/sell/walmart?how=type")
    page = await form.send("/sell/walmart", payee="other")
    assert page.status == 422
    assert tuple(LINKED.findall(page.text)) == FIELDS
    assert "5 fields are missing or invalid" in page.text
    assert opens_at(page) == ["number"]
    assert all(f'id="{field}"' in page.text and f'id="{field}-fault"' in page.text for field in FIELDS)


async def test_a_form_that_is_too_large_is_refused_on_a_page(browser: httpx.AsyncClient) -> None:
    asks = {"accept": "text/html", "accept-language": "en"}
    answer = await browser.post("/tickets", data={"words": "x" * (FORM_BYTES_MAX + 1)}, headers=asks)
    assert answer.status_code == 413
    assert "<h1" in answer.text
    assert "too large" in answer.text


async def test_what_is_missing_and_what_is_malformed_stand_together(browser: httpx.AsyncClient) -> None:
    page = await sold(browser, pin="12", face_value="1e5", payee_name="")
    assert tuple(LINKED.findall(page.text)) == ("pin", "face_value", "payee_name")
    assert opens_at(page) == ["pin"]


async def test_a_photo_form_names_photo_and_payee_and_says_that_a_photo_is_to_be_chosen_again(
    browser: httpx.AsyncClient,
) -> None:
    form = await Page.get(browser, "/sell/walmart")
    page = await form.send("/sell/walmart", payee="other")
    assert tuple(LINKED.findall(page.text)) == ("photo", "payee_account", "payee_name")
    assert opens_at(page) == ["photo"]
    page = await page.send("/sell/walmart", photo=picture(), payee="other", payee_account="13800000021")
    assert tuple(LINKED.findall(page.text)) == ("payee_name",)
    assert "Please choose the photo again" in page.text


async def test_the_fields_of_a_card_that_could_not_be_read_are_all_named(
    browser: httpx.AsyncClient, database: Database
) -> None:
    form = await Page.get(browser, "/sell/walmart")
    card = card_id(await form.send("/sell/walmart", photo=picture(), payee="other", **PAYEE))
    await move(database, card, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.nothing_found")
    page = await (await Page.get(browser, f"/cards/{card}")).send(f"/cards/{card}/fields")
    assert tuple(LINKED.findall(page.text)) == ("number", "pin")
    assert opens_at(page) == ["number"]


async def test_a_fault_of_the_whole_form_is_where_the_page_opens(browser: httpx.AsyncClient) -> None:
    page = await sold(browser, shown="nonsense")
    assert (page.status, opens_at(page)) == (400, ["faults"])


async def test_a_form_that_is_shown_for_the_first_time_opens_nowhere(browser: httpx.AsyncClient) -> None:
    for path in ("/sell/walmart?how=type", "/sell/walmart"):
        assert "autofocus" not in (await Page.get(browser, path)).text


async def test_another_sellers_form_is_refused(browser: httpx.AsyncClient) -> None:
    shown = (await Page.get(browser, "/sell/walmart?how=type")).fields("/sell/walmart")["shown"]
    assert (await sold(browser, shown=shown)).path.startswith("/cards/")
    shown = (await Page.get(browser, "/sell/walmart?how=type")).fields("/sell/walmart")["shown"]
    await (await Page.get(browser, "/")).send("/sign-out")
    page = await (await Page.get(browser, "/sign-in")).send("/sign-in", phone="13900000077")
    await page.send("/sign-in/code", code=GOOD_CODE)
    assert (await sold(browser, number=fresh_number())).path.startswith("/cards/")
    theirs = await sold(browser, shown=shown)
    assert (theirs.status, "the form was altered" in theirs.text) == (400, True)


async def test_every_address_that_only_takes_a_form_leads_to_the_page_of_the_form(
    browser: httpx.AsyncClient,
) -> None:
    card = card_id(await sold(browser))
    ticket = ticket_id(await asked(browser))
    addresses = takes_forms()
    assert {"/sign-in/resend", "/cards/{card_id}/quote/accept", "/cards/{card_id}/code/resend"} < addresses
    assert len(addresses) >= 13
    for path in sorted(addresses):
        address = path.format(
            card_id=card, code="walmart", ticket_id=ticket, link_id="NONE", answer="yes", claim_id="NONE"
        )
        answer = await browser.get(address)
        assert answer.status_code in (200, 303), path
        page = await Page.get(browser, address)
        assert page.status == 200, path
        if path.startswith("/cards/"):
            assert page.path == f"/cards/{card}", path


async def test_the_address_of_a_resend_leads_to_the_code(visitor: httpx.AsyncClient) -> None:
    await (await Page.get(visitor, "/sign-in")).send("/sign-in", phone="13800000021")
    assert (await Page.get(visitor, "/sign-in/resend")).path == "/sign-in/code"


async def test_a_wrong_number_can_be_corrected_and_the_way_is_kept(visitor: httpx.AsyncClient) -> None:
    page = await (await Page.get(visitor, "/sell/jd")).send("/sign-in", phone="13800000022")
    assert 'href="/sign-in"' in page.text
    again = await Page.get(visitor, "/sign-in")
    assert again.fields("/sign-in") | {"csrf": ""} == {"phone": "13800000022", "next": "/sell/jd", "csrf": ""}


@pytest.mark.parametrize(("left_s", "said"), [(47, "in 47 sec"), (2400, "in 40 min")])
async def test_asking_again_too_soon_says_when_and_leads_on(
    visitor: httpx.AsyncClient, services: SellerServices, left_s: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_soon(_phone: str, _origin: object, _locale: str) -> str:
        raise TooManyTries(retry_after_s=left_s)

    await (await Page.get(visitor, "/sign-in")).send("/sign-in", phone="13800000021")
    monkeypatch.setattr(services.sign_in, "send_code", too_soon)
    page = await (await Page.get(visitor, "/sign-in")).send("/sign-in", phone="13800000021")
    assert (page.status, said in page.text) == (429, True)
    assert page.fields("/sign-in")["phone"] == "13800000021"
    assert 'href="/sign-in/code"' in page.text
    code = await Page.get(visitor, "/sign-in/code")
    again = await code.send("/sign-in/resend")
    assert (again.status, said in again.text) == (429, True)
    assert (await again.send("/sign-in/code", code=GOOD_CODE)).path == "/"


async def test_a_card_is_withdrawn_after_a_confirmation_until_its_quote_is_accepted(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database
) -> None:
    card = card_id(await sold(browser))
    for stage, waiting_for in ((Stage.VERIFICATION, WaitingFor.MACHINE), (Stage.REVIEW, WaitingFor.REVIEWER)):
        await move(database, card, stage, waiting_for, "test.waits")
        page = await Page.get(browser, f"/cards/{card}")
        assert '<details class="story withdraw">' in page.text, "nothing happens before it is confirmed"
    await offered(database, card)
    page = await Page.get(browser, f"/cards/{card}")
    await page.send(f"/cards/{card}/withdraw")
    assert desk.told[-1][:2] == ("withdraw", card)
    assert str(desk.told[-1][2]).startswith("seller:")
    await move(database, card, Stage.PAYOUT, WaitingFor.GATEWAY, "payout.sent")
    assert "/withdraw" not in (await Page.get(browser, f"/cards/{card}")).text


async def test_a_withdrawal_that_comes_too_late_says_so_on_the_page(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database
) -> None:
    card = card_id(await sold(browser))
    page = await Page.get(browser, f"/cards/{card}")
    await move(database, card, Stage.PAYOUT, WaitingFor.GATEWAY, "payout.sent")
    desk.refuses = TooLateToWithdraw()
    late = await page.send(f"/cards/{card}/withdraw")
    assert (late.status, "the card is sold; it can no longer be withdrawn" in late.text) == (409, True)


async def test_a_card_that_we_cancelled_says_so_and_can_be_sold_again(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card = card_id(await sold(browser))
    end = {"outcome": Outcome.CANCELLED, "reason": EndReason.CANCELLED}
    await move(database, card, Stage.ENDED, WaitingFor.NOBODY, "journey.cancelled", **end)
    page = await Page.get(browser, f"/cards/{card}")
    assert "We had to cancel the purchase of this card" in page.text
    assert 'href="/sell/' in page.text


async def test_a_withdrawn_card_says_so(browser: httpx.AsyncClient, database: Database) -> None:
    card = card_id(await sold(browser))
    end = {"outcome": Outcome.DECLINED, "reason": EndReason.WITHDRAWN}
    await move(database, card, Stage.ENDED, WaitingFor.NOBODY, "journey.withdrawn", **end)
    page = await Page.get(browser, f"/cards/{card}")
    assert "You withdrew this card before accepting a quote" in page.text
    assert "/withdraw" not in page.text
