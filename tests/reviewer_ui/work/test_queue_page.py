"""The queue page: waiting tasks, priority, holder, and filters."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from database.tables.people import ConsoleSessionRow
from domain.people.roles import Role
from domain.work.task import CameBack, TaskPhase
from reviewer_ui.queue_place import FILTER_COOKIE
from reviewer_ui.sessions import SEEN_EVERY
from reviewer_ui.visit import UNATTENDED
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.queue_scenes import browser_of, change, person_with, row_of, send, shown

SOON = timedelta(minutes=4, seconds=31)


async def test_order_is_escalated_due_soon_returned_then_age(house: House) -> None:
    old, back = await house.cards.waiting(due_in_min=5), await house.cards.waiting()
    nearly, escalated = await house.cards.waiting(due_in_min=90), await house.cards.waiting(escalated=True)
    now = datetime.now(UTC)
    await change(house, nearly, warned_at=now)
    await change(house, back, came_back=CameBack.ITEM_SENT, came_back_at=now)
    page = (await (await house.as_(Role.REVIEWER)).get("/review")).text
    assert shown(page, old, back, nearly, escalated) == [one.card_id for one in (escalated, nearly, back, old)]


async def test_each_row_shows_its_priority_and_holder(house: House) -> None:
    me, other = await house.cards.person(Role.SENIOR, "Me"), await house.cards.person(Role.REVIEWER, "Wang")
    names = ("held", "mine", "given", "late", "snoozed", "back", "check")
    tasks = {name: await house.cards.waiting(reasons=("wrong_pin",)) for name in names}
    now = datetime.now(UTC)
    await change(house, tasks["held"], leased_by=other, leased_at=now, leased_until=now + SOON)
    await change(house, tasks["mine"], leased_by=me, leased_at=now, leased_until=now + SOON)
    await change(house, tasks["given"], assigned_to=other, assigned_at=now)
    await change(
        house,
        tasks["late"],
        due_at=now - timedelta(minutes=9),
        breached_at=now,
        escalated=True,
        escalation_reason="unsure",
    )
    await change(
        house,
        tasks["snoozed"],
        snoozed_until=now + timedelta(hours=2),
        snooze_reason="call_store",
        came_back=CameBack.SNOOZE_OVER,
    )
    await change(
        house, tasks["back"], came_back=CameBack.SNOOZE_OVER, came_back_reason="waiting_answer", came_back_at=now
    )
    await change(house, tasks["check"], phase=TaskPhase.CHECK)  # fmt: skip
    browser = await browser_of(house, me)
    page = (await browser.get("/review?all=yes")).text
    told = {name: row_of(page, task) for name, task in tasks.items() if name != "snoozed"}
    assert f'href="/cards/{tasks["late"].card_id}/why-due"' in page
    assert re.search(r"Wang 04:[123]\d", told["held"])
    assert "You're working on this" in told["mine"]
    assert "Assigned to Wang" in told["given"]
    assert ("Overdue" in told["late"], "Unsure" in told["late"]) == (True, True)
    assert "Snooze ended: Waiting for an answer" in told["back"]
    assert "Awaiting second review" in told["check"]
    assert all("The issuer says the PIN does not match" in words for words in told.values())
    assert tasks["snoozed"].task_id not in page
    put_off = row_of((await browser.get("/review?snoozed=yes")).text, tasks["snoozed"])
    assert "Call the store later" in put_off
    assert "Snooze ended" not in put_off


async def test_paging_has_no_gaps_or_repeats_in_any_order(house: House) -> None:
    waiting = [await house.cards.waiting(due_in_min=10 + place, escalated=place % 6 == 0) for place in range(23)]
    for sort in ("queue", "due", "value", "age"):
        browser, seen, path = await house.as_(Role.REVIEWER), list[str](), f"/review?sort={sort}"
        for _ in range(2):
            page = (await browser.get(path)).text
            seen += shown(page, *waiting)
            path = next(iter(re.findall(r'href="(/review\?[^"]*after=[^"]+)" rel="next"', page)), "").replace(
                "&amp;", "&"
            )
        assert path == ""
        assert sorted(seen) == sorted(one.card_id for one in waiting), sort
        if sort == "due":
            assert seen == [one.card_id for one in waiting]


async def test_filters_are_applied_and_removed(house: House) -> None:
    dining, regional = (
        await house.cards.waiting(reasons=("wrong_pin",)),
        await house.cards.waiting(brand_code="hualian"),
    )
    browser = await house.as_(Role.REVIEWER)
    queries = {
        "type=regional": regional, "brand=starbucks": dining, "reason=wrong_pin": dining, "type=dining&value_min=441&value_max=441": dining,
        f"ending={regional.card_id[-7:].lower()}": regional, "type=crossborder&type=dining": dining,
    }  # fmt: skip
    for query, expected in queries.items():
        page = (await browser.get(f"/review?{query}")).text
        assert shown(page, dining, regional) == [expected.card_id], query
    page = (await browser.get("/review?type=dining&value_min=441")).text
    assert 'class="given" href="/review?type=dining"' in page
    assert "1 found" in page


async def test_invalid_cursor_or_filter_shows_the_first_page(house: House) -> None:
    waiting = await house.cards.waiting()
    browser = await house.as_(Role.REVIEWER)
    for query in ("after=1~yesterday~x&type=plastic&brand=none", "after=7~2026-01-01T00:00:00%2B00:00~x", "value_min=dear", "sort=value&after=99999999999999999999~x"):  # fmt: skip
        page = await browser.get(f"/review?{query}")
        assert (page.status_code, shown(page.text, waiting)) == (200, [waiting.card_id]), query


async def test_empty_filter_result_offers_to_clear_it(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    assert "Nothing matches this filter" in (await browser.get("/review?ending=ZZZZZZZ")).text
    assert "Nothing matches this filter" not in (await browser.get("/review")).text


async def test_next_uses_the_current_filter(house: House) -> None:
    first, wanted = await house.cards.waiting(escalated=True), await house.cards.waiting(brand_code="hualian")
    browser = await house.as_(Role.SENIOR)
    page = (await browser.get("/review?type=regional&sort=value")).text
    assert re.search(r'name="filter" value="type=regional&amp;sort=value"', page)
    taken = await send(browser, "/review/next")  # As from the card page, whose form carries no filter.
    assert taken.headers["location"] == f"/cards/{wanted.card_id}"
    await send(browser, f"/cards/{wanted.card_id}/release", task_id=wanted.task_id)
    assert FILTER_COOKIE in browser.cookies
    await browser.get("/review?all=yes")
    assert FILTER_COOKIE not in browser.cookies
    assert (await send(browser, "/review/next")).headers["location"] == f"/cards/{first.card_id}"


async def test_next_with_an_empty_filter_says_so_and_keeps_it(house: House) -> None:
    await house.cards.waiting()
    browser = await house.as_(Role.REVIEWER)
    answer = await send(browser, "/review/next", filter="type=regional")
    assert answer.headers["location"] == "/review?type=regional&nothing=true"
    page = (await browser.get(answer.headers["location"])).text
    assert "Show the whole queue" in page


async def test_counts_link_to_their_lists(house: House) -> None:
    me = await house.cards.person(Role.REVIEWER, "Me")
    mine, escalated = await house.cards.waiting(), await house.cards.waiting(escalated=True)
    await change(house, mine, assigned_to=me)
    browser = await browser_of(house, me)
    chips = re.findall(
        r'class="chip" href="([^"]+)"[^>]*>.*?<strong>([^<]+)</strong>', (await browser.get("/review")).text
    )
    assert dict(chips) | {"/review?mine=yes": "1", "/review?escalated=yes": "1"} == dict(chips)
    assert shown((await browser.get("/review?mine=yes")).text, mine, escalated) == [mine.card_id]


async def test_queue_polling_is_rate_limited(house: House) -> None:
    browser, unattended = await house.as_(Role.REVIEWER), {"hx-request": "true", UNATTENDED: "yes"}
    polled = await browser.get("/review?polls=3", headers=unattended)
    assert 'hx-get="/review?polls=4"' in polled.text
    assert "<html" not in polled.text
    assert "every 15s" not in (await browser.get("/review?polls=40", headers=unattended)).text
    assert FILTER_COOKIE not in (await browser.get("/review?type=dining", headers=unattended)).cookies


async def test_an_automatic_refresh_does_not_extend_the_session(house: House) -> None:
    me = await house.cards.person(Role.REVIEWER)
    browser, earlier = await browser_of(house, me), datetime.now(UTC) - 2 * SEEN_EVERY
    async with house.database.transaction() as session:
        await session.execute(
            update(ConsoleSessionRow).where(ConsoleSessionRow.person_id == me).values(seen_at=earlier)
        )

    async def seen() -> datetime:
        async with house.database.transaction() as session:
            found: datetime = (
                await session.execute(select(ConsoleSessionRow.seen_at).where(ConsoleSessionRow.person_id == me))
            ).scalar_one()
            return found

    await browser.get("/review", headers={"hx-request": "true", UNATTENDED: "yes"})
    assert await seen() == earlier
    await browser.get("/review")
    assert await seen() > earlier


async def test_eligibility_is_read_without_changing_anything(house: House) -> None:
    waiting, seller = await house.cards.waiting(escalated=True), "seller:1"
    await change(house, waiting, seller=seller)
    await person_with(house, Role.SENIOR, "Able")
    await person_with(house, Role.SENIOR, "Limited", limit_minor=100, skill_brands=["jd"])
    await person_with(house, Role.REVIEWER, "Junior")
    browser = await house.as_(Role.OPS)
    page = (await browser.get(f"/review/tasks/{waiting.task_id}/who")).text
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert re.search(r"Able Can claim", words)
    assert re.search(r"Limited Cannot claim .*brand.*limit", words)
    assert re.search(r"Junior Cannot claim Escalated", words)
    assert (await house.cards.task(waiting)).leased_by is None
    assert (await browser.get("/review/tasks/card:NOBODY:review:1/who")).status_code == 404
    assert (await (await house.as_(Role.SUPPORT)).get(f"/review/tasks/{waiting.task_id}/who")).status_code == 403
