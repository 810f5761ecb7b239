"""One stream per open page of the console that says what kind of thing changed, and never what: the page then asks for what it may see."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sse_starlette import EventSourceResponse

from database.reads.notices import live as reads
from database.session import Database
from domain.people.roles import Permission
from domain.work.kinds import kinds
from reviewer_ui.sessions import IDLE, Person
from web.live import Event, Hub, Listener

QUEUE_S = 2.0  # A busy queue changes many times a second; no one reads that fast.
PER_PERSON_MAX = 4  # A browser has six connections to one site; pages must still come.


@dataclass(eq=False, kw_only=True)
class PageListener(Listener):
    """One open page: its person, its card if it shows one, and what was last sent to it."""

    person: Person
    card_id: str
    ticket_id: str = ""
    unread: int | None = None
    card_mark: str | None = None
    ticket_mark: str | None = None


class Live:
    """The open pages of this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.hub: Hub[PageListener] = Hub(self._look, PER_PERSON_MAX)
        self._queue_mark: int | None = None
        self._queue_due = False
        self._queue_said = 0.0

    def has_room(self, person_id: str) -> bool:
        """Return whether this person may open one page more. Refuses TemporarilyUnavailable when the process is full."""
        return self.hub.has_room(person_id)

    def response(self, person: Person, card_id: str, card_mark: str, ticket_id: str = "") -> EventSourceResponse:
        """Return the page's stream, as `events`."""
        return self.hub.response(_listener(person, card_id, card_mark, ticket_id))

    def events(
        self, person: Person, card_id: str = "", card_mark: str = "", ticket_id: str = ""
    ) -> AsyncIterator[Event]:
        """Yield `queue`, `card`, `ticket` and `notices` (its data: how many are unread) as they happen; `signed_out` is the last.

        `card_mark` is the card's mark when its page was rendered: events since then are sent too. `ticket` is sent when the
        ticket changes, and when a colleague opens, leaves or writes in it.
        """
        return self.hub.events(_listener(person, card_id, card_mark, ticket_id))

    def viewers(self, ticket_id: str, but: str) -> tuple[str, ...]:
        """Return the names of everyone else who has the ticket's page open in this process."""
        here = {one.person.id: one.person.name for one in self.hub.listeners if one.ticket_id == ticket_id}
        return tuple(sorted(name for person, name in here.items() if person != but))

    async def _look(self, listeners: tuple[PageListener, ...], fresh: bool) -> None:
        async with self._database.transaction() as session:
            mark = await reads.queue_mark(session)
            unread = await reads.unread(session, {listener.person.id for listener in listeners})
            here = await reads.signed_in(session, {listener.person.session_id for listener in listeners}, IDLE)
            cards = {listener.card_id for listener in listeners if listener.card_id}
            marks = await reads.card_marks(session, cards) if cards else {}
            tickets = {listener.ticket_id for listener in listeners if listener.ticket_id}
            ticket_marks = await reads.ticket_marks(session, tickets) if tickets else {}
        queue_moved = self._queue_moved(mark, fresh)
        for listener in listeners:
            if listener.person.session_id not in here:
                listener.say("signed_out", last=True)
                continue
            _report(listener, unread.get(listener.person.id, 0), marks.get(listener.card_id, ""))
            self._report_ticket(listener, ticket_marks.get(listener.ticket_id, ""))
            if queue_moved and any(listener.person.may(kind.see) for kind in kinds()):
                listener.say("queue")

    def _report_ticket(self, listener: PageListener, mark: str) -> None:
        """What the ticket is and who is there. Who came between the page and its first look is news, too."""
        if not listener.ticket_id:
            return
        others = self.viewers(listener.ticket_id, listener.person.id)
        now, first = f"{mark} {' '.join(others)}", listener.ticket_mark is None
        if others if first else listener.ticket_mark != now:
            listener.say("ticket")
        listener.ticket_mark = now

    def _queue_moved(self, mark: int, fresh: bool) -> bool:
        """Signal at a change and again a little later: the mark rises before the change is committed."""
        moved = not fresh and mark != self._queue_mark
        self._queue_mark = mark
        if not (moved or self._queue_due) or time.monotonic() - self._queue_said < QUEUE_S:
            self._queue_due = self._queue_due or moved
            return False
        self._queue_due, self._queue_said = moved, time.monotonic()
        return True


def _listener(person: Person, card_id: str, card_mark: str, ticket_id: str) -> PageListener:
    shown = card_id if person.may(Permission.SEE_CARD) else ""
    ticket = ticket_id if person.may(Permission.SEE_TICKETS) else ""
    return PageListener(owner=person.id, person=person, card_id=shown, ticket_id=ticket, card_mark=card_mark or None)


def _report(listener: PageListener, unread: int, card_mark: str) -> None:
    if unread != listener.unread:
        listener.say("notices", str(unread))
    if listener.card_id and listener.card_mark not in (None, card_mark):
        listener.say("card")
    listener.unread, listener.card_mark = unread, card_mark
