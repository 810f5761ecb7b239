"""The automatic bell: it rings without a stream too, polls no more often than needed, and does not keep a browser signed in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Page, Request, Route, expect
from sqlalchemy import select, update

from database.repositories.notices import tell
from database.tables.people import ConsoleSessionRow
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.roles import Role
from reviewer_ui.sessions import SEEN_EVERY
from reviewer_ui.visit import UNATTENDED
from tests.browser.console import Visitor, desks
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from web.live import LOOK_S

HALF_A_MINUTE_MS = 30_000
STREAM = re.compile(r"/live(\?|$)")


def asked(page: Page) -> list[Request]:
    """Every request for the bell from now on."""
    found: list[Request] = []
    page.on("request", lambda one: found.append(one) if one.url.endswith("/notices/bell") else None)
    return found


async def notified(house: House, person: str) -> None:
    async with house.database.transaction() as session:
        await tell(session, [person], NoticeKind.STAND_IN, new_id())


async def seen(house: House, person: str) -> datetime:
    async with house.database.transaction() as session:
        found: datetime = (
            await session.execute(select(ConsoleSessionRow.seen_at).where(ConsoleSessionRow.person_id == person))
        ).scalar_one()
        return found


async def test_without_a_stream_the_bell_asks_every_half_minute_and_rings(house: House, browser_program: Path) -> None:
    person = await house.cards.person(Role.REVIEWER)
    token = await house.sessions.open(person)
    async with desks(house, browser_program) as office, office.visit(token) as at:
        await _no_stream(at)
        requests = asked(at.page)
        await _opened(at, "/review")
        await notified(house, person)
        await at.page.clock.run_for(HALF_A_MINUTE_MS - 2_000)
        assert len(requests) == 1, "only the one of the page's own opening"
        assert await at.page.locator(".bell-count").count() == 0
        await at.page.clock.run_for(4_000)
        await expect(at.page.locator(".bell-count")).to_have_text("1")
        assert [UNATTENDED in one.headers for one in requests] == [True, True]


async def test_with_its_stream_the_bell_asks_only_on_an_event(house: House, browser_program: Path) -> None:
    person = await house.cards.person(Role.REVIEWER)
    token = await house.sessions.open(person)
    async with desks(house, browser_program) as office, office.visit(token) as at:
        await at.page.clock.install()
        await at.page.goto("/review")
        requests = asked(at.page)
        await notified(house, person)
        await expect(at.page.locator(".bell-count")).to_have_text("1")
        # The page's own first question and the stream's first word may both still be on their way.
        await at.page.wait_for_timeout(3 * LOOK_S * 1000)
        before = len(requests)
        await at.page.clock.run_for(4 * HALF_A_MINUTE_MS)
        assert len(requests) == before
    assert at.complaints == []


async def test_open_page_with_bell_does_not_extend_the_session(house: House, browser_program: Path) -> None:
    person = await house.cards.person(Role.REVIEWER)
    token, earlier = await house.sessions.open(person), datetime.now(UTC) - 2 * SEEN_EVERY
    async with desks(house, browser_program) as office, office.visit(token) as at:
        await _no_stream(at)
        requests = asked(at.page)
        await _opened(at, "/notices")
        async with house.database.transaction() as session:
            await session.execute(
                update(ConsoleSessionRow).where(ConsoleSessionRow.person_id == person).values(seen_at=earlier)
            )
        for _ in range(3):
            async with at.page.expect_response("**/notices/bell") as answer:
                await at.page.clock.run_for(HALF_A_MINUTE_MS)
            assert (await answer.value).status == 200
        assert len(requests) >= 3
        assert await seen(house, person) == earlier
        await at.page.goto("/notices")  # This is a person's own doing.
        assert await seen(house, person) > earlier


async def _opened(at: Visitor, path: str) -> None:
    """Open a page and wait until its bell was answered: what comes afterwards is not in that answer."""
    async with at.page.expect_response("**/notices/bell"):
        await at.page.goto(path)


async def _no_stream(at: Visitor) -> None:
    """The stream never comes about, and the page's clock is the test's: it stands still however slowly the page loads."""

    async def refuse(route: Route) -> None:
        await route.abort()

    await at.page.route(STREAM, refuse)
    opened_at = datetime.now(UTC)
    await at.page.clock.install(time=opened_at)
    await at.page.clock.pause_at(opened_at + timedelta(seconds=1))
