"""Second review in the console: the maker's decision on the card page, applied, returned or rejected by another person."""

from __future__ import annotations

import re

import httpx
from sqlalchemy import update

from database.tables.work import WorkItemRow
from domain.people.roles import Role
from domain.work.task import TaskPhase
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import PASSWORD, employed, proved_long_ago
from tests.reviewer_ui.four_eyes_scenes import staged
from tests.reviewer_ui.queue_scenes import browser_of, person_with
from tests.reviewer_ui.waiting_cards import NUMBER, PIN, Waiting


async def holding(house: House, one: Waiting, role: Role = Role.REVIEWER) -> httpx.AsyncClient:
    """Return the browser of another person who holds the task."""
    browser = await house.as_(role, "Bo")
    taken = await post(browser, f"/cards/{one.card_id}/take", task_id=one.task_id)
    assert taken.status_code == 303, taken.text
    return browser


async def test_checker_sees_maker_outcome_and_reason_and_applies_it(house: House) -> None:
    one, _ = await staged(house)
    assert house.desk.told == [], "nothing reaches the card on one person's word"
    bo = await holding(house, one)
    page = (await bo.get(f"/cards/{one.card_id}")).text
    for told in ("Decided by Mei", "Approve", "Risk found on the card", "Apply: buy at", "441.00"):
        assert told in page
    applied = await post(bo, f"/cards/{one.card_id}/check", task_id=one.task_id, act="apply", then="next")
    assert applied.headers["location"] == "/review?nothing=true"
    row = await house.cards.task(one)
    assert row.decided


def line_of(page: str, one: Waiting) -> tuple[str, str]:
    """The row's class, and what it says."""
    row = next(row for row in page.split("<tr")[1:] if f'href="/cards/{one.card_id}"' in row)
    words = re.sub(r"<[^>]+>", " ", row.partition(">")[2].partition("</tr>")[0])
    return row.partition(">")[0].partition('" ')[2], " ".join(words.split())


async def test_staged_outcomes_are_listed_and_ineligible_ones_are_explained(house: House) -> None:
    one, mei = await staged(house)
    grey, said = line_of((await mei.get("/second-review")).text, one)
    assert grey == 'class="off-row"'
    assert "Not available to you: You, or a colleague you stand in for, made this decision" in said
    page = (await (await house.as_(Role.REVIEWER, "Bo")).get("/second-review")).text
    plain, told = line_of(page, one)
    assert plain == ""
    for word in ("Mei: Approve", "Risk found on the card", "441.00", "Check"):
        assert word in told, told
    assert "You can check 1 of these now" in page
    assert 'name="filter" value="phase=check"' in page, "next takes from these"
    assert (await (await house.as_(Role.FINANCE)).get("/second-review")).status_code == 403


async def test_blind_checks_are_listed_without_outcome_and_maker(house: House) -> None:
    one, _ = await staged(house)
    async with house.database.transaction() as session:
        await session.execute(update(WorkItemRow).where(WorkItemRow.id == one.task_id).values(blind=True))
    _, told = line_of((await (await house.as_(Role.REVIEWER, "Bo")).get("/second-review")).text, one)
    assert "Blind: decide first" in told
    assert ("Mei" in told, "Approve" in told) == (False, False)


async def test_claimed_ineligible_and_finished_checks_are_distinguished(house: House) -> None:
    held, dear = (await staged(house))[0], (await staged(house))[0]
    bo = await holding(house, held)
    limited = await person_with(house, Role.REVIEWER, "Lin", limit_minor=100)
    page = (await (await browser_of(house, limited)).get("/second-review")).text
    assert "A colleague is working on it" in line_of(page, held)[1]
    assert "Value above your limit" in line_of(page, dear)[1]
    mine = (await bo.get("/second-review")).text
    assert line_of(mine, held)[0] == ""
    await post(bo, f"/cards/{held.card_id}/check", task_id=held.task_id, act="apply")
    assert held.card_id not in (await bo.get("/second-review")).text


async def test_empty_second_review_page_explains_itself(house: House) -> None:
    assert "No decisions awaiting second review." in (await (await house.as_(Role.SENIOR)).get("/second-review")).text


async def test_maker_cannot_check_by_any_route(house: House) -> None:
    one, mei = await staged(house)
    here = f"/cards/{one.card_id}"
    assert (await post(mei, f"{here}/take", task_id=one.task_id)).status_code == 403
    assert (await post(mei, f"{here}/check", task_id=one.task_id, act="apply")).status_code == 403
    assert (await post(mei, f"{here}/check/blind", task_id=one.task_id, outcome="approve")).status_code == 403
    assert (await post(mei, f"{here}/check", task_id=one.task_id, act="refuse:risk")).status_code == 403
    assert "Apply" not in (await mei.get(here)).text


async def test_corrected_fields_are_masked_for_the_checker_too(house: House) -> None:
    one, _ = await staged(house, act="approve_corrected", number=NUMBER, pin=PIN)
    page = (await (await holding(house, one)).get(f"/cards/{one.card_id}")).text
    assert "Decided by Mei" in page
    assert "••••••" in page
    assert NUMBER not in page
    assert PIN not in page


async def test_return_requires_a_reason_and_keeps_the_note(house: House) -> None:
    one, mei = await staged(house)
    bo = await holding(house, one)
    missing = await post(bo, f"/cards/{one.card_id}/check", task_id=one.task_id, act="return", note="digit 4 is an 8")
    assert missing.status_code == 422
    assert "digit 4 is an 8" in missing.text
    done = await post(bo, f"/cards/{one.card_id}/check", task_id=one.task_id, act="return:look_again", note="digit 4")
    assert done.status_code == 303
    row = await house.cards.task(one)
    assert (row.phase, row.assigned_to is not None) == (TaskPhase.REVIEW, True)
    assert one.card_id[-6:] in (await mei.get("/review")).text


async def test_blind_checker_answers_before_seeing_the_decision(house: House) -> None:
    one, _ = await staged(house)
    async with house.database.transaction() as session:
        await session.execute(update(WorkItemRow).where(WorkItemRow.id == one.task_id).values(blind=True))
    bo = await holding(house, one)
    before = (await bo.get(f"/cards/{one.card_id}")).text
    assert "Independent check" in before
    assert "Decided by" not in before
    assert (await post(bo, f"/cards/{one.card_id}/check/blind", task_id=one.task_id, outcome="")).status_code == 422
    await post(bo, f"/cards/{one.card_id}/check/blind", task_id=one.task_id, outcome="reject")
    after = (await bo.get(f"/cards/{one.card_id}")).text
    assert "Decided by Mei" in after
    assert "so you cannot apply this one" in after
    assert "Apply:" not in after
    forced = await post(bo, f"/cards/{one.card_id}/check", task_id=one.task_id, act="apply")
    assert forced.status_code == 409
    refused = await post(bo, f"/cards/{one.card_id}/check", task_id=one.task_id, act="refuse:should_reject")
    assert refused.status_code == 303


async def test_applying_asks_to_confirm_identity_and_continues(house: House) -> None:
    one, _ = await staged(house)
    bo = await employed(house)
    browser = await proved_long_ago(house, bo.id)
    await post(browser, f"/cards/{one.card_id}/take", task_id=one.task_id)
    asked = await post(browser, f"/cards/{one.card_id}/check", task_id=one.task_id, act="apply", note="seen")
    assert asked.status_code == 403
    assert 'name="note" value="seen"' in asked.text
    assert not (await house.cards.task(one)).decided
    form = {"task_id": one.task_id, "act": "apply", "note": "seen", "step_up_password": PASSWORD}
    assert (await post(browser, f"/cards/{one.card_id}/check", **form)).status_code == 303
    assert (await house.cards.task(one)).decided
