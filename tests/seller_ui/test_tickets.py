"""A seller says that something is wrong, reads the answer and writes again; no state of a question is a dead end."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from database.session import Database
from database.tables.columns import now
from database.tables.support.tickets import TicketClockRow, TicketLinkRow, TicketMessageRow, TicketRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.identifiers import new_id
from domain.support.tickets import TicketState
from tests.cases import the_first
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import card_id, move, picture, sold
from tests.seller_ui.ticket_scenes import answered, asked, ticket_id
from web.words import by_day

ACCEPTED = {"en": "en", "zh_CN": "zh-CN"}
SHOWN = {
    TicketState.NEW: ("We are on it", "处理中"), TicketState.OPEN: ("We are on it", "处理中"),
    TicketState.WAITING_INSIDE: ("Being checked", "核查中"), TicketState.WAITING_CUSTOMER: ("Your turn", "请您回复"),
    TicketState.SOLVED: ("Solved", "已解决"), TicketState.CLOSED: ("Closed", "已关闭"),
}  # fmt: skip


async def tickets(database: Database) -> int:
    async with database.transaction() as session:
        return int(await session.scalar(select(func.count()).select_from(TicketRow)) or 0)


async def kept(database: Database, ticket: str) -> list[TicketMessageRow]:
    async with database.transaction() as session:
        chosen = select(TicketMessageRow).where(TicketMessageRow.ticket_id == ticket).order_by(TicketMessageRow.id)
        return list((await session.execute(chosen)).scalars())


@pytest.mark.parametrize("outcome", the_first(3, [None, *Outcome]), ids=str)
async def test_every_card_has_a_way_to_say_that_something_is_wrong(
    browser: httpx.AsyncClient, database: Database, outcome: Outcome | None
) -> None:
    card = card_id(await sold(browser))
    if outcome is not None:
        await move(database, card, Stage.ENDED, WaitingFor.NOBODY, f"journey.{outcome}", outcome=outcome)
    page = await Page.get(browser, f"/cards/{card}")
    assert f'href="/tickets/new?card={card}"' in page.text
    choice = await Page.get(browser, f"/tickets/new?card={card}")
    assert choice.status == 200
    assert f'href="/cards/{card}#callback"' in choice.text
    sent = await asked(browser, card=card, category=re.findall(r"\?category=(\w+)", choice.text)[0])
    assert (sent.status, sent.path.startswith("/tickets/")) == (200, True)
    assert "Walmart" in sent.text
    assert f'href="/tickets/{ticket_id(sent)}"' in (await Page.get(browser, f"/cards/{card}")).text


@pytest.mark.parametrize("locale", the_first(1, ACCEPTED))
@pytest.mark.parametrize("state", TicketState)
async def test_every_state_has_a_text_and_a_next_step(
    browser: httpx.AsyncClient, database: Database, state: TicketState, locale: str
) -> None:
    browser.headers["accept-language"] = ACCEPTED[locale]
    ticket = ticket_id(await asked(browser))
    if state is not TicketState.NEW:
        await answered(database, ticket, state)
    page = await Page.get(browser, f"/tickets/{ticket}")
    said = SHOWN[state][list(ACCEPTED).index(locale)]
    assert said in page.text
    assert said in (await Page.get(browser, "/tickets")).text
    assert 'name="words"' in page.text
    assert not re.search(r"\b(own_ticket_|help\.|ticket_asked\.)", page.text)


async def test_the_promise_is_that_of_the_running_clock(browser: httpx.AsyncClient, database: Database) -> None:
    ticket, due = ticket_id(await asked(browser)), now() + timedelta(hours=30)
    async with database.transaction() as session:
        (await session.get_one(TicketClockRow, (ticket, "first_response:1"))).due_at = due
    assert f"We will answer by {by_day(due, 'en')}" in (await Page.get(browser, f"/tickets/{ticket}")).text
    async with database.transaction() as session:
        (await session.get_one(TicketClockRow, (ticket, "first_response:1"))).due_at = now() - timedelta(hours=1)
    assert "Our answer is overdue" in (await Page.get(browser, f"/tickets/{ticket}")).text


async def test_reply_that_can_be_undone_is_not_shown_and_has_no_effect_yet(
    browser: httpx.AsyncClient, database: Database
) -> None:
    ticket = ticket_id(await asked(browser))
    await answered(database, ticket, TicketState.SOLVED, "Paid this morning", left=False)
    page = await Page.get(browser, f"/tickets/{ticket}")
    assert "Paid this morning" not in page.text
    assert "We are on it" in page.text


async def test_a_reply_to_a_solved_question_opens_it_again(browser: httpx.AsyncClient, database: Database) -> None:
    ticket = ticket_id(await asked(browser))
    await answered(database, ticket, TicketState.SOLVED)
    page = await Page.get(browser, f"/tickets/{ticket}")
    written = await page.send(f"/tickets/{ticket}/messages", words="It is not here.")
    assert "We are on it" in written.text
    assert "It is not here." in written.text


async def test_a_solution_is_rated_by_one_tap_and_the_reason_may_follow(
    browser: httpx.AsyncClient, database: Database
) -> None:
    ticket = ticket_id(await asked(browser))
    address = f"/tickets/{ticket}/rating"
    assert address not in (await Page.get(browser, f"/tickets/{ticket}")).text
    await answered(database, ticket, TicketState.SOLVED)
    page = await Page.get(browser, f"/tickets/{ticket}")
    assert "Is your question solved?" in page.text
    tapped = await page.send(address, good="no")
    assert (tapped.status, "Thank you for your rating" in tapped.text) == (200, True)
    reasoned = await tapped.send(address, good="no", why="Nobody called")
    assert "Nobody called" in reasoned.text
    assert (await reasoned.send(address, good="perhaps")).status == 422
    await answered(database, ticket, TicketState.CLOSED)
    assert "You rated the solution: not good" in (await Page.get(browser, f"/tickets/{ticket}")).text
    assert (await reasoned.send(address, good="yes")).status == 409


async def test_closed_question_leads_to_a_follow_up(browser: httpx.AsyncClient, database: Database) -> None:
    card = card_id(await sold(browser))
    ticket = ticket_id(await asked(browser, card=card))
    page = await Page.get(browser, f"/tickets/{ticket}")
    await answered(database, ticket, TicketState.CLOSED)
    late = await page.send(f"/tickets/{ticket}/messages", words="Still nothing.")
    assert (late.status, "Still nothing." in late.text) == (409, True)
    again = await late.send("/tickets/new", words="Still nothing.")
    assert ticket_id(again) != ticket
    assert f'href="/tickets/{ticket}"' in again.text
    async with database.transaction() as session:
        links = select(TicketLinkRow.subject).where(TicketLinkRow.ticket_id == ticket_id(again))
        assert set((await session.execute(links)).scalars()) == {card, ticket}


async def test_a_form_sent_twice_is_one_question_and_one_message(
    browser: httpx.AsyncClient, database: Database
) -> None:
    form, before = await Page.get(browser, "/tickets/new?category=other"), await tickets(database)
    pages = await asyncio.gather(*(form.send("/tickets/new", words="Help") for _ in range(3)))
    assert (len({one.path for one in pages}), await tickets(database)) == (1, before + 1)
    ticket = ticket_id(pages[0])
    await asyncio.gather(*(pages[0].send(f"/tickets/{ticket}/messages", words="And?") for _ in range(3)))
    assert [one.words for one in await kept(database, ticket)] == ["Help", "And?"]


async def test_a_form_that_was_changed_and_sent_again_loses_nothing(
    browser: httpx.AsyncClient, database: Database
) -> None:
    form, before = await Page.get(browser, "/tickets/new?category=other"), await tickets(database)
    pages = [await form.send("/tickets/new", words=words) for words in ("Help", "Help me please")]
    assert (len({one.path for one in pages}), await tickets(database)) == (2, before + 2)
    assert "Help me please" in pages[1].text


@pytest.mark.parametrize(
    ("locale", "sentence"), [("en", "we covered a card number or PIN"), ("zh-CN", "已遮盖此消息中的卡号或卡密")]
)
async def test_a_card_number_is_covered_and_the_seller_is_notified(
    browser: httpx.AsyncClient, database: Database, locale: str, sentence: str
) -> None:
    browser.headers["accept-language"] = locale
    page = await asked(browser, "My number is 6222 0212 3456 7890 12")
    assert sentence in page.text
    (message,) = await kept(database, ticket_id(page))
    assert "6222" not in message.words + page.text


@pytest.mark.parametrize(
    "words",
    the_first(
        3,
        [
            "<script>alert(1)</script>{{7*7}}",
            "😀👩‍👩‍👧‍👦 help",
            "مرحبا، أين المال؟",
            "\u202egnp.exe\u202c",
            "款项 & “钱”",
            "a\n\nb",
        ],
    ),
)
async def test_text_is_preserved_in_any_script(browser: httpx.AsyncClient, words: str) -> None:
    page = await asked(browser, words)
    assert page.status == 200
    assert words in page.text.replace("\r\n", "\n")
    assert "<script>alert" not in page.response.text
    assert re.search(r'class="said-words" dir="auto"', page.text)


@pytest.mark.parametrize(("words", "status"), [("", 422), ("   ", 422), ("x" * 10_001, 422), ("钱" * 1_000_000, 422)])
async def test_nothing_and_too_much_are_refused_with_a_sentence(
    browser: httpx.AsyncClient, database: Database, words: str, status: int
) -> None:
    before = await tickets(database)
    page = await asked(browser, words)
    assert (page.status, await tickets(database)) == (status, before)
    assert any(said in page.text for said in ("Required: ", "too long", "invalid"))


async def test_a_field_of_more_than_a_megabyte_comes_back_with_its_words(browser: httpx.AsyncClient) -> None:
    page = await Page.get(browser, "/tickets/new?category=other")
    words = "long " * 300_000
    data = page.fields("/tickets/new") | {"words": words}
    answer = await browser.post("/tickets/new", data=data, files=[("files", ("", b"", "application/octet-stream"))])
    assert (answer.status_code, words.strip() in answer.text, "too long" in answer.text) == (422, True, True)


@pytest.mark.parametrize("number", the_first(1, [6, 200]))
async def test_too_many_files_are_refused_and_the_words_stay(browser: httpx.AsyncClient, number: int) -> None:
    page = await Page.get(browser, "/tickets/new?category=other")
    files = [("files", (f"{place}.txt", b"hello", "text/plain")) for place in range(number)]
    data = page.fields("/tickets/new") | {"words": "Look at these"}
    answer = await browser.post("/tickets/new", data=data, files=files)
    assert answer.status_code == 422
    assert "At most 5 files can be sent at once" in answer.text
    assert "Look at these" in answer.text
    assert "Please choose" in answer.text


async def test_a_photo_is_attached_shown_small_and_given_back_whole(browser: httpx.AsyncClient) -> None:
    page = await Page.get(browser, "/tickets/new?category=other")
    files = [("camera", ("card.jpg", picture(), "image/jpeg")), ("files", ("note.txt", b"hello", "text/plain"))]
    sent = await browser.post("/tickets/new", data=page.fields("/tickets/new"), files=files, follow_redirects=True)
    shown = re.findall(r'(?:href|src)="(/tickets/\w+/files/[^"]+)"', sent.text)
    answers = [await browser.get(path) for path in shown]
    assert [one.status_code for one in answers] == [200, 200, 200]
    assert {one.headers["content-type"].partition(";")[0] for one in answers} == {"image/jpeg", "text/plain"}
    assert sum("attachment" in one.headers.get("content-disposition", "") for one in answers) == 2


async def test_another_sellers_card_is_not_found(
    browser: httpx.AsyncClient, visitor: httpx.AsyncClient, database: Database
) -> None:
    card = card_id(await sold(browser))
    ticket = ticket_id(await asked(browser, card=card))
    page = await Page.get(browser, f"/tickets/{ticket}")
    other = await Page.get(browser, "/tickets/new?category=other")
    await (await Page.get(browser, "/")).send("/sign-out")
    signing = await (await Page.get(browser, "/sign-in")).send("/sign-in", phone="13800000099")
    await signing.send("/sign-in/code", code="246810")
    before = await tickets(database)
    for path in (f"/tickets/{ticket}", f"/tickets/{ticket}/live", f"/tickets/new?card={card}", f"/tickets/new?earlier={ticket}",
                 f"/tickets/{ticket}/files/{new_id()}", "/tickets/new?card=nonsense", "/tickets/%00"):  # fmt: skip
        assert (await browser.get(path)).status_code == 404, path
    assert (await page.send(f"/tickets/{ticket}/messages", words="Hi")).status == 404
    for field in ("card", "earlier"):
        named = {"words": "Hi", field: card if field == "card" else ticket}
        assert (await other.fill("/tickets/new", named)).status == 404
    assert await tickets(database) == before


async def test_page_polls_and_receives_nothing_without_a_change(browser: httpx.AsyncClient, database: Database) -> None:
    page = await asked(browser)
    (address,) = re.findall(r'hx-get="([^"]+)"', page.text)
    assert (await browser.get(address)).status_code == 204
    await answered(database, ticket_id(page), TicketState.WAITING_CUSTOMER, "Which account?")
    more = await browser.get(address)
    assert (more.status_code, "Which account?" in more.text, "<html" in more.text) == (200, True, False)


async def test_a_joined_question_leads_to_the_other(browser: httpx.AsyncClient, database: Database) -> None:
    first, second = ticket_id(await asked(browser)), ticket_id(await asked(browser))
    async with database.transaction() as session:
        row = await session.get_one(TicketRow, first)
        row.state, row.merged_into = TicketState.CLOSED, second
    page = await Page.get(browser, f"/tickets/{first}")
    assert f'href="/tickets/{second}"' in page.text


async def test_a_visitor_is_asked_to_sign_in_and_a_list_says_why_it_is_empty(
    visitor: httpx.AsyncClient,
) -> None:
    page = await Page.get(visitor, "/tickets")
    assert page.path == "/sign-in"
    signing = await (await Page.get(visitor, "/sign-in")).send("/sign-in", phone="13800000077")
    await signing.send("/sign-in/code", code="246810")
    empty = await Page.get(visitor, "/tickets")
    assert "No questions yet" in empty.text
    assert 'href="/tickets/new"' in empty.text


async def test_new_questions_are_rate_limited(browser: httpx.AsyncClient) -> None:
    statuses = [(await asked(browser, f"Question {number}")).status for number in range(12)]
    assert (statuses[0], statuses[-1]) == (200, 429)
