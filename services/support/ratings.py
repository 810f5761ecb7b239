"""Customers say whether a solution was good, by one tap; they may change it until the ticket is closed."""

from __future__ import annotations

from dataclasses import dataclass

from database.reads.support.requesters import is_theirs
from database.tables.support.ratings import TicketRatingRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import RatingOver
from domain.support.tickets import RATING_WORDS_MAX, TicketState
from services.support.conversation import locked
from services.support.desk import SupportDesk
from services.support.history import happened
from services.support.words import masked


@dataclass(frozen=True)
class Ratings:
    """What customers say of solutions. `requester` is as in `TicketRow`."""

    desk: SupportDesk

    async def rate(self, requester: str, ticket_id: str, good: bool, words: str | None = None) -> None:
        """Keep the customer's rating of their solved ticket; without `words` those that are kept stay.

        Refuse NotFound for another one's ticket, RatingOver for one that is not solved, FieldInvalid (`why`) for too long words.
        """
        said = None if words is None else words.strip()
        if said is not None and len(said) > RATING_WORDS_MAX:
            raise FieldInvalid(field="why", why="too_long")
        async with self.desk.database.transaction() as session:
            ticket, _ = await locked(session, ticket_id)
            if not await is_theirs(session, ticket.requester, requester):
                raise NotFound(ticket=ticket_id[:26])
            if ticket.state is not TicketState.SOLVED:
                raise RatingOver()
            now, row = self.desk.now(), await session.get(TicketRatingRow, ticket_id)
            kept = None if said is None else (await masked(session, self.desk.keyring, ticket_id, said)).words
            wanted = (good, row.words if row is not None and kept is None else kept or "", ticket.solved_by)
            if row is not None and (row.good, row.words, row.solved_by) == wanted:
                return
            if row is None:
                row = TicketRatingRow(ticket_id=ticket_id, good=good, first_at=now)
                session.add(row)
            row.good, row.words, row.solved_by = wanted
            row.at = now
            happened(session, ticket, requester, "rated", now, good="yes" if good else "no")
