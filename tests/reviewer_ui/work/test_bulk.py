"""Bulk actions: each task is judged separately, and the answer page states the result of each."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.errors.general import FieldInvalid
from domain.people.roles import Role
from services.work.bulk import ITEMS_MAX, Bulk
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.queue_scenes import browser_of, change, person_with, send

HERE = "/review/bulk"
SHANGHAI = ZoneInfo("Asia/Shanghai")


async def test_tasks_are_assigned_and_each_refusal_is_explained(house: House) -> None:
    lin = await person_with(house, Role.REVIEWER, "Lin", skill_types=["dining"])
    wang = await house.cards.person(Role.REVIEWER, "Wang")
    good, held = await house.cards.waiting(), await house.cards.waiting()
    regional, escalated = await house.cards.waiting(brand_code="hualian"), await house.cards.waiting(escalated=True)
    now = datetime.now(UTC)
    await change(house, held, leased_by=wang, leased_at=now, leased_until=now + timedelta(minutes=5))
    browser = await house.as_(Role.SENIOR)
    tasks = [one.task_id for one in (good, held, regional, escalated)] + ["card:NOBODY:review:1"]
    sent = await send(browser, HERE, act="assign", to=lin, task=tasks)
    assert sent.status_code == 303
    words = " ".join(re.sub(r"<[^>]+>", " ", (await browser.get(sent.headers["location"])).text).split())
    assert "1 done, 4 failed." in words
    assert "A colleague is working on this task. Wang" in words
    assert "Not skilled in this card type" in words
    assert "Page not found, or no access." in words
    assert [(await house.cards.task(one)).assigned_to for one in (good, held, regional)] == [lin, None, None]
    assert (await (await house.as_(Role.SENIOR)).get(sent.headers["location"])).status_code == 404


async def test_bulk_snooze_uses_the_persons_time_zone(house: House) -> None:
    me = await person_with(house, Role.REVIEWER, "Me", timezone="Asia/Tokyo")
    waiting, browser = await house.cards.waiting(), await browser_of(house, me)
    local = (datetime.now(ZoneInfo("Asia/Tokyo")) + timedelta(days=2)).replace(
        hour=9, minute=30, second=0, microsecond=0
    )
    form: dict[str, str | list[str]] = {
        "act": "snooze",
        "moment": "moment",
        "until": local.strftime("%Y-%m-%dT%H:%M"),
        "task": [waiting.task_id],
    }
    unreasoned = await send(browser, HERE, **form)
    assert (unreasoned.status_code, "Snooze reason" in unreasoned.text) == (422, True)
    sent = await send(browser, HERE, reason="call_store", **form)
    assert "Call the store later" in (await browser.get(sent.headers["location"])).text
    task = await house.cards.task(waiting)
    assert (task.snoozed_until, task.snooze_reason) == (local, "call_store")
    late = await send(browser, HERE, act="snooze", moment="moment", until="2020-01-01T09:00", reason="call_store", task=[waiting.task_id])  # fmt: skip
    assert (late.status_code, "That time has passed." in late.text) == (422, True)


async def test_all_matching_tasks_are_released(house: House) -> None:
    me = await house.cards.person(Role.SENIOR, "Me")
    mine, given, free = await house.cards.waiting(), await house.cards.waiting(), await house.cards.waiting()
    other = await house.cards.waiting(brand_code="hualian")
    now = datetime.now(UTC)
    await change(house, mine, leased_by=me, leased_at=now, leased_until=now + timedelta(minutes=5), assigned_to=me)
    await change(house, given, assigned_to=await house.cards.person(Role.REVIEWER))
    await change(house, other, assigned_to=me)
    browser = await browser_of(house, me)
    sent = await send(browser, HERE, act="release", everything="yes", filter="type=dining")
    page = (await browser.get(sent.headers["location"])).text
    assert "2 done, 1 failed." in page
    assert free.card_id in page
    assert [(await house.cards.task(one)).leased_by for one in (mine, given)] == [None, None]
    assert [(await house.cards.task(one)).assigned_to for one in (mine, given, other)] == [None, None, me]


async def test_empty_and_oversized_selections_change_nothing(house: House) -> None:
    lin, browser = await house.cards.person(Role.REVIEWER, "Lin"), await house.as_(Role.SENIOR)
    forms: list[dict[str, str | list[str]]] = [
        {"act": "assign", "to": lin},
        {"act": "assign", "task": ["x"]},
        {"task": ["x"]},
    ]
    for form in forms:
        assert (await send(browser, HERE, **form)).status_code == 422
    reasonless = await send(browser, HERE, act="snooze", moment="hour", task=["x"])
    assert reasonless.status_code == 422
    assert "snooze_reason" not in reasonless.text
    with pytest.raises(FieldInvalid):
        await Bulk(house.database, house.app.state.console.services.review).release(lin, [f"t{n}" for n in range(ITEMS_MAX + 1)])  # fmt: skip


async def test_bulk_actions_follow_the_role(house: House) -> None:
    waiting, lin = await house.cards.waiting(), await house.cards.person(Role.REVIEWER, "Lin")
    browser = await house.as_(Role.REVIEWER)
    page = (await browser.get("/review")).text
    assert ('value="snooze"' in page, 'value="assign"' in page) == (True, False)
    sent = await send(browser, HERE, act="assign", to=lin, task=[waiting.task_id])
    assert "0 done, 1 failed." in (await browser.get(sent.headers["location"])).text
    assert (await send(await house.as_(Role.ADMIN), HERE, act="release", task=[waiting.task_id])).status_code == 403
    assert 'id="bulk"' not in (await (await house.as_(Role.ADMIN)).get("/review")).text
