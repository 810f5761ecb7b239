"""An open page receives changes: soon, only what its person may see, and only while they are signed in."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import expect
from sqlalchemy import update

from bootstrap.settings import PROJECT_ROOT
from database.reads.notices import live as reads
from database.repositories.notices import tell
from database.tables.columns import now
from database.tables.work import WorkItemRow
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.roles import Role
from reviewer_ui import live
from reviewer_ui.live import Live, PageListener
from reviewer_ui.sessions import Person
from tests.gateways.partners import PATIENCE_S, eventually, until
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.windows import serving_console, window
from tests.slowness import patience
from web import live as hub


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "LOOK_S", 0.05)
    monkeypatch.setattr(live, "QUEUE_S", 0.2)


class Page:
    """The events of one open page, in order."""

    def __init__(self, events: AsyncIterator[dict[str, Any]]) -> None:
        self._events = events
        self.heard: list[str] = []

    async def hears(self, event: str, within_s: float = PATIENCE_S) -> str:
        """Waits for the event and returns its data; what comes before it is kept in `heard`."""
        async with asyncio.timeout(within_s):
            async for told in self._events:
                if "event" in told:
                    self.heard.append(told["event"])
                if told.get("event") == event:
                    return str(told["data"])
        raise AssertionError(f"the stream ended without {event}: {self.heard}")


async def signed_in(house: House, role: Role) -> tuple[Person, str]:
    token = await house.sessions.open(await house.cards.person(role))
    person = await house.sessions.person(token)
    assert person is not None
    return person, token


@asynccontextmanager
async def open_page(pages: Live, person: Person, card_id: str = "") -> AsyncIterator[Page]:
    async with aclosing(pages.events(person, card_id)) as events:  # type: ignore[type-var]
        page = Page(events)
        await page.hears("notices")
        yield page


async def change(house: House, task_id: str, **values: Any) -> None:
    async with house.database.transaction() as session:
        await session.execute(update(WorkItemRow).where(WorkItemRow.id == task_id).values(**values))


async def notified(house: House, person: str) -> None:
    async with house.database.transaction() as session:
        await tell(session, [person], NoticeKind.STAND_IN, new_id())


async def test_a_page_receives_changes_of_the_queue_of_its_card_and_of_notices(house: House) -> None:
    waiting, pages = await house.cards.waiting(), Live(house.database)
    person, _ = await signed_in(house, Role.REVIEWER)
    async with open_page(pages, person, waiting.card_id) as page:
        await change(house, waiting.task_id, leased_by=person.id, leased_until=now())
        await page.hears("card")
        await page.hears("queue")
        await notified(house, person.id)
        assert await page.hears("notices") == "1"


async def test_an_expired_lease_is_announced_and_a_renewed_one_is_not(house: House) -> None:
    from datetime import timedelta

    waiting, pages = await house.cards.waiting(), Live(house.database)
    person, _ = await signed_in(house, Role.REVIEWER)
    await change(house, waiting.task_id, leased_by=person.id, leased_until=now() + timedelta(seconds=30))
    async with open_page(pages, person, waiting.card_id) as page:
        await change(house, waiting.task_id, leased_until=now() + timedelta(seconds=60))
        await asyncio.sleep(0.5)
        ends = now() + timedelta(seconds=1)
        await change(house, waiting.task_id, leased_until=ends)
        await page.hears("card")
        assert now() >= ends
        assert "queue" not in page.heard


async def test_queue_changes_go_to_all_with_a_queue_and_notices_only_to_their_person(house: House) -> None:
    waiting, pages = await house.cards.waiting(), Live(house.database)
    clerk, _ = await signed_in(house, Role.FINANCE)
    reviewer, _ = await signed_in(house, Role.REVIEWER)
    async with open_page(pages, clerk) as blind, open_page(pages, reviewer) as seeing:
        await change(house, waiting.task_id, band=0)
        await seeing.hears("queue")
        await notified(house, reviewer.id)
        await seeing.hears("notices")
        await notified(house, clerk.id)
        assert await blind.hears("notices") == "1"
        assert blind.heard.count("notices") == seeing.heard.count("notices") == 2


async def test_the_stream_ends_with_the_session(house: House) -> None:
    pages = Live(house.database)
    person, token = await signed_in(house, Role.REVIEWER)
    async with open_page(pages, person) as page:
        await house.sessions.end(token)
        await page.hears("signed_out")
        with pytest.raises(AssertionError, match="the stream ended"):
            await page.hears("queue")


async def test_open_pages_stay_live_after_an_unexpected_fault(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, pages = await house.cards.waiting(), Live(house.database)
    real, faults = reads.queue_mark, [ValueError("a row that cannot be read"), KeyError("x")]

    async def faulty(session: Any) -> int:
        if faults:
            raise faults.pop()
        return await real(session)

    person, _ = await signed_in(house, Role.REVIEWER)
    async with open_page(pages, person, waiting.card_id) as page:
        monkeypatch.setattr(reads, "queue_mark", faulty)
        await until(lambda: not faults)
        await change(house, waiting.task_id, leased_by=person.id, leased_until=now())
        await page.hears("card")


async def test_fifty_pages_share_one_poll(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PER_PERSON_MAX", 50)
    looks, pages = 0, Live(house.database)
    real = reads.queue_mark

    async def counted(session: Any) -> int:
        nonlocal looks
        looks += 1
        return await real(session)

    monkeypatch.setattr(reads, "queue_mark", counted)
    person, _ = await signed_in(house, Role.REVIEWER)
    streams = [pages.events(person) for _ in range(50)]
    for stream in streams:
        await anext(stream)
    looks = 0
    started = time.monotonic()
    await asyncio.sleep(1)
    assert 1 <= looks <= (time.monotonic() - started) / hub.LOOK_S + 1
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0.1)
    looks = 0
    await asyncio.sleep(0.3)
    assert looks == 0


async def test_excess_stream_waits_and_an_anonymous_one_is_refused(house: House) -> None:
    _, token = await signed_in(house, Role.REVIEWER)
    accept = {"accept": "text/event-stream", "cookie": f"cardloop_console={token}"}
    async with serving_console(house) as address, httpx.AsyncClient(base_url=address, trust_env=False) as client:
        await _until_it_answers(client, address)
        streams = [client.stream("GET", "/live", headers=accept) for _ in range(live.PER_PERSON_MAX)]
        opened = [await stream.__aenter__() for stream in streams]
        assert {answer.headers["content-type"] for answer in opened} == {"text/event-stream; charset=utf-8"}
        assert (await client.get("/live", headers=accept)).status_code == 204
        for stream in streams:
            await stream.__aexit__(None, None, None)
        assert (await client.get("/live", headers={"accept": "text/event-stream"})).status_code == 401

        async def again() -> int:
            async with client.stream("GET", "/live", headers=accept) as answer:
                return answer.status_code

        assert (
            await eventually(again, lambda status: status != 204) == 200
        )  # The server hears a moment later who is gone.


async def test_notice_bell_updates_without_browser_errors(house: House, browser_program: Path) -> None:
    async with window(house, browser_program, 1366, 768) as (page, complaints):
        await page.goto("/cards")
        await expect(page.locator(".bell .visually-hidden")).not_to_have_count(0)
        (person_id,) = {listener.person.id for listener in await _listeners(house)}
        await notified(house, person_id)
        await page.wait_for_selector(".bell-count")
        assert await page.inner_text(".bell-count") == "1"
        await house.sessions.end_all(person_id)
        await page.wait_for_url("**/sign-in**")
    assert complaints == []


async def test_changed_card_offers_a_reload_and_keeps_typed_input(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with window(house, browser_program, 1366, 768) as (page, complaints):
        await page.goto(f"/cards/{waiting.card_id}")
        (listener,) = await _listeners(house)
        async with asyncio.timeout(PATIENCE_S):
            while listener.card_mark is None:  # noqa: ASYNC110  # The product has no need of an event for this.
                await asyncio.sleep(0.02)
        await page.fill("form.comment input[name=words]", "half a sentence")
        await change(house, waiting.task_id, escalated=True)
        await page.wait_for_selector(".card-changed")
        assert await page.input_value("form.comment input[name=words]") == "half a sentence"
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        await page.click(".card-changed a")
        await page.wait_for_selector(".card-changed", state="detached")
    assert complaints == []


PROGRAM = """
import sys
import uvicorn
from fastapi import FastAPI
from bootstrap.serving import options
from bootstrap.settings import Settings
from web.live import Hub, Listener

async def look(listeners, fresh): pass

app, pages = FastAPI(), Hub(look)

@app.get("/live")
async def stream(): return pages.response(Listener(owner="1"))

uvicorn.run(app, **{**options(Settings(), "console"), "port": int(sys.argv[1])})
"""


async def test_a_process_with_an_open_stream_stops_within_seconds(tmp_path: Path) -> None:
    program, port = tmp_path / "program.py", _free_port()
    program.write_text(PROGRAM)
    environment = {"PYTHONPATH": str(PROJECT_ROOT), "CARDLOOP_HOME": str(tmp_path), "PATH": ""}
    served = await asyncio.create_subprocess_exec(
        sys.executable, str(program), str(port), env=environment, stderr=DEVNULL
    )
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
            await _until_it_answers(client, f"http://127.0.0.1:{port}")
            async with client.stream("GET", f"http://127.0.0.1:{port}/live") as answer:
                parts = answer.aiter_raw()
                assert b"open" in await anext(parts)
                started = time.monotonic()
                served.send_signal(signal.SIGTERM)
                await asyncio.wait_for(served.wait(), patience(10))
        assert time.monotonic() - started < patience(4)
    finally:
        if served.returncode is None:
            served.kill()
            await served.wait()


async def _listeners(house: House) -> set[PageListener]:
    pages: Live = house.app.state.console.live
    async with asyncio.timeout(PATIENCE_S):
        while not pages.hub.listeners:  # noqa: ASYNC110  # The product has no need of an event for this.
            await asyncio.sleep(0.02)
    return set(pages.hub.listeners)


async def _until_it_answers(client: httpx.AsyncClient, address: str) -> None:
    async with asyncio.timeout(patience(20)):
        while True:
            try:
                await client.get(f"{address}/nothing")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return


def _free_port() -> int:
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
