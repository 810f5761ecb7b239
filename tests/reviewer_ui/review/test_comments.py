"""Comments on the card page: written with permission, shown in the history, their files only downloaded."""

from __future__ import annotations

import hashlib
import re

import pytest
from sqlalchemy import func, select

from database.tables.notices import NoticeRow
from database.tables.people import PersonRow
from domain.people.roles import Role
from gateways.attachments import BYTES_MAX
from tests.reviewer_ui.commenting import comment
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.scenes import change
from tests.reviewer_ui.waiting_cards import NUMBER

PDF = b"%PDF-1.7\n%%EOF\n"
FILE_LINK = re.compile(r'href="(/cards/[0-9A-Z]+/files/[0-9A-Z]+)"')


async def test_comment_is_in_the_history_with_its_author(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER, "Ann Lee")
    answer = await comment(browser, waiting, "The edge looks cut & glued <b>")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cards/{waiting.card_id}#story")
    live = (await browser.get(f"/cards/{waiting.card_id}", headers={"hx-request": "true"})).text
    assert "<html" not in live
    assert "Ann Lee</strong>: The edge looks cut &amp; glued &lt;b&gt;" in live


async def test_file_is_listed_with_its_hash_and_served_as_a_download(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.SUPPORT)
    await comment(browser, waiting, "", ("收据.pdf", PDF, "text/html"))
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert hashlib.sha256(PDF).hexdigest()[:12] in page
    [link] = FILE_LINK.findall(page)
    kept = await browser.get(link)
    assert (kept.content, kept.headers["content-type"]) == (PDF, "application/pdf")
    assert kept.headers["content-disposition"] == "attachment; filename*=UTF-8''%E6%94%B6%E6%8D%AE.pdf"
    assert kept.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in kept.headers["content-security-policy"]
    assert kept.headers["cache-control"] == "private, no-store"


async def test_comments_are_read_only_without_permission(house: House) -> None:
    waiting, writer = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await comment(writer, waiting, "Ask the store.", ("a.pdf", PDF, "application/pdf"))
    [link] = FILE_LINK.findall((await writer.get(f"/cards/{waiting.card_id}")).text)
    for role in (Role.ADMIN,):
        browser = await house.as_(role)
        page = (await browser.get(f"/cards/{waiting.card_id}")).text
        assert "Ask the store." in page
        assert f"/cards/{waiting.card_id}/comments" not in page
        assert FILE_LINK.findall(page) == []
        assert (await comment(browser, waiting, "Me too")).status_code == 403
        assert (await browser.get(link)).status_code == 403
        assert (await browser.get("/people/called?q=a")).status_code == 403


@pytest.mark.parametrize(
    ("file", "status", "words"),
    [
        (("x.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/png"), 415, "This file type is not supported"),
        (("x.pdf", PDF + bytes(BYTES_MAX), "application/pdf"), 413, "larger than 10 MB"),
    ],
)  # fmt: skip
async def test_refused_form_keeps_its_text(house: House, file: tuple[str, bytes, str], status: int, words: str) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    answer = await comment(browser, waiting, "See the file", file)
    assert answer.status_code == status
    assert words in answer.text
    assert 'value="See the file"' in answer.text
    assert FILE_LINK.findall((await browser.get(f"/cards/{waiting.card_id}")).text) == []


async def test_card_number_in_a_comment_is_refused(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    answer = await comment(browser, waiting, f"It is {NUMBER}")
    assert answer.status_code == 422
    assert "contains a card number or PIN" in answer.text
    assert NUMBER not in (await browser.get(f"/cards/{waiting.card_id}")).text


async def test_only_this_form_may_be_large(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    large = ("a.txt", b"a" * 1024 * 1024, "text/plain")
    assert (await comment(browser, waiting, "Large", large)).status_code == 303
    elsewhere = await browser.post(f"/cards/{waiting.card_id}/take", content=b"a" * 1024 * 1024)
    assert elsewhere.status_code == 413


async def test_names_are_suggested_while_typing(house: House) -> None:
    browser = await house.as_(Role.REVIEWER, "Quentin Zhu")
    found = (await browser.get("/people/called", params={"q": "quentin z"})).json()
    assert [one["name"] for one in found] == ["Quentin Zhu"]
    assert set(found[0]) == {"calls", "name", "email"}


async def test_comment_needs_a_form_token(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    answer = await browser.post(f"/cards/{waiting.card_id}/comments", data={"words": "forged"})
    assert answer.status_code == 400
    assert "forged" not in (await browser.get(f"/cards/{waiting.card_id}")).text


@pytest.mark.parametrize("typed", ["周", "zhou", "Zhou Y", "zhou@desk"])
async def test_colleague_is_mentioned_by_either_script_or_login(house: House, typed: str) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    called = await house.cards.person(Role.SENIOR, "周远 Zhou Yuan")
    login = f"zhou{called[-6:].lower()}"
    await change(house, PersonRow, called, email=f"{login}@desk.example")
    begun = typed.replace("zhou@desk", f"{login}@desk")
    found = (await browser.get("/people/called", params={"q": begun})).json()
    assert f"{login}@desk.example" in [one["email"] for one in found]
    for call in ("周远", "Zhou Yuan", login):
        words = f"@{call} please look"
        assert (await comment(browser, waiting, words)).status_code == 303
    async with house.database.transaction() as session:
        told = await session.execute(select(func.count()).where(NoticeRow.person_id == called))
    assert told.scalar_one() == 3


async def test_refused_comment_stays_on_the_card_page(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    refused = await post(browser, f"/work/{waiting.task_id}/comments", words="it reads 8800 1234 1234 1234 5")
    assert refused.status_code == 422
    assert 'value="it reads 8800 1234 1234 1234 5"' in refused.text
    assert f'action="/cards/{waiting.card_id}/comments"' in refused.text
