"""The support desk: its acts by subject, over one database, one key ring, one photo store and one clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from database.session import Database
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.support.conversation import Conversation
from services.support.handing import Handing
from services.support.linking import Linking
from services.support.macros import Macros
from services.support.merging import Merging
from services.support.notes import Notes
from services.support.opening import Opening
from services.support.raising import Raising
from services.support.sorting import Sorting
from services.support.templates import ReplyTemplates


@dataclass(frozen=True)
class TicketDesk:
    """Everything that agents do with tickets."""

    opening: Opening
    conversation: Conversation
    notes: Notes
    sorting: Sorting
    linking: Linking
    merging: Merging
    handing: Handing
    raising: Raising
    templates: ReplyTemplates
    macros: Macros


def ticket_desk(
    database: Database, keyring: KeyRing, store: PhotoStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> TicketDesk:
    """Build the desk."""
    return TicketDesk(
        opening=Opening(database, keyring, store, now),
        conversation=Conversation(database, keyring, store, now),
        notes=Notes(database, keyring, store),
        sorting=Sorting(database, now),
        linking=Linking(database, now),
        merging=Merging(database, keyring, store, now),
        handing=Handing(database, now),
        raising=Raising(database, now),
        templates=ReplyTemplates(database, now),
        macros=Macros(database, keyring, now),
    )
