"""The deadlines' pages: rules in tables, tried before they are saved, and why a card is due when it is."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from database.tables.work import ClockIntervalRow
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.rules.deadlines import KIND, built_in_document
from domain.work.deadlines import ClockOwner
from reviewer_ui.work.why_due import span
from services.policies.deadlines import DeadlineTrial, Preview
from services.policies.documents import PolicyDocuments
from tests.builders.deadlines import deadlines_as_built_in, deadlines_in_force, publish_deadlines
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.waiting_cards import Waiting

SETUP, POLICY = "/setup/deadlines", "/setup/policies/deadlines"


@pytest_asyncio.fixture
async def setup(house: House) -> AsyncIterator[PolicyDocuments]:
    """The policies as they come with the product, before and after, and no draft."""
    await deadlines_as_built_in(house.database)
    yield PolicyDocuments(house.database)
    await _without_draft(house)
    await deadlines_as_built_in(house.database)


async def _without_draft(house: House) -> None:
    policies = PolicyDocuments(house.database)
    state = await policies.state(KIND)
    if state.open is not None:
        await policies.withdraw(await house.cards.person(Role.ADMIN), KIND, state.open.revision)


def text(document: Any) -> str:
    return json.dumps(document)


def hidden(page: httpx.Response, name: str) -> str:
    """What the first hidden field of that name holds."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, page.text[:2000]
    return html.unescape(found[1])


async def test_the_version_in_force_is_shown_in_tables_with_its_calendars_and_history(
    house: House, setup: PolicyDocuments
) -> None:
    page = await (await house.as_(Role.ADMIN)).get(SETUP)
    assert page.status_code == 200
    assert 'name="budget_min:1" value="30"' in page.text, "e-commerce: half an hour"
    assert "Asia/Shanghai" in page.text
    assert "Chinese public holidays" in page.text
    assert re.search(r"Mon.{0,60}09:00–12:00", page.text, re.DOTALL)
    assert "built in" in page.text
    assert 'href="/setup/deadlines" aria-current="page"' in page.text


async def test_common_values_are_tried_first_saved_as_a_draft_and_published_by_a_second_person(
    house: House, setup: PolicyDocuments
) -> None:
    waiting = await house.cards.waiting(due_in_min=600)
    browser, (base, _) = await house.as_(Role.ADMIN, "Mei"), await deadlines_in_force(house.database)
    page = await browser.get(SETUP)
    kept = dict.fromkeys(re.findall(r'name="(budget_min:\d+)"', page.text), "15")
    tried = await post(browser, f"{SETUP}/preview", how="values", document=text(built_in_document()), **kept)
    assert tried.status_code == 200
    assert "1 of 1 open tasks would get a new due time." in tried.text
    assert waiting.card_id[-6:] in tried.text
    draft = {name: hidden(tried, name) for name in ("document", "revision")}
    saved = await post(browser, SETUP, **draft, why="a busy week")
    assert (saved.status_code, saved.headers["location"]) == (303, f"{POLICY}?done=saved")
    assert (await deadlines_in_force(house.database))[0] == base, "a draft decides nothing"
    drafted = await browser.get(SETUP)
    assert "(Draft) is open" in drafted.text
    assert 'name="budget_min:1" value="15"' in drafted.text
    shown = await browser.get(saved.headers["location"])
    assert "Open tasks with a new due time" in shown.text
    assert "Mei" in shown.text
    assert (await post(browser, f"{POLICY}/ask", revision="1")).status_code == 303
    own = await post(browser, f"{POLICY}/publish", revision="1")
    assert own.status_code == 403
    officer = await house.as_(Role.COMPLIANCE)
    assert (await post(officer, f"{POLICY}/publish", revision="1")).headers["location"] == f"{POLICY}?done=publish"
    number, document = await deadlines_in_force(house.database)
    assert {policy["budget_s"] for policy in document["policies"]} == {900}
    page = await browser.get(SETUP)
    assert f"Current version: deadlines-{number}" in page.text
    assert "a busy week" in page.text


async def test_a_preview_of_a_part_promises_nothing_of_the_rest(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeadlineTrial, "preview", _two_of_many)
    tried = await post(await house.as_(Role.ADMIN), f"{SETUP}/preview", document=text(built_in_document()))
    assert "12,345 tasks are open. The dry run covers the 2 due soonest; 1 of them" in tried.text
    assert "Publishing recalculates all of them." in tried.text


async def _two_of_many(trial: DeadlineTrial, document: object) -> Preview:
    return Preview(2, 12_345, 1, 0, ())


async def test_a_flaw_is_named_by_its_path_and_what_was_typed_stays(house: House, setup: PolicyDocuments) -> None:
    document = built_in_document()
    document["policies"][2]["budget_s"] = -5
    document["calendars"]["office"]["week"]["mon"] = ["12:00-09:00"]
    answer = await post(await house.as_(Role.ADMIN), f"{SETUP}/preview", document=text(document))
    assert answer.status_code == 422
    assert "<code>policies[2].budget_s</code> is out of range" in answer.text
    assert "<code>calendars.office.week.mon[0]</code>" in answer.text
    assert "12:00-09:00" in html.unescape(answer.text)


@pytest.mark.parametrize("typed", ["", "{", "[" * 5000, "null", "[]", "{}", '{"policies": [null]}', "1e999", "é\x00"])
@pytest.mark.parametrize("how", ["", "values"])
async def test_whatever_is_typed_is_answered_with_its_flaws(house: House, typed: str, how: str) -> None:
    answer = await post(await house.as_(Role.ADMIN), f"{SETUP}/preview", document=typed, how=how)
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("values", "path"), [({"budget_min:0": "soon"}, "policies[0].budget_s"), ({"calendar:1": "moon"}, "policies[1].calendar"),
                         ({"at_end:1": "pay"}, "policies[1].at_end.do"), ({"team:cards": "moon"}, "teams.cards"),
                         ({"warn_percent:0": "0"}, "policies[0].warn_share_bp"), ({"otherwise": ""}, "otherwise")],
)  # fmt: skip
async def test_a_value_of_the_form_that_cannot_be_is_named_too(house: House, values: dict[str, str], path: str) -> None:
    form = {"how": "values", "document": text(built_in_document()), **values}
    answer = await post(await house.as_(Role.ADMIN), f"{SETUP}/preview", **form)
    assert answer.status_code == 422
    assert f"<code>{path}</code>" in answer.text


async def test_saving_beside_another_draft_is_refused_and_keeps_the_input(house: House, setup: PolicyDocuments) -> None:
    browser = await house.as_(Role.ADMIN)
    document = built_in_document()
    document["teams"]["cards"] = "office"
    first = await post(browser, SETUP, document=text(document), revision="0", why="office hours")
    assert first.status_code == 303
    document["teams"]["cards"] = "always"
    document["otherwise"] = "office"
    second = await post(browser, SETUP, document=text(document), revision="0", why="round the clock again")
    assert second.status_code == 409
    assert 'value="round the clock again"' in second.text
    state = await setup.state(KIND)
    assert state.open is not None
    assert state.open.document["teams"] == {"cards": "office"}


@pytest.mark.parametrize("why", [" ", "8800 1234 1234 1234 5"], ids=["no_reason", "card_number"])
async def test_without_a_reason_or_with_a_card_number_in_it_nothing_is_saved(
    house: House, setup: PolicyDocuments, why: str
) -> None:
    document = built_in_document()
    document["teams"]["cards"] = "office"
    answer = await post(await house.as_(Role.ADMIN), SETUP, document=text(document), revision="0", why=why)
    assert answer.status_code == 422
    assert (await setup.state(KIND)).open is None


async def test_an_older_version_can_be_loaded_to_go_back_to_it(house: House, setup: PolicyDocuments) -> None:
    document = built_in_document()
    document["policies"][0]["budget_s"] = 4242
    number = await publish_deadlines(house.database, document, "for a test")
    await publish_deadlines(house.database, built_in_document(), "back")
    browser = await house.as_(Role.ADMIN)
    page = await browser.get(SETUP, params={"version": f"deadlines-{number}"})
    assert "4242" in page.text
    assert (await browser.get(SETUP, params={"version": "deadlines-99999"})).status_code == 404


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.SENIOR, Role.OPS, Role.SUPPORT, Role.FINANCE, Role.COMPLIANCE])
async def test_only_an_administrator_keeps_the_deadlines(house: House, role: Role) -> None:
    browser = await house.as_(role)
    assert (await browser.get(SETUP)).status_code == 403
    assert (await post(browser, f"{SETUP}/preview", document="{}")).status_code == 403
    assert (await post(browser, SETUP, document="{}", revision="0", why="x")).status_code == 403


async def paused(house: House, waiting: Waiting) -> None:
    """The seller had the card for two days before its task was opened."""
    task = await house.cards.task(waiting)
    asked = task.opened_at - timedelta(days=2)
    rows = [(ClockOwner.SELLER, asked, task.opened_at, "earlier"), (ClockOwner.REVIEWER, task.opened_at, None, task.id)]
    async with house.database.transaction() as session:
        for owner, since, until, of in rows:
            runs = owner is ClockOwner.REVIEWER
            session.add(
                ClockIntervalRow(
                    id=new_id(), card_id=waiting.card_id, task_id=of, owner=owner, runs=runs, started_at=since, ended_at=until
                )
            )  # fmt: skip


async def test_why_a_card_is_due_then_is_said_in_words_in_both_languages(house: House, setup: PolicyDocuments) -> None:
    waiting = await house.cards.waiting()
    await paused(house, waiting)
    browser = await house.as_(Role.SUPPORT)
    page = await browser.get(f"/cards/{waiting.card_id}/why-due")
    assert page.status_code == 200
    assert "The policy “dining” (version" in page.text
    assert "allows 4 h." in page.text
    assert "the card was with the seller: the clock was paused" in page.text
    assert "the seller: 2 d" in page.text
    browser.cookies.set("cardloop_locale", "zh_CN")
    chinese = await browser.get(f"/cards/{waiting.card_id}/why-due", headers={"accept-language": "zh-CN"})
    assert "允许用时 4 小时" in chinese.text
    assert "暂停计时" in chinese.text


async def test_the_queue_and_the_card_get_the_sentences_alone(house: House, setup: PolicyDocuments) -> None:
    waiting = await house.cards.waiting()
    browser = await house.as_(Role.REVIEWER)
    fragment = await browser.get(f"/cards/{waiting.card_id}/why-due", headers={"hx-request": "true"})
    assert fragment.text.strip().startswith('<div class="why-due">')
    assert (await browser.get("/cards/NOSUCHCARD/why-due")).status_code == 404


def test_a_span_is_shown_in_its_two_largest_units() -> None:
    assert span(timedelta(hours=1, minutes=30), "en") == "1 h 30 min"
    assert span(timedelta(days=2, hours=1, minutes=5), "zh_CN") == "2 天 1 小时"
    assert span(timedelta(0), "en") == "0 s"
