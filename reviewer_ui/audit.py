"""What people did and saw at the console, written in the transaction that let them."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from reviewer_ui.sessions import Person


def note(session: AsyncSession, person: Person, act: str, subject: str) -> None:
    """Adds one act, `source:subject:action`, on `subject` (the id of a card or workflow) to this transaction."""
    session.add(by_person(person.id, act, subject))
