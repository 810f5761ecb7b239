"""The second look in the console: the maker's outcome on the card page, applied, sent back or refused by somebody else."""

from __future__ import annotations

from typing import Any

import httpx
from sqlalchemy import update

from database.tables.review import ReviewTaskRow
from domain.people import Role
from domain.review import TaskPhase
from tests.reviewer_ui.cards import NUMBER, PIN, Waiting
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import PASSWORD, employed, proved_long_ago

_TASK: Any = ReviewTaskRow


async def staged(house: House, *, act: str = "approve", **typed: str) -> tuple[Waiting, httpx.AsyncClient]:
    """A suspicious card that Mei has decided, and her browser."""
    one = await house.cards.waiting(reasons=("forged_number",))
    mei = await house.as_(Role.REVIEWER, "Mei")
    await post(mei, f"/cards/{one.card_id}/take", task_id=one.task_id)
    sent = await post(mei, f"/cards/{one.card_id}/decision", task_id=one.task_id, act=act, **typed)
    assert sent.status_code == 303, sent.text
    assert (await house.cards.task(one)).phase is TaskPhase.CHECK
    return one, mei


async def holding(house: House, one: Waiting, role: Role = Role.REVIEWER) -> httpx.AsyncClient:
    """The browser of somebody else who has the task in hand."""
    browser = await house.as_(role, "Bo")
    taken = await post(browser, f"/cards/{one.card_id}/take", task_id=one.task_id)
    assert taken.status_code == 303, taken.text
    return browser


async def test_the_checker_sees_who_decided_what_and_why_it_is_checked_and_applies_it(house: House) -> None:
    one, _ = await staged(house)
    assert house.desk.told == [], "nothing reaches the card on one person's word"
    bo = await holding(house, one)
    page = (await bo.get(f"/cards/{one.card_id}")).text
    for told in ("Decided by Mei", "Approve", "Something about the card is suspicious", "Apply: buy at", "441.00"):
        assert told in page
    applied = await post(bo, f"/cards/{one.card_id}/check", task_id=one.task_id, act="apply", then="next")
    assert applied.headers["location"] == "/review?nothing=true"
    row = await house.cards.task(one)
    assert row.decided


async def test_the_queue_of_second_looks_is_a_view_of_the_queue(house: House) -> None:
    one, mei = await staged(house)
    there = await mei.get("/second-look")
    assert there.status_code == 303
    page = (await mei.get(there.headers["location"])).text
    assert one.card_id[-6:] in page
    assert (await (await house.as_(Role.FINANCE)).get("/second-look")).status_code == 403


async def test_the_makers_own_ways_to_the_check_are_all_closed(house: House) -> None:
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


async def test_sending_back_wants_a_reason_and_keeps_the_note(house: House) -> None:
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


async def test_a_blind_checker_answers_before_anything_is_shown(house: House) -> None:
    one, _ = await staged(house)
    async with house.database.transaction() as session:
        await session.execute(update(ReviewTaskRow).where(_TASK.id == one.task_id).values(blind=True))
    bo = await holding(house, one)
    before = (await bo.get(f"/cards/{one.card_id}")).text
    assert "On your own" in before
    assert "Decided by" not in before
    assert (await post(bo, f"/cards/{one.card_id}/check/blind", task_id=one.task_id, outcome="")).status_code == 422
    await post(bo, f"/cards/{one.card_id}/check/blind", task_id=one.task_id, outcome="reject")
    after = (await bo.get(f"/cards/{one.card_id}")).text
    assert "Decided by Mei" in after
    assert "so it cannot be applied" in after
    assert "Apply:" not in after
    forced = await post(bo, f"/cards/{one.card_id}/check", task_id=one.task_id, act="apply")
    assert forced.status_code == 409
    refused = await post(bo, f"/cards/{one.card_id}/check", task_id=one.task_id, act="refuse:should_reject")
    assert refused.status_code == 303


async def test_applying_asks_anew_who_is_there_and_goes_on_by_itself(house: House) -> None:
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
