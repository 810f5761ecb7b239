"""Server-sent events: one `changed` whenever something happened, `ended` at the end; then the browser stops asking."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from sse_starlette import EventSourceResponse

from domain.errors.general import TemporarilyUnavailable

Event = dict[str, str | int]

POLL_S = 1.0
STREAM_S_MAX = 300.0  # Then the browser reconnects automatically: no stream outlives a release for long.
RETRY_MS = 3000
PING_S = 20
PER_SELLER_MAX = 6  # A browser has six connections to one site.
STREAMS_MAX = 200  # Per process: each asks the database once a second. Later browsers poll, less often.
RETRY_AFTER_S = 60
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class Watched:
    """What a stream reports: a number that rises with every event, and whether nothing more will come."""

    last_event: int
    ended: bool


def last_seen(seen: int, last_event_id: str) -> int:
    """The event to go on after: the address's or, after a broken connection, the browser's; a header of another form is none."""
    return max(seen, int(last_event_id) if _NUMBER.fullmatch(last_event_id) else 0)


def stream(look: Callable[[], Awaitable[Watched]], seen: int, owner: str) -> EventSourceResponse:
    """Streams the changes after the event `seen`; `look` is asked once a second, in one short transaction each.

    Refuses TemporarilyUnavailable while the process or this owner (`seller:<id>`, `partner:<id>`) has no place left;
    the page then polls.
    """
    if not _has_room(owner):
        raise TemporarilyUnavailable(retry_after_s=RETRY_AFTER_S)
    return EventSourceResponse(_counted(_changes(look, seen), owner), ping=PING_S)


_open: Counter[str] = Counter()  # How many streams of this process each owner has open.


def _has_room(owner: str) -> bool:
    """Nobody fills more than half of what is left, so that the last places are never one owner's."""
    left = STREAMS_MAX - _open.total()
    most = PER_SELLER_MAX if owner.startswith("seller:") else left
    return left > 0 and _open[owner] < min(most, max(1, (left + _open[owner]) // 2))


async def _counted(changes: AsyncIterator[Event], owner: str) -> AsyncIterator[Event]:
    _open[owner] += 1
    try:
        async for change in changes:
            yield change
    finally:
        _open[owner] -= 1
        if not _open[owner]:
            del _open[owner]


async def _changes(look: Callable[[], Awaitable[Watched]], seen: int) -> AsyncIterator[Event]:
    until = time.monotonic() + STREAM_S_MAX
    while time.monotonic() < until:
        watched = await look()
        if watched.last_event != seen:
            seen = watched.last_event
            yield {"event": "changed", "id": str(seen), "data": str(seen), "retry": RETRY_MS}
        if watched.ended:
            yield {"event": "ended", "id": str(seen), "data": str(seen)}
            return
        await asyncio.sleep(POLL_S)
