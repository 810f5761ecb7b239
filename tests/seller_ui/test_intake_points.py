"""A seller who comes by the link of an offline intake point: kept through signing in, shown, sent with the form, and never lost silently."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import httpx
import pytest
from sqlalchemy import select

from database.session import Database
from database.tables.cards import CardRow, SubmissionRow
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.splits import KIND
from tests.builders.split_rules import a_document
from tests.seller_ui.conftest import PlayedDesk
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import PAYEE, PIN, card_id, fresh_number, sold

FORM = "/sell/walmart"


@pytest.fixture(autouse=True)
def points() -> Iterator[None]:
    """Rules in which `corner` is an intake point, and `mall` an outlet."""
    document = KIND.require_valid(a_document(), {})
    BOOK.fill("splits", [PolicyDocument("splits", 1, "splits-1", date(2020, 1, 1), document)])
    yield
    BOOK.fill("splits", [])


async def point_of(database: Database, page: Page) -> str:
    async with database.transaction() as session:
        of_card = select(SubmissionRow.intake_point).join(CardRow).where(CardRow.id == card_id(page))
        return (await session.execute(of_card)).scalar_one()


def typed() -> dict[str, str]:
    return {"number": fresh_number(), "pin": PIN, "face_value": "500", "payee": "other"} | PAYEE


@pytest.mark.parametrize("link", ["/?via=corner", f"{FORM}?via=corner"])
async def test_a_seller_who_signs_in_first_keeps_the_point_and_reads_of_it(
    visitor: httpx.AsyncClient, database: Database, link: str
) -> None:
    await Page.get(visitor, link)
    page = await Page.get(visitor, f"{FORM}?how=type")
    page = await (await page.send("/sign-in", phone="13800000021")).send("/sign-in/code", code="246810")
    assert (page.path, "Corner shop" in page.text, page.fields(FORM)["via"]) == (FORM, True, "corner")
    done = await (await Page.get(visitor, f"{FORM}?how=type")).fill(FORM, typed())
    assert await point_of(database, done) == "corner"
    again = await sold(visitor)  # Handed in at the same visit.
    assert await point_of(database, again) == "corner"
    left = await Page.get(visitor, f"{FORM}?how=type&via=")
    assert "Corner shop" not in left.text
    assert await point_of(database, await sold(visitor)) == ""


async def test_a_refused_form_keeps_the_point(browser: httpx.AsyncClient, database: Database) -> None:
    form = await Page.get(browser, f"{FORM}?how=type&via=corner")
    refused = await form.fill(FORM, typed() | {"payee_name": ""})
    assert (refused.status, refused.fields(FORM)["via"], "Corner shop" in refused.text) == (422, "corner", True)
    done = await refused.fill(FORM, typed())
    assert await point_of(database, done) == "corner"


@pytest.mark.parametrize(("language", "words"), [("en", "No intake point with the code"), ("zh", "没有找到代码为")])
@pytest.mark.parametrize(("code", "shown"), [("nowhere", "nowhere"), ("mall", "mall"), ("<b>x</b>", "?")])
async def test_a_link_of_no_point_says_so_also_after_signing_in_and_the_card_is_taken_in_without(
    visitor: httpx.AsyncClient, database: Database, language: str, words: str, code: str, shown: str
) -> None:
    visitor.headers["accept-language"] = language
    page = await Page.get(visitor, f"{FORM}?via={code}")
    page = await (await page.send("/sign-in", phone="13800000021")).send("/sign-in/code", code="246810")
    assert (page.path, words in page.text, shown in page.text) == (FORM, True, True)
    assert "<b>x</b>" not in page.response.text
    assert words not in (await Page.get(visitor, FORM)).text  # Said once.
    assert await point_of(database, await sold(visitor)) == ""


async def test_a_point_that_closed_meanwhile_is_named_and_the_form_goes_on_without(
    browser: httpx.AsyncClient, database: Database, desk: PlayedDesk
) -> None:
    form = await Page.get(browser, f"{FORM}?how=type&via=corner")
    document = a_document()
    document["counterparties"]["corner"]["kind"] = "outlet"
    closed = PolicyDocument("splits", 2, "splits-2", date(2020, 1, 1), KIND.require_valid(document, {}))
    BOOK.fill("splits", [closed])
    card = typed()
    refused = await form.fill(FORM, card)
    assert (refused.status, "does not take cards in any more" in refused.text, desk.told) == (422, True, [])
    assert (refused.fields(FORM)["number"], "via" in refused.fields(FORM)) == (card["number"], False)
    assert await point_of(database, await refused.fill(FORM, typed())) == ""
