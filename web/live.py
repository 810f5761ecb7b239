"""Server-sent events: all streams of one kind in a process share one look at the database a second, however many are open."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog
from sse_starlette import EventSourceResponse

from database.session import DatabaseUnavailable
from domain.errors.faults import kind_and_place
from domain.errors.general import TemporarilyUnavailable

Event = dict[str, str | int]

LOOK_S = 1.0
STREAM_S_MAX = 300.0  # Then the browser reconnects: no stream outlives a release, or a change of roles, for long.
RETRY_MS = 2000
PING_S = 15
STREAMS_MAX = 500  # Per hub. Later browsers poll, less often.
RETRY_AFTER_S = 60
_NUMBER = re.compile(r"[0-9]{1,18}")
_log = structlog.get_logger()


def last_seen(seen: int, last_event_id: str) -> int:
    """Return the event to continue after: the address's or, after a broken connection, the browser's; a header of another form is none."""
    return max(seen, int(last_event_id) if _NUMBER.fullmatch(last_event_id) else 0)


@dataclass(eq=False, kw_only=True)
class Listener:
    """One open stream and its events that are not sent yet; `owner` is the person, seller or partner who reads it."""

    owner: str
    ended: bool = False
    _news: dict[str, Event] = field(default_factory=dict)  # By name: the same event twice is sent once.
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def say(self, event: str, data: str = "", *, number: int | None = None, last: bool = False) -> None:
        """Queue an event. `number` is what a reconnecting browser says it has seen; after the `last` one the stream ends."""
        said: Event = {"event": event, "data": data}
        if number is not None:
            said["id"] = str(number)
        self._news[event] = said
        self.ended = self.ended or last
        self._woken.set()

    async def news(self, at_most_s: float) -> list[Event]:
        """Return the queued events as soon as there is one; none when the time is over."""
        try:
            async with asyncio.timeout(
                at_most_s
            ):  # `wait_for` of Python 3.11 loses a cancellation that meets an event.
                await self._woken.wait()
        except TimeoutError:
            return []  # The stream's time is over; the browser reconnects.
        self._woken.clear()
        news, self._news = self._news, {}
        return list(news.values())


L = TypeVar("L", bound=Listener)


class Hub(Generic[L]):
    """The open streams of one process and the look that they share; it looks only while one is open."""

    def __init__(self, look: Callable[[tuple[L, ...], bool], Awaitable[None]], per_owner: int = STREAMS_MAX) -> None:
        """`look` reads what changed and tells the listeners; its second argument says that no look came just before.

        `per_owner` is how many streams one owner may have at most.
        """
        self._look = look
        self._per_owner = per_owner
        self._looking: asyncio.Task[None] | None = None
        self.listeners: set[L] = set()

    def has_room(self, owner: str) -> bool:
        """Return whether this owner may open one more stream. Refuses TemporarilyUnavailable when the process is full.

        An owner fills at most half of what is left, so that the last places are never one owner's.
        """
        left = STREAMS_MAX - len(self.listeners)
        if left <= 0:
            raise TemporarilyUnavailable(retry_after_s=RETRY_AFTER_S)
        own = sum(listener.owner == owner for listener in self.listeners)
        return own < min(self._per_owner, max(1, (left + own) // 2))

    def response(self, listener: L) -> EventSourceResponse:
        """Return the answer that streams this listener's events. Refuses TemporarilyUnavailable without room; the page then polls."""
        if not self.has_room(listener.owner):
            raise TemporarilyUnavailable(retry_after_s=RETRY_AFTER_S)
        return EventSourceResponse(self.events(listener), ping=PING_S)

    async def events(self, listener: L) -> AsyncIterator[Event]:
        """Yield the listener's events as they happen, until it has ended or its time is over."""
        if len(self.listeners) >= STREAMS_MAX or not self.has_room(listener.owner):
            return  # Many asked at the same moment and all found room.
        self.listeners.add(listener)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_while_read())
        ends = time.monotonic() + STREAM_S_MAX
        try:
            yield {"comment": "open", "retry": RETRY_MS}
            while not listener.ended and (left := ends - time.monotonic()) > 0:
                for event in await listener.news(left):
                    yield event
        finally:
            self.listeners.discard(listener)

    async def _look_while_read(self) -> None:
        """End automatically after the last stream has closed; a read is never cut off in the middle of a statement."""
        fresh = True
        while self.listeners:
            try:
                await self._look(tuple(self.listeners), fresh)
                fresh = False
            except DatabaseUnavailable as away:
                _log.warning("live_waits", reason=str(away))  # The streams stay open and continue when it is back.
            except Exception as error:  # noqa: BLE001  # Every open stream of the process depends on this one look.
                _log.error("live_look_failed", reason=kind_and_place(error))
            await asyncio.sleep(LOOK_S)
