"""What people did and saw at the console, written in the transaction that let them."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import AuditRow
from reviewer_ui.sessions import Person


def note(session: AsyncSession, person: Person, act: str, subject: str) -> None:
    """Adds one act, `source:subject:action`, on `subject` (the id of a card or workflow) to this transaction."""
    session.add(AuditRow(actor=f"person:{person.id}", act=act, subject=subject))
