"""Internal notes of a ticket: comments on its work item, which the customer never sees, without numbers or PINs of its cards."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from database.tables.support.tickets import TicketRow
from domain.errors.general import NotFound
from domain.errors.work import SecretInWords
from domain.people.roles import Permission
from domain.sealing import KeyRing
from domain.support.tickets import TICKET
from gateways.pictures.store import PhotoStore
from services.people.permissions import require
from services.support import grams
from services.support.words import masked
from services.work.comments import Comments


class Notes:
    """Writes notes, with mentions and files. `person` is a person's id."""

    def __init__(self, database: Database, keyring: KeyRing, store: PhotoStore) -> None:
        self._database = database
        self._keyring = keyring
        self._comments = Comments(database, keyring, store, {TICKET: grams.index_task})

    async def add(
        self, person: str, ticket_id: str, words: str, files: Sequence[tuple[str, bytes]] = ()
    ) -> str:  # fmt: skip
        """Write a note and return its id. Refuse NotAllowed, NotFound, SecretInWords, and what comments and files are refused for."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.SEE_TICKETS)
            ticket = await session.get(TicketRow, ticket_id[:26])
            if ticket is None:
                raise NotFound(ticket=ticket_id[:26])
            await require_no_secret_of_cards(session, self._keyring, ticket.id, words)
        return await self._comments.add_to_item(person, ticket.task_id, words, files)


async def require_no_secret_of_cards(session: AsyncSession, keyring: KeyRing, ticket_id: str, words: str) -> None:
    """Refuse SecretInWords for a card number, or the PIN of a card that the ticket is about."""
    if words and (await masked(session, keyring, ticket_id, words)).found:
        raise SecretInWords()
