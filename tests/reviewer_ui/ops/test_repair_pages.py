"""Repairs in the console: drafted, previewed, agreed to by another, watched, suspended, and done again for what failed."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import text

from database.tables.ops.repairs import RepairRow
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import RepairKind, RepairState
from domain.people.roles import Role
from services.notices.inbox import Notices
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.ops_scenes import stuck_runs
from tests.reviewer_ui.repair_scenes import a_plan, previewed, repairs_in_every_state, silent_card

LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])
FORM = {
    "kind": "send_to_review", "reason_code": "waits_too_long", "note": "", "canary": "5", "rate_per_s": "20",
    "failures": "20",
}  # fmt: skip


def says(language: str) -> dict[str, str]:
    return {"accept-language": language}


async def drafted(browser: httpx.AsyncClient, *cards: str, **more: str) -> str:
    """The address of a repair that was drafted by the form."""
    answer = await post(browser, "/operations/repairs", runs="\n".join(cards), **(FORM | more))
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def state_of(house: House, address: str) -> RepairState:
    async with house.database.transaction() as session:
        return (await session.get_one(RepairRow, address.rpartition("/")[2])).state


@LANGUAGES
async def test_every_repair_kind_links_to_its_preview(house: House, language: str) -> None:
    waiting, browser = await silent_card(house), await house.as_(Role.OPS)
    form = (await browser.get(f"/operations/repairs/new?run=card:{waiting.card_id}", headers=says(language))).text
    assert f"card:{waiting.card_id}" in form
    for kind in KINDS:
        assert f'value="{kind.value}"' in form
        page = await browser.get(await drafted(browser, waiting.card_id, kind=kind.value), headers=says(language))
        assert page.status_code == 200
        assert f"/cards/{waiting.card_id}" in page.text
        assert not re.search(r">(repair|excluded|kept|item_state|repair_state|ops)\.[a-z_.]+<", page.text), kind


async def test_cards_are_selected_individually_or_by_cause(house: House) -> None:
    waiting, other = await silent_card(house), await silent_card(house)
    await stuck_runs(house, waiting.card_id, other.card_id)
    browser = await house.as_(Role.OPS)
    causes = re.findall(r'href="(/operations/stuck/[^"]+)"', (await browser.get("/operations")).text)
    pages = [(await browser.get(address)).text for address in causes]
    page = next(one for one in pages if f'value="card:{waiting.card_id}"' in one)
    (all_of_it,) = re.findall(r'href="/operations/repairs/new\?cause=([^"]+)"', page)
    form = (await browser.get(f"/operations/repairs/new?cause={all_of_it}")).text
    cause = httpx.QueryParams(f"cause={all_of_it}")["cause"]
    assert f'name="cause" value="{cause}"' in form
    answer = await post(browser, "/operations/repairs", cause=cause, **(FORM | {"kind": "retry_now"}))
    assert waiting.card_id in (await browser.get(answer.headers["location"])).text


async def test_form_errors_are_shown_and_the_input_is_kept(house: House) -> None:
    waiting, browser = await silent_card(house), await house.as_(Role.OPS)
    for wrong in ({"kind": ""}, {"reason_code": "because"}, {"canary": "some"}, {"rate_per_s": "999999"}, {"runs": ""}):
        given = FORM | {"runs": waiting.card_id, "note": "as I typed it"} | wrong
        answer = await post(browser, "/operations/repairs", **given)
        assert answer.status_code in (409, 422), wrong
        assert 'role="alert"' in answer.text
        assert "as I typed it" in answer.text


async def test_repair_that_ends_cards_awaits_a_second_person_who_is_notified(
    house: House,
) -> None:
    waiting, maker = await silent_card(house), await house.as_(Role.OPS)
    senior_id = await house.cards.person(Role.SENIOR, "Chen")
    senior = house.browser(await house.sessions.open(senior_id))
    address = await drafted(maker, waiting.card_id, kind="cancel")
    assert (await post(maker, f"{address}/submit")).status_code == 303
    assert await state_of(house, address) is RepairState.WAITING
    assert (await post(maker, f"{address}/submit")).status_code == 303, "pressed twice"
    assert f"{address}/agree" not in (await maker.get(address)).text
    assert (await post(maker, f"{address}/agree")).status_code == 403
    assert "/operations/repairs?state=waiting" in (await senior.get("/")).text
    notices: Notices = house.app.state.console.services.notices
    (notice,), _ = await notices.newest_unread(senior_id, 1)
    followed = await post(senior, f"/notices/{notice.id}/read", follow="card")
    assert followed.headers["location"] == address
    assert f"{address}/agree" in (await senior.get(address)).text
    assert (await post(senior, f"{address}/agree")).status_code == 303
    assert (await post(senior, f"{address}/agree")).status_code == 303, "pressed twice"
    assert await state_of(house, address) is RepairState.RUNNING
    late = await post(await house.as_(Role.FINANCE), f"{address}/refuse")
    assert (late.status_code, 'role="alert"' in late.text) == (409, True)


async def test_second_payout_requires_payee_permission(house: House) -> None:
    waiting, maker = await silent_card(house), await house.as_(Role.OPS)
    address = await drafted(maker, waiting.card_id, kind="second_payout")
    async with house.database.transaction() as session:  # As if its payee had been refused and another one proposed.
        values = {"id": address.rpartition("/")[2]}
        await session.execute(text("UPDATE repair SET state = 'waiting' WHERE id = :id"), values)
    other = await house.as_(Role.ADMIN)
    assert f"{address}/agree" not in (await other.get(address)).text
    assert (await post(other, f"{address}/agree")).status_code == 403
    assert f"{address}/agree" in (await (await house.as_(Role.FINANCE)).get(address)).text


@LANGUAGES
async def test_each_state_shows_its_totals_and_what_can_be_done(house: House, language: str) -> None:
    names = await repairs_in_every_state(house)
    browser = await house.as_(Role.OPS)
    offered = {
        "repair": {"submit", "preview", "cancel"}, "repair_waiting": {"agree", "refuse", "cancel"},
        "repair_running": {"suspend", "cancel"}, "repair_suspended": {"resume", "cancel"}, "repair_over": {"retry"},
    }  # fmt: skip
    for name, acts in offered.items():
        page = (await browser.get(f"/operations/repairs/{names[name]}", headers=says(language))).text
        assert set(re.findall(rf'action="/operations/repairs/{names[name]}/([a-z]+)"', page)) == acts, name
        counts = [int(one.replace(",", "")) for one in re.findall(r"</a> <strong>([\d,]+)</strong>", _totals(page))]
        assert sum(counts) == len(re.findall(r"<tr data-row", page)), "the totals add up"
    listed = (await browser.get("/operations/repairs", headers=says(language))).text
    assert all(f"/operations/repairs/{one}" in listed for one in names.values())
    only = (await browser.get("/operations/repairs?state=suspended", headers=says(language))).text
    assert names["repair_suspended"] in only
    assert names["repair_over"] not in only


def _totals(page: str) -> str:
    found = re.search(r'<ul class="shares-list">(.*?)</ul>', page, re.DOTALL)
    assert found is not None
    return found.group(1)


async def test_page_refreshes_only_while_the_repair_runs(house: House) -> None:
    names, browser = await repairs_in_every_state(house), await house.as_(Role.OPS)
    running = (await browser.get(f"/operations/repairs/{names['repair_running']}")).text
    assert f'hx-get="/operations/repairs/{names["repair_running"]}' in running
    over = (await browser.get(f"/operations/repairs/{names['repair_over']}")).text
    assert 'hx-trigger="every 2s"' not in over


async def test_errors_are_grouped_and_only_failed_items_are_retried(house: House) -> None:
    names, browser = await repairs_in_every_state(house), await house.as_(Role.OPS)
    address = f"/operations/repairs/{names['repair_over']}"
    assert f"{address}?error=not_expected_now#items" in (await browser.get(address)).text
    assert len(re.findall("<tr data-row", (await browser.get(f"{address}?error=not_expected_now")).text)) == 2
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE repair_item SET live = false"))
    again = await post(browser, f"{address}/retry")
    assert again.status_code == 303
    page = (await browser.get(again.headers["location"])).text
    assert len(re.findall("<tr data-row", page)) == 3  # Failed, failed again, and never proven.
    assert address in page
    assert (await post(browser, f"{address}/retry")).headers["location"] == again.headers["location"]


async def test_repair_is_suspended_resumed_and_cancelled_by_form(house: House) -> None:
    waiting, browser = await silent_card(house), await house.as_(Role.OPS)
    address = await drafted(browser, waiting.card_id)
    for act, state in (
        ("submit", RepairState.RUNNING), ("suspend", RepairState.SUSPENDED), ("resume", RepairState.RUNNING),
        ("cancel", RepairState.CANCELLED),
    ):  # fmt: skip
        assert (await post(browser, f"{address}/{act}")).status_code == 303
        assert await state_of(house, address) is state
    late = await post(browser, f"{address}/resume")
    assert (late.status_code, 'role="alert"' in late.text) == (409, True)


async def test_changed_draft_is_previewed_again(house: House) -> None:
    waiting, browser = await silent_card(house), await house.as_(Role.OPS)
    address = await drafted(browser, waiting.card_id)
    assert "checked" in (await browser.get(f"{address}/plan")).text
    changed = await post(browser, f"{address}/plan", **(FORM | {"kind": "cancel", "note": "too old"}))
    assert changed.headers["location"] == address
    page = (await browser.get(address)).text
    assert "Cancel with compensation" in page
    assert "too old" in page


async def test_card_page_and_search_link_to_the_repair(house: House) -> None:
    waiting, browser = await silent_card(house), await house.as_(Role.OPS)
    repair_id = await previewed(
        house, await house.cards.person(Role.OPS), waiting.card_id, plan=a_plan(RepairKind.CANCEL)
    )
    assert f"/operations/repairs/{repair_id}" in (await browser.get(f"/operations/runs/card:{waiting.card_id}")).text
    found = await post(browser, "/search", q=repair_id)
    assert f"/operations/repairs/{repair_id}" in (found.headers.get("location", "") + found.text)
    led = await browser.get(f"/operations/runs/repair:{repair_id}")
    assert led.headers["location"] == f"/operations/repairs/{repair_id}"


async def test_confirming_role_reads_repairs_and_cannot_draft(house: House) -> None:
    names = await repairs_in_every_state(house)
    senior = await house.as_(Role.SENIOR)
    listed = (await senior.get("/operations/repairs")).text
    assert "/operations/repairs/new" not in listed
    page = (await senior.get(f"/operations/repairs/{names['repair_running']}")).text
    assert "/suspend" not in page
    assert (await senior.get("/operations/repairs/new")).status_code == 403


async def test_live_fragments_are_served_separately(house: House) -> None:
    names, browser = await repairs_in_every_state(house), await house.as_(Role.OPS)
    await stuck_runs(house, (await silent_card(house)).card_id)
    asked = {"hx-request": "true", "x-by-itself": "yes"}
    for address, part in (
        (f"/operations/repairs/{names['repair_running']}", "repair"), ("/operations/repairs", "repairs"),
        ("/operations", "causes"),
    ):  # fmt: skip
        answer = await browser.get(address, headers=asked)
        assert (answer.status_code, answer.text.lstrip().startswith(f'<div id="{part}"')) == (200, True), address
