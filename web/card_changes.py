"""The streams that notify sellers and partners of their cards: `changed` whenever something happened to one of them, or to the
maintenance that it waits for, and `ended` at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sse_starlette import EventSourceResponse

from database.reads.cards import submissions as reads
from database.session import Database
from web.live import STREAMS_MAX, Hub, Listener


@dataclass(eq=False, kw_only=True)
class CardListener(Listener):
    """A stream about these cards; `seen` is how many of their events its reader has heard of.

    `held` are the marks of the maintenance that its reader knows of, each card's after a comma; None: what the first look finds.
    """

    card_ids: tuple[str, ...]
    seen: int
    held: str | None = None


class CardChanges:
    """All such streams of a process: one statement a second, however many cards they are about."""

    def __init__(self, database: Database, per_owner: int = STREAMS_MAX) -> None:
        self._database = database
        self.hub: Hub[CardListener] = Hub(self._look, per_owner)

    def stream(self, owner: str, card_ids: Sequence[str], seen: int, held: str | None = None) -> EventSourceResponse:
        """Return the stream of the changes after `seen` and `held`; the caller has checked that the cards are the owner's.

        Refuses TemporarilyUnavailable while the process or this owner (`seller:<id>`, `partner:<id>`) has no place left.
        """
        return self.hub.response(CardListener(owner=owner, card_ids=tuple(card_ids), seen=seen, held=held))

    async def _look(self, listeners: tuple[CardListener, ...], _fresh: bool) -> None:
        async with self._database.transaction() as session:
            found = await reads.progress(session, {card for listener in listeners for card in listener.card_ids})
        for listener in listeners:
            own = [found[card] for card in listener.card_ids if card in found]  # A deleted card has nothing to say.
            last = sum(one.events for one in own)
            held = ",".join(one.held for one in own)
            if listener.held is None:
                listener.held = held
            if (last, held) != (listener.seen, listener.held):
                listener.seen, listener.held = last, held
                listener.say("changed", str(last), number=last)
            if all(one.ended for one in own):
                listener.say("ended", str(last), number=last, last=True)
