"""A card number or PIN entered into any free text of the console is kept in no row, log or answer; and what
could run in a page, a spreadsheet or a mail is words there and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import text

from database.tables.cards import SubmissionRow
from database.tables.notices import NoticeRow
from database.tables.people import PersonRow
from domain.people.roles import Role
from gateways.mail import Letter, MailGateway, MailServer
from services.notices.digest_text import Reader, digest_text
from services.people.rate_limit import Throttle
from tests.builders.world import a_number
from tests.cases import the_first
from tests.reviewer_ui.commenting import comment
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.quality_scenes import drawn
from tests.reviewer_ui.queue_scenes import browser_of
from tests.reviewer_ui.scenes import change
from tests.reviewer_ui.waiting_cards import PIN, Waiting

FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
WAYS: dict[str, Callable[[str], str]] = {
    "plain": lambda told: told,
    "spaced": lambda told: " ".join(told),
    "cut": lambda told: f"{told[:3]}/{told[3:5]}_{told[5:]}",
    "full width": lambda told: told.translate(FULL_WIDTH),
    "unseen between": lambda told: "\u200b".join(told),
    "other digits": lambda told: told.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
}


async def rows_that_hold(house: House, told: str) -> list[str]:
    """The tables of which a row holds it, in any column that is not sealed."""
    found = []
    async with house.database.transaction() as session:
        tables = await session.execute(
            text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        )
        for (table,) in tables.all():
            wanted = text(f'SELECT count(*) FROM "{table}" AS one WHERE one::text LIKE :told')  # noqa: S608
            if (await session.execute(wanted, {"told": f"%{told}%"})).scalar_one():
                found.append(table)
    return found


async def everybodys_words(house: House, one: Waiting, told: str, beside: bool) -> list[httpx.Response]:
    """Every free text that a person with all roles can write about this card, or `beside` it about none."""
    me = await house.cards.person(Role.SENIOR, "Everything")
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, me)).roles = [role.value for role in Role]
    browser, here, task = await browser_of(house, me), f"/cards/{one.card_id}", one.task_id
    await post(browser, f"{here}/take", task_id=task)
    forms: list[tuple[str, dict[str, str]]] = [
        (f"{here}/decision", {"task_id": task, "act": "approve", "note": told}),
        (f"{here}/decision", {"task_id": task, "act": "reject:forged", "note": told}),
        (f"{here}/snooze", {"task_id": task, "reason_code": "call_store", "until": "tomorrow", "note": told}),
        (f"{here}/snooze", {"task_id": task, "reason_code": told, "until": "tomorrow"}),
        (f"{here}/escalate", {"task_id": task, "reason_code": "unsure", "note": told}),
        (f"{here}/escalate", {"task_id": task, "reason_code": told}),
        (f"{here}/take-over", {"task_id": task, "reason_code": "urgent", "note": told}),
        (f"{here}/check", {"task_id": task, "act": "return:look_again", "note": told}),
        (f"{here}/reveal", {"field": "number", "reason_code": told}),
        (f"{here}/reveal", {"field": told, "reason_code": "compare"}),
        (f"{here}/comments", {"words": told}),
    ]
    about_none: list[tuple[str, dict[str, str]]] = [
        ("/review/views", {"name": f"v {told}"[:40], "query": "brand=jd"}),
        ("/review/views", {"name": "a view", "query": f"ending={told}"}),
        ("/review/bulk", {"act": "snooze", "task": task, "moment": "tomorrow", "reason": told}),
        ("/review/bulk", {"act": "assign", "task": task, "to": told}),
        ("/review/bulk", {"act": "release", "task": told}),
        ("/account/profile", {"name": told, "locale": "en", "timezone": "UTC"}),
        ("/account/absence", {"starts_at": told, "ends_at": told, "stand_in": told}),
        ("/account/keys", {"key-a": told}),
        ("/setup/reasons/reject", {"code": "a_code", "letter": "q", "zh": told, "en": told}),
        ("/setup/policies/deadlines/draft", {"how": "json", "revision": "0", "why": told, "document": "{}"}),
    ]
    answers = [await post(browser, path, **form) for path, form in (forms + about_none if beside else forms)]
    return [*answers, await comment(browser, one, "a file", (f"{told}.txt", b"words", "text/plain"))]


@pytest.mark.parametrize("way", the_first(2, WAYS))
async def test_card_number_typed_in_any_form_is_never_stored(
    house: House, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    number = a_number("starbucks")
    one = await house.cards.waiting(number=number)
    told = WAYS[way](number)
    answers = await everybodys_words(house, one, told, beside=way != "cut")  # Nobody knows there which number is meant.
    assert [answer.status_code for answer in answers if answer.status_code >= 500] == []
    assert await rows_that_hold(house, told) == []
    assert await rows_that_hold(house, number) == []
    logged = capsys.readouterr()
    assert told not in logged.out + logged.err
    assert number not in logged.out + logged.err


async def test_second_review_and_views_store_no_card_number(house: House) -> None:
    one, _, review_id = await drawn(house)
    bo = await house.as_(Role.REVIEWER, "Bo")
    await post(bo, "/quality/second/next")
    form = {"outcome": "reject", "reason": "forged", "note": f"its pin is {PIN}"}
    refused = await post(bo, f"/quality/second/{review_id}/decide", **form)
    assert (refused.status_code, "contains a card number or PIN" in refused.text) == (422, True)
    number = a_number("starbucks")
    page = await bo.get("/review", params={"ending": number})
    assert number not in str(page.headers.get_list("set-cookie"))
    assert one.card_id


async def test_refused_comments_do_not_reveal_a_pin(house: House) -> None:
    """Support may comment and may not reveal: lists of numbers are refused alike, and trying has an end."""
    one, support = await house.cards.waiting(), await house.as_(Role.SUPPORT)
    house.app.state.console.comment_throttle = Throttle(
        house.database, "10/hour"
    )  # A slow machine would outlast the minute.
    with_it = " ".join([PIN, *(f"{place:08d}" for place in range(9))])
    without = " ".join(f"{place:08d}" for place in range(10))
    answers = [await comment(support, one, words) for words in (with_it, without)]
    assert [answer.status_code for answer in answers] == [422, 422]
    more = await asyncio.gather(*(comment(support, one, f"is it {place:08d}?") for place in range(12)))
    assert sorted(answer.status_code for answer in more) == [303] * 8 + [429] * 4


HOSTILE = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>{{7*7}}"
FORMULA = '=HYPERLINK("https://elsewhere.test")'


async def test_markup_in_names_and_seller_input_is_escaped(house: House) -> None:
    one = await house.cards.waiting()
    mei, bo = await house.cards.person(Role.SENIOR, HOSTILE), await house.cards.person(Role.SENIOR, "Bo")
    hers, browser = await browser_of(house, mei), await browser_of(house, bo)
    await change(house, SubmissionRow, f"S{one.card_id}", payee_masked=HOSTILE, channel=HOSTILE)
    await post(hers, f"/cards/{one.card_id}/take", task_id=one.task_id)
    await comment(hers, one, f"{HOSTILE} @Bo", (f"{HOSTILE}.txt", b"words", "text/plain"))
    await post(hers, "/review/views", name="<b>v</b>", query="brand=jd", shared="yes")
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, bo)).roles = [role.value for role in Role]
    for page in (
        f"/cards/{one.card_id}", "/review?all=yes", f"/review/tasks/{one.task_id}/who", "/review/views", "/notices",
        "/setup/people", f"/setup/people/{mei}", f"/trail/{one.card_id}", "/trail", "/account/absence", "/insight",
    ):  # fmt: skip
        answer = await browser.get(page)
        assert answer.status_code == 200, page
        for told in ("<img src=x", "<script>alert", "<b>v</b>", '"onerror'):
            assert told not in answer.text, page
    assert "&lt;script&gt;alert(1)" in (await browser.get(f"/cards/{one.card_id}")).text


@pytest.mark.parametrize(
    "name", the_first(2, [FORMULA, " =1", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", "\t=1", "＝1"])
)
async def test_exported_cells_are_never_formulas(house: House, name: str) -> None:
    one, me = await house.cards.waiting(), await house.cards.person(Role.SENIOR, name)
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, me)).roles = [role.value for role in Role]
    browser = await browser_of(house, me)
    await post(browser, f"/cards/{one.card_id}/take", task_id=one.task_id)
    await post(browser, f"/cards/{one.card_id}/decision", task_id=one.task_id, act="reject:forged")
    seen = 0
    figures = ("backlog", "speed", "sla", "straight", "workload", "reasons", "people")
    for path in ("/quality/figures.csv", "/quality/labels.csv", *(f"/insight/{figure}.csv" for figure in figures)):
        answer = await browser.get(path)
        if answer.status_code == 404:
            continue
        seen += 1
        assert answer.headers["content-disposition"].startswith("attachment")
        for line in answer.content.decode("utf-8-sig").split("\r\n"):
            cells = [cell.strip('"') for cell in line.split(",")]
            assert not [cell for cell in cells if cell.lstrip(" \u3000").startswith(("=", "+", "@", "＝", "\t"))], line
    assert seen >= 4


async def test_file_name_cannot_inject_a_header(house: House) -> None:
    one, browser = await house.cards.waiting(), await house.as_(Role.SENIOR)
    name = 'a"; filename=evil.html\r\nset-cookie: x=1\r\n\r\n<script>.txt'
    sent = await comment(browser, one, "a file", (name, b"words", "text/plain"))
    assert sent.status_code == 303
    found = (await browser.get(f"/cards/{one.card_id}")).text.split(f"/cards/{one.card_id}/files/")[1][:26]
    answer = await browser.get(f"/cards/{one.card_id}/files/{found}")
    assert "set-cookie" not in answer.headers
    disposition = answer.headers["content-disposition"]
    assert disposition.startswith("attachment; filename*=UTF-8''")
    assert not any(sign in disposition for sign in ('"', "\r", "\n", "<", " filename="))
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_mail_subject_cannot_be_injected() -> None:
    facts = {"by": "Mei\r\nBcc: all@elsewhere.test", "reason": "x\nSubject: y\u2028z"}
    row = NoticeRow(id="1", person_id="p", kind="taken_over", unique_key="k", card_id="01ABC", facts=facts)
    digest = digest_text([row], Reader("en", ZoneInfo("UTC")), "https://console.test")
    gateway = MailGateway(MailServer("127.0.0.1", 25, "console@cardloop.test", tls="none"))
    mail = gateway._message(Letter("mei@cardloop.test", digest.subject, digest.text, "01ABC@cardloop.test"))
    assert (len(mail.get_all("subject", [])), mail["bcc"], mail["to"]) == (1, None, "mei@cardloop.test")
    assert "\nBcc:" not in mail.as_string().partition("\n\n")[0]
