"""Streams share one look, end when they have ended, and no process or owner opens more of them than there are places."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

from database.session import DatabaseUnavailable
from domain.errors.general import TemporarilyUnavailable
from web import errors, live
from web.live import Event, Hub, Listener


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LOOK_S", 0.02)


class Counting:
    """A look that tells every listener its number."""

    def __init__(self) -> None:
        self.looks = 0
        self.fresh: list[bool] = []
        self.fails: list[Exception] = []

    async def look(self, listeners: tuple[Listener, ...], fresh: bool) -> None:
        self.looks += 1
        self.fresh.append(fresh)
        if self.fails:
            raise self.fails.pop()
        for one in listeners:
            one.say("changed", str(self.looks), number=self.looks, last=one.owner == "ends")


def opened(hub: Hub[Listener], owner: str) -> AsyncIterator[Event]:
    return hub.events(Listener(owner=owner))


async def first(stream: AsyncIterator[Event]) -> Event:
    """The first event after the line that opens the stream."""
    assert (await anext(stream))["comment"] == "open"
    return await anext(stream)


async def closed(*streams: AsyncIterator[Event]) -> None:
    for one in streams:
        await one.aclose()  # type: ignore[attr-defined]  # It is an async generator.


async def test_many_streams_share_one_look_and_none_is_made_without_them() -> None:
    counting = Counting()
    hub = Hub(counting.look)
    streams = [opened(hub, f"partner:{place}") for place in range(50)]
    said = await asyncio.gather(*(first(one) for one in streams))
    assert {one["data"] for one in said} == {"1"}
    await closed(*streams)
    await asyncio.sleep(0.1)
    looks = counting.looks
    await asyncio.sleep(0.1)
    assert counting.looks == looks


async def test_a_look_after_a_pause_is_marked_as_fresh() -> None:
    counting = Counting()
    hub = Hub(counting.look)
    for _ in range(2):
        stream = opened(hub, "partner:1")
        await first(stream)
        await anext(stream)
        await closed(stream)
        await asyncio.sleep(0.1)
    assert counting.fresh[:2] == [True, False]
    assert counting.fresh.count(True) == 2


async def test_an_event_has_the_number_that_a_reconnecting_browser_names() -> None:
    stream = opened(Hub(Counting().look), "partner:1")
    assert await first(stream) == {"event": "changed", "data": "1", "id": "1"}
    await closed(stream)


async def test_a_stream_ends_after_its_last_event() -> None:
    hub = Hub(Counting().look)
    events = [one async for one in opened(hub, "ends")]
    assert [one.get("event") for one in events] == [None, "changed"]
    assert hub.listeners == set()


@pytest.mark.parametrize(
    "fault", [DatabaseUnavailable("away"), ValueError("unforeseen")], ids=["database", "unforeseen"]
)
async def test_streams_stay_open_over_a_look_that_fails(fault: Exception) -> None:
    counting = Counting()
    counting.fails = [fault, fault]
    stream = opened(Hub(counting.look), "partner:1")
    assert (await first(stream))["data"] == "3"
    await closed(stream)


def site(hub: Hub[Listener]) -> FastAPI:
    app = FastAPI()

    @app.get("/changes")
    async def changes() -> EventSourceResponse:
        return hub.response(Listener(owner="ends"))

    errors.install(app)
    return app


async def asked_once_more(hub: Hub[Listener]) -> httpx.Response:
    transport = httpx.ASGITransport(site(hub))
    async with httpx.AsyncClient(transport=transport, base_url="http://web.test") as client:
        return await client.get("/changes")


async def test_streams_beyond_the_most_are_refused_until_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STREAMS_MAX", 2)
    hub = Hub(Counting().look)
    streams = [opened(hub, f"partner:{place}") for place in range(2)]
    for one in streams:
        await first(one)
    refused = await asked_once_more(hub)
    assert (refused.status_code, refused.json()["code"]) == (503, "temporarily_unavailable")
    assert refused.headers["retry-after"] == str(live.RETRY_AFTER_S)
    await closed(streams[0])
    answer = await asked_once_more(hub)
    assert (answer.status_code, "event: changed" in answer.text) == (200, True)
    await closed(streams[1])


async def test_a_reader_who_goes_away_gives_the_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STREAMS_MAX", 1)
    hub = Hub(Counting().look)

    async def read() -> None:
        async with aclosing(opened(hub, "partner:one")) as changes:  # type: ignore[type-var]
            async for _ in changes:
                pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    assert (await asked_once_more(hub)).status_code == 503
    reading.cancel()
    await asyncio.wait([reading])
    assert (await asked_once_more(hub)).status_code == 200


@pytest.mark.parametrize("turns", range(5))
async def test_a_reader_cancelled_while_an_event_comes_ends(turns: int) -> None:
    listener = Listener(owner="partner:one")

    async def read() -> None:
        while True:
            await listener.news(60)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    listener.say("changed")
    for _ in range(turns):
        await asyncio.sleep(0)
    reading.cancel()
    done, _ = await asyncio.wait([reading], timeout=5)
    assert done == {reading}


async def test_one_partner_with_many_streams_leaves_places_for_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STREAMS_MAX", 20)
    hub = Hub(Counting().look)
    greedy = await _as_many_as(hub, "partner:greedy", 20)
    others = [await _as_many_as(hub, f"partner:{place}", 1) for place in range(8)]
    assert len(greedy) == 10
    assert [len(one) for one in others] == [1] * 8
    await closed(*greedy, *(one for several in others for one in several))
    assert hub.listeners == set()


async def test_an_owner_has_no_more_streams_than_the_hub_allows_one() -> None:
    streams = await _as_many_as(Hub(Counting().look, per_owner=6), "seller:one", 9)
    assert len(streams) == 6
    await closed(*streams)


async def _as_many_as(hub: Hub[Listener], owner: str, wished: int) -> list[AsyncIterator[Event]]:
    """As many streams as the owner got."""
    streams: list[AsyncIterator[Event]] = []
    for _ in range(wished):
        try:
            hub.response(Listener(owner=owner))
        except TemporarilyUnavailable:
            break
        streams.append(opened(hub, owner))
        await first(streams[-1])
    return streams
