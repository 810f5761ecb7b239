"""The deadlines' pages: rules in tables and fields, tried as a draft, and why a card is due when it is."""

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
from reviewer_ui.policies import documents
from reviewer_ui.work.why_due import span
from services.policies.deadlines import Preview
from services.policies.documents import PolicyDocuments, Proposal
from tests.builders.deadlines import deadlines_as_built_in, deadlines_in_force, publish_deadlines
from tests.cases import the_first
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.forms import form_of
from tests.reviewer_ui.waiting_cards import Waiting

POLICY = "/setup/policies/deadlines"


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


async def drafted(house: House, setup: PolicyDocuments) -> dict[str, Any]:
    """The document of the open draft."""
    state = await setup.state(KIND)
    assert state.open is not None
    return dict(state.open.document)


async def test_the_version_in_force_is_shown_in_fields_with_its_calendars_and_history(
    house: House, setup: PolicyDocuments
) -> None:
    page = await (await house.as_(Role.ADMIN)).get(POLICY)
    assert page.status_code == 200
    form = form_of(page, f"{POLICY}/draft")
    assert form["policies[1].budget_s"] == ["1800"], "e-commerce: half an hour"
    assert "= 30 min" in page.text
    assert form["policies[1].when.card_types"] == ["ecommerce"]
    assert (form["policies[1].chain[0].tell"], form["policies[1].chain[0].minutes"]) == (["senior"], ["30"])
    assert form["calendars[1].week.mon"] == ["09:00-12:00\n13:00-18:00"]
    assert form["calendars[1].timezone"] == ["Asia/Shanghai"]
    assert "Chinese public holidays" in page.text
    assert "Public holidays are known up to" in page.text
    assert "came with the product" in page.text
    assert 'href="/setup/policies" aria-current="page"' in page.text


async def test_policies_chains_and_calendars_are_edited_in_fields_tried_and_published_by_a_second_person(
    house: House, setup: PolicyDocuments
) -> None:
    waiting = await house.cards.waiting(due_in_min=600)
    browser, (base, _) = await house.as_(Role.ADMIN, "Mei"), await deadlines_in_force(house.database)
    colleague = await house.cards.person(Role.SENIOR, "Bo Chen")
    form: dict[str, Any] = dict(form_of(await browser.get(POLICY), f"{POLICY}/draft"))
    form |= {f"policies[{number}].budget_s": "900" for number in range(7)}
    form |= {
        "policies[4].chain[2].tell": f"person:{colleague}", "policies[4].chain[2].minutes": "90",
        "policies[4].chain[0].remove": "yes", "policies[3].when.reasons": ["velocity"], "policies[3].order": "5.5",
        "calendars[2].key": "night", "calendars[2].timezone": "Asia/Shanghai", "calendars[2].week.fri": "20:00-24:00",
        "teams[1].key": "support", "teams[1]": "office", "why": "a busy week",
    }  # fmt: skip
    saved = await post(browser, f"{POLICY}/draft", **form)
    assert (saved.status_code, saved.headers["location"]) == (303, f"{POLICY}?done=saved"), saved.text
    document = await drafted(house, setup)
    dining, crossborder = document["policies"][3], document["policies"][4]
    assert (dining["code"], crossborder["code"]) == ("dining", "crossborder")
    assert [step["tell"] for step in dining["chain"]] == ["ops", f"person:{colleague}"]
    assert crossborder["when"]["reasons"] == ["velocity"]
    assert document["calendars"]["night"]["week"]["fri"] == ["20:00-24:00"]
    assert document["teams"] == {"cards": "always", "support": "office"}
    assert (await deadlines_in_force(house.database))[0] == base, "a draft decides nothing"
    shown = html.unescape((await browser.get(POLICY)).text)
    assert "Deadlines · dining · Time allowed: 14400 s (= 4 h) → 900 s (= 15 min)" in shown
    assert "Deadlines: order urgent, ecommerce, supermarket, crossborder, dining" in shown
    assert "Bo Chen" in shown.partition("policy-changes")[2].partition("</ul>")[0]
    assert "1 of 1 open tasks would get a new due time." in shown
    assert f"<code>{waiting.card_id[-6:]}</code>" in shown
    assert "Open tasks with a new due time" in shown
    assert (await post(browser, f"{POLICY}/ask", revision="1")).status_code == 303
    assert (await post(browser, f"{POLICY}/publish", revision="1")).status_code == 403
    officer = await house.as_(Role.COMPLIANCE)
    assert (await post(officer, f"{POLICY}/publish", revision="1")).headers["location"] == f"{POLICY}?done=publish"
    number, published = await deadlines_in_force(house.database)
    assert published == document
    page = await browser.get(POLICY)
    assert f"<code>deadlines-{number}</code>" in page.text
    assert "a busy week" in page.text


async def test_partial_preview_names_its_sample(
    house: House, setup: PolicyDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = built_in_document() | {"otherwise": "office"}
    await setup.save(await house.cards.person(Role.ADMIN), KIND, Proposal(document, "for a test", None, 0))
    monkeypatch.setattr(documents, "previewed", _two_of_many)
    page = await (await house.as_(Role.ADMIN)).get(POLICY)
    assert "12,345 tasks are open. The dry run covers the 2 due soonest; 1 of them" in page.text
    assert "Publishing recalculates all of them." in page.text


async def _two_of_many(session: object, document: object, now: object) -> Preview:
    return Preview(2, 12_345, 1, 0, ())


async def test_error_is_shown_at_its_field_and_the_input_is_kept(house: House, setup: PolicyDocuments) -> None:
    browser = await house.as_(Role.ADMIN)
    form: dict[str, Any] = dict(form_of(await browser.get(POLICY), f"{POLICY}/draft"))
    form |= {"calendars[1].week.mon": "12:00-09:00", "policies[2].when.card_types": [], "why": "kept"}
    answer = await post(browser, f"{POLICY}/draft", **form)
    assert answer.status_code == 422
    assert "<code>calendars.office.week.mon[0]</code>" in answer.text
    field = re.search(
        r'<textarea[^>]*name="calendars\[1\].week.mon"[^>]*>12:00-09:00</textarea>(.*?)</label>', answer.text, re.DOTALL
    )
    assert field is not None, "what was typed stays"
    assert "must be a shift within one day" in field[1]
    row = answer.text.partition("<code>supermarket</code>")[0].rpartition("<details")[2]
    assert " open>" in row
    assert (
        "the last policy must match all tasks"
        in answer.text.partition("<code>supermarket</code>")[2].partition("</details>")[0]
    )
    assert 'value="kept"' in answer.text
    browser.cookies.set("cardloop_locale", "zh_CN")
    form |= {"policies[0].budget_s": "soon"}
    chinese = await browser.post(
        f"{POLICY}/draft", data={**form, "csrf": form_token(answer)}, headers={"accept-language": "zh-CN"}
    )
    assert 'name="policies[0].budget_s" value="soon"' in chinese.text
    assert "允许用时" in chinese.text


def form_token(page: httpx.Response) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    "typed", the_first(3, ["{", "[" * 5000, '{"policies": [null]}', "", "null", "[]", "{}", "1e999", "é\x00"])
)
async def test_invalid_json_is_answered_with_its_errors(house: House, typed: str) -> None:
    answer = await post(
        await house.as_(Role.ADMIN), f"{POLICY}/draft", how="json", document=typed, revision="0", why="w"
    )
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("values", "path"), the_first(2, [({"policies[0].budget_s": "soon"}, "policies[0].budget_s"), ({"policies[1].calendar": "moon"}, "policies[1].calendar"),
                         ({"policies[1].at_end.do": "pay"}, "policies[1].at_end.do"), ({"teams[0]": "moon"}, "teams.cards"),
                         ({"policies[0].warn_share_bp": "0"}, "policies[0].warn_share_bp"), ({"otherwise": ""}, "otherwise"),
                         ({"policies[0].chain[0].tell": "nobody"}, "policies[0].chain[0].tell")]),
)  # fmt: skip
async def test_impossible_form_value_is_reported(
    house: House, setup: PolicyDocuments, values: dict[str, str], path: str
) -> None:
    browser = await house.as_(Role.ADMIN)
    form: dict[str, Any] = dict(form_of(await browser.get(POLICY), f"{POLICY}/draft"))
    answer = await post(browser, f"{POLICY}/draft", **(form | values | {"why": "w"}))
    assert answer.status_code == 422
    assert f"<code>{path}</code>" in answer.text


async def test_concurrent_draft_is_refused_and_keeps_the_input(house: House, setup: PolicyDocuments) -> None:
    browser = await house.as_(Role.ADMIN)
    form: dict[str, Any] = dict(form_of(await browser.get(POLICY), f"{POLICY}/draft"))
    first = await post(browser, f"{POLICY}/draft", **(form | {"teams[0]": "office", "why": "office hours"}))
    assert first.status_code == 303
    second = await post(browser, f"{POLICY}/draft", **(form | {"otherwise": "office", "why": "round the clock again"}))
    assert second.status_code == 409
    assert 'value="round the clock again"' in second.text
    assert form_of(second, f"{POLICY}/draft")["otherwise"] == ["office"]
    assert (await drafted(house, setup))["teams"] == {"cards": "office"}


async def test_policy_can_be_edited_as_json(house: House, setup: PolicyDocuments) -> None:
    document = built_in_document()
    document["calendars"]["always"]["week"] = "always"  # As documents of older releases say it.
    document["policies"][0]["budget_s"] = 4242
    answer = await post(
        await house.as_(Role.ADMIN), f"{POLICY}/draft", how="json", document=json.dumps(document), revision="0", why="w"
    )
    assert answer.status_code == 303
    saved = await drafted(house, setup)
    assert saved["policies"][0]["budget_s"] == 4242
    assert saved["calendars"]["always"] == built_in_document()["calendars"]["always"]


async def test_older_version_can_be_restored(house: House, setup: PolicyDocuments) -> None:
    document = built_in_document()
    document["policies"][0]["budget_s"] = 4242
    number = await publish_deadlines(house.database, document, "for a test")
    await publish_deadlines(house.database, built_in_document(), "back")
    browser = await house.as_(Role.ADMIN)
    page = await browser.get(POLICY, params={"version": f"deadlines-{number}"})
    assert form_of(page, f"{POLICY}/draft")["policies[0].budget_s"] == ["4242"]
    assert (await browser.get(POLICY, params={"version": "deadlines-99999"})).status_code == 404


@pytest.mark.parametrize("role", [Role.SENIOR, Role.COMPLIANCE])
async def test_deadlines_are_read_only_without_permission(house: House, role: Role) -> None:
    browser = await house.as_(role)
    page = await browser.get(POLICY)
    assert 'name="policies[0].chain[0].minutes"' in page.text.partition("<fieldset disabled")[2]
    assert (await post(browser, f"{POLICY}/draft", revision="0", why="x")).status_code == 403


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


async def test_due_time_is_explained_in_both_languages(house: House, setup: PolicyDocuments) -> None:
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


async def test_queue_and_card_get_only_the_explanation(house: House, setup: PolicyDocuments) -> None:
    waiting = await house.cards.waiting()
    browser = await house.as_(Role.REVIEWER)
    fragment = await browser.get(f"/cards/{waiting.card_id}/why-due", headers={"hx-request": "true"})
    assert fragment.text.strip().startswith('<div class="why-due">')
    assert (await browser.get("/cards/NOSUCHCARD/why-due")).status_code == 404


def test_a_span_is_shown_in_its_two_largest_units() -> None:
    assert span(timedelta(hours=1, minutes=30), "en") == "1 h 30 min"
    assert span(timedelta(days=2, hours=1, minutes=5), "zh_CN") == "2 天 1 小时"
    assert span(timedelta(0), "en") == "0 s"
