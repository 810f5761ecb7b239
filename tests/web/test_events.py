"""A stream of changes ends with its card, and no process opens more of them than its database can bear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest
from fastapi import FastAPI
from sse_starlette import EventSourceResponse

from domain.errors.general import TemporarilyUnavailable
from web import errors, events
from web.events import Event, Watched


async def asked_once_more(site: FastAPI) -> httpx.Response:
    transport = httpx.ASGITransport(site)
    async with httpx.AsyncClient(transport=transport, base_url="http://web.test") as client:
        return await client.get("/changes")


def site() -> FastAPI:
    app = FastAPI()

    @app.get("/changes")
    async def changes() -> EventSourceResponse:
        return events.stream(ended, 0, "partner:other")

    errors.install(app)
    return app


async def ended() -> Watched:
    return Watched(7, ended=True)


async def waiting() -> Watched:
    return Watched(1, ended=False)


def changes_of(response: EventSourceResponse) -> AsyncIterator[Event]:
    """What the server would send; a server takes it from the response as this does."""
    return response.body_iterator  # type: ignore[return-value]  # Starlette types every body as text or bytes.


async def test_a_stream_tells_the_change_and_the_end() -> None:
    told = (await asked_once_more(site())).text
    assert told.index("event: changed") < told.index("event: ended")


async def test_streams_beyond_the_most_are_refused_until_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STREAMS_MAX", 2)
    open_streams = [changes_of(events.stream(waiting, 0, f"partner:{place}")) for place in range(2)]
    for one in open_streams:
        assert (await anext(one))["event"] == "changed"
    refused = await asked_once_more(site())
    assert (refused.status_code, refused.json()["code"]) == (503, "temporarily_unavailable")
    assert refused.headers["retry-after"] == str(events.RETRY_AFTER_S)
    await open_streams[0].aclose()  # type: ignore[attr-defined]  # It is an async generator.
    assert (await asked_once_more(site())).status_code == 200
    await open_streams[1].aclose()  # type: ignore[attr-defined]


async def test_a_reader_who_goes_away_gives_the_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STREAMS_MAX", 1)

    async def read() -> None:
        async with aclosing(changes_of(events.stream(waiting, 0, "partner:one"))) as changes:  # type: ignore[type-var]
            async for _ in changes:
                pass

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.05)
    assert (await asked_once_more(site())).status_code == 503
    reading.cancel()
    await asyncio.wait([reading])
    assert (await asked_once_more(site())).status_code == 200


async def test_one_partner_with_many_streams_leaves_places_for_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "STREAMS_MAX", 20)
    greedy = await _opened("partner:greedy", 20)
    others = [await _opened(f"partner:{place}", 1) for place in range(8)]
    assert len(greedy) == 10
    assert [len(one) for one in others] == [1] * 8
    for stream in [*greedy, *(one for several in others for one in several)]:
        await stream.aclose()  # type: ignore[attr-defined]
    assert events._open.total() == 0


async def test_a_seller_has_as_many_streams_as_a_browser_has_connections() -> None:
    streams = await _opened("seller:one", 9)
    assert len(streams) == 6
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]


async def _opened(owner: str, wished: int) -> list[AsyncIterator[Event]]:
    """As many streams as the owner got."""
    opened: list[AsyncIterator[Event]] = []
    for _ in range(wished):
        try:
            stream = changes_of(events.stream(waiting, 0, owner))
        except TemporarilyUnavailable:
            break
        await anext(stream)
        opened.append(stream)
    return opened
