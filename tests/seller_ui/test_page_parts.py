"""What each seller page has beside its form: one heading, a way to sign in, a way to look again, a brand's own tile."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from database.session import Database
from domain.cards.card import Stage, WaitingFor
from domain.rules.brands import catalogue
from seller_ui.app import build
from seller_ui.services import SellerServices
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import card_id, move, sold
from web.demo_links import NO_LINKS, DemoLinks

HEADING = re.compile(r"<h1>(.*?)</h1>", re.DOTALL)
TILE = re.compile(r'class="tile-plate [^"]*" aria-hidden="true">([^<]*)<')
ACCEPTED = {"en": "en", "zh_CN": "zh-CN"}


async def test_a_visitor_finds_the_way_in_and_a_seller_the_way_out(visitor: httpx.AsyncClient) -> None:
    front = await Page.get(visitor, "/")
    assert 'href="/sign-in"' in front.text
    page = await (await Page.get(visitor, "/sign-in")).send("/sign-in", phone="13800000021")
    page = await page.send("/sign-in/code", code="246810")
    assert (page.path, 'href="/sign-in"' in page.text) == ("/", False)


@pytest.mark.parametrize("path", ["/", "/sell/walmart", "/sell/walmart?how=type", "/cards"])
async def test_every_page_has_one_heading(browser: httpx.AsyncClient, path: str) -> None:
    assert len(HEADING.findall((await Page.get(browser, path)).text)) == 1


async def test_a_card_has_one_heading_and_is_looked_at_again_without_scripts(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card = card_id(await sold(browser))
    await move(database, card, Stage.REVIEW, WaitingFor.REVIEWER, "review.opened")
    page = await Page.get(browser, f"/cards/{card}")
    assert HEADING.findall(page.text) == ["Walmart"]
    assert re.search(rf'<noscript><a [^>]*href="/cards/{card}"', page.text)


@pytest.mark.parametrize("locale", ACCEPTED)
async def test_the_tiles_of_two_brands_are_never_alike(browser: httpx.AsyncClient, locale: str) -> None:
    page = await browser.get("/", headers={"accept-language": ACCEPTED[locale]})
    assert sorted(TILE.findall(page.text)) == sorted(entry.short[locale] for entry in catalogue().values())
    await sold(browser)
    listed = await browser.get("/cards", headers={"accept-language": ACCEPTED[locale]})
    assert TILE.findall(listed.text)[0] == catalogue()["walmart"].short[locale]


async def test_only_a_demo_links_to_its_other_apps(services: SellerServices) -> None:
    links = DemoLinks("http://api.demo", "http://console.demo", {"messages": "http://sms.demo"})
    for given, wanted in ((NO_LINKS, []), (links, ["http://console.demo", "http://sms.demo", "/welcome", "/docs"])):
        app = build(replace(services, demo_links=given))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://seller.test") as client:
            page = (await client.get("/sign-in")).text
        assert [one for one in wanted if f'href="{one}"' not in page] == []
        assert ('class="demo"' in page) == bool(wanted)
