"""Limits hold under concurrent requests and do not block what is allowed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from domain.identifiers import new_id
from domain.people.roles import Role
from reviewer_ui.live import PER_PERSON_MAX, Live
from services.work.bulk import ITEMS_MAX
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.queue_scenes import change, send


async def test_concurrent_streams_respect_the_limit_per_person(house: House) -> None:
    live = Live(house.database)
    person = await house.sessions.person(await house.sessions.open(await house.cards.person(Role.REVIEWER)))
    assert person is not None
    asked = [live.events(person) for _ in range(20) if live.has_room(person.id)]
    firsts = await asyncio.gather(*(anext(stream, None) for stream in asked))
    assert (len(asked), sum(first is not None for first in firsts)) == (20, PER_PERSON_MAX)
    for stream in asked:
        await stream.aclose()  # type: ignore[attr-defined]
    assert live.has_room(person.id)


async def test_bulk_form_accepts_a_hundred_tasks(house: House) -> None:
    one, browser = await house.cards.waiting(), await house.as_(Role.SENIOR)
    tasks = [one.task_id, *(f"card:{new_id()}:review:1" for _ in range(ITEMS_MAX - 1))]
    form = {"filter": "", "everything": "", "to": "", "moment": "tomorrow", "until": "", "reason": "call_store"}
    sent = await send(browser, "/review/bulk", act="snooze", task=tasks, **form)
    assert sent.status_code == 303
    assert "1 done, 99 failed." in (await browser.get(sent.headers["location"])).text
    sent = await send(browser, "/review/bulk", act="release", task=[*tasks, f"card:{new_id()}:review:1"])
    assert sent.status_code == 422


async def test_concurrent_submits_of_one_form_act_once(house: House) -> None:
    one, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    here, task = f"/cards/{one.card_id}", one.task_id
    taken = await asyncio.gather(*(post(browser, f"{here}/take", task_id=task) for _ in range(3)))
    assert {answer.status_code for answer in taken} == {303}
    decided = await asyncio.gather(
        *(post(browser, f"{here}/decision", task_id=task, act="reject:forged") for _ in range(4))
    )
    assert {answer.status_code for answer in decided} <= {303, 409}
    assert 303 in {answer.status_code for answer in decided}
    assert len({decision for _, decision in house.desk.told}) == 1


async def test_stale_page_cannot_decide_a_task_of_another(house: House) -> None:
    """The lease expired between page and form, and another person claimed the card meanwhile."""
    one, lin, wu = await house.cards.waiting(), await house.as_(Role.REVIEWER), await house.as_(Role.REVIEWER, "Wu")
    here, task = f"/cards/{one.card_id}", one.task_id
    await post(lin, f"{here}/take", task_id=task)
    past = datetime.now(UTC) - timedelta(seconds=1)
    await change(house, one, leased_until=past)
    await post(wu, f"{here}/take", task_id=task)
    for path, form in (
        ("decision", {"act": "reject:forged", "note": "typed for nothing?"}), ("decision", {"act": "approve", "retake": "true"}),
        ("escalate", {"reason_code": "unsure"}), ("snooze", {"reason_code": "call_store", "until": "tomorrow"}),
    ):  # fmt: skip
        answer = await post(lin, f"{here}/{path}", task_id=task, **form)
        assert (answer.status_code, "Wu" in answer.text) == (409, True), path
        if "note" in form:
            assert "typed for nothing?" in answer.text
    row = await house.cards.task(one)
    assert (row.decided, row.escalated, row.snoozed_until, house.desk.told) == (False, False, None, [])
