"""One stream per open page that says what kind of thing changed, and never what: the page then asks for what it may see.

All streams of a process share one look at the database a second, however many browsers are open.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import structlog

from database.reads.notices import live as reads
from database.repositories.loop_faults import kind_and_place
from database.session import Database, DatabaseUnavailable
from domain.errors.general import TemporarilyUnavailable
from domain.people.roles import Permission
from domain.work.kinds import kinds
from reviewer_ui.sessions import IDLE, Person

Event = dict[str, str | int]

LOOK_S = 1.0
QUEUE_S = 2.0  # A busy queue changes many times a second; nobody reads that fast.
STREAM_S_MAX = 300.0  # Then the browser reconnects: no stream outlives a release, or a change of roles, for long.
RETRY_MS = 2000
PER_PERSON_MAX = 4  # A browser has six connections to one site; pages must still come.
STREAMS_MAX = 500
RETRY_AFTER_S = 60
_log = structlog.get_logger()


@dataclass(eq=False)
class Listener:
    """One open page: its person, the events it may receive, and those not sent yet."""

    person: Person
    card_id: str
    news: dict[str, str] = field(default_factory=dict)  # Event → its data; the same event twice is one.
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    unread: int | None = None
    card_mark: str | None = None

    def say(self, event: str, data: str = "") -> None:
        """Puts an event on its way."""
        self.news[event] = data
        self.woken.set()


class Live:
    """The open pages of this process and the look that they share; it looks only while a page is open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[Listener] = set()
        self._looking: asyncio.Task[None] | None = None
        self._queue_mark: int | None = None
        self._queue_due = False
        self._queue_said = 0.0

    def has_room(self, person_id: str) -> bool:
        """Whether this person may open one page more. Refuses TemporarilyUnavailable when the process is full."""
        if len(self._listeners) >= STREAMS_MAX:
            raise TemporarilyUnavailable(retry_after_s=RETRY_AFTER_S)
        return self._open(person_id) < PER_PERSON_MAX

    async def events(self, person: Person, card_id: str = "", card_mark: str = "") -> AsyncIterator[Event]:
        """`queue`, `card` and `notices` (its data: how many are unread) as they happen; `signed_out` is the last.

        `card_mark` is the card's mark when its page was rendered: events since then are sent too.
        """
        if len(self._listeners) >= STREAMS_MAX or self._open(person.id) >= PER_PERSON_MAX:
            return  # Many asked at the same moment and all found room.
        listener = Listener(person, card_id if person.may(Permission.SEE_CARD) else "", card_mark=card_mark or None)
        self._listeners.add(listener)
        self._look_on()
        ends = time.monotonic() + STREAM_S_MAX
        try:
            yield {"comment": "open", "retry": RETRY_MS}
            while (left := ends - time.monotonic()) > 0:
                for event, data in await _news(listener, left):
                    yield {"event": event, "data": data}
                    if event == "signed_out":
                        return
        finally:
            self._listeners.discard(listener)

    def _open(self, person_id: str) -> int:
        return sum(listener.person.id == person_id for listener in self._listeners)

    def _look_on(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_while_read())

    async def _look_while_read(self) -> None:
        """Ends by itself after the last page has gone: a look is never broken off in the middle of a statement."""
        self._queue_mark = None
        while self._listeners:
            try:
                await self._look()
            except DatabaseUnavailable as away:
                _log.warning("live_waits", reason=str(away))  # The pages stay open and hear of it when it is back.
            except Exception as error:  # noqa: BLE001  # Every open page of the process depends on this one look.
                _log.error("live_look_failed", reason=kind_and_place(error))
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        listeners = tuple(self._listeners)
        async with self._database.transaction() as session:
            mark = await reads.queue_mark(session)
            unread = await reads.unread(session, {listener.person.id for listener in listeners})
            here = await reads.signed_in(session, {listener.person.session_id for listener in listeners}, IDLE)
            cards = {listener.card_id for listener in listeners if listener.card_id}
            marks = await reads.card_marks(session, cards) if cards else {}
        queue_moved = self._queue_moved(mark)
        for listener in listeners:
            if listener.person.session_id not in here:
                listener.say("signed_out")
                continue
            _tell(listener, unread.get(listener.person.id, 0), marks.get(listener.card_id, ""))
            if queue_moved and any(listener.person.may(kind.see) for kind in kinds()):
                listener.say("queue")

    def _queue_moved(self, mark: int) -> bool:
        """Signal at a change and again a little later: the mark rises before the change is committed."""
        moved = self._queue_mark is not None and mark != self._queue_mark
        self._queue_mark = mark
        if not (moved or self._queue_due) or time.monotonic() - self._queue_said < QUEUE_S:
            self._queue_due = self._queue_due or moved
            return False
        self._queue_due, self._queue_said = moved, time.monotonic()
        return True


def _tell(listener: Listener, unread: int, card_mark: str) -> None:
    if unread != listener.unread:
        listener.say("notices", str(unread))
    if listener.card_id and listener.card_mark not in (None, card_mark):
        listener.say("card")
    listener.unread, listener.card_mark = unread, card_mark


async def _news(listener: Listener, at_most_s: float) -> list[tuple[str, str]]:
    """What there is to say, as soon as there is something; nothing when the time is over."""
    try:
        await asyncio.wait_for(listener.woken.wait(), at_most_s)
    except TimeoutError:
        return []  # The stream's time is over; the browser reconnects.
    listener.woken.clear()
    news, listener.news = listener.news, {}
    return list(news.items())
