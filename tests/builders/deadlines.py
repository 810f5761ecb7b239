"""Deadline policies published by two people, as every version of them is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update

from database.session import Database
from database.tables.people import PersonRow
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.rules.deadlines import KIND, built_in_document
from services.policies.documents import PolicyDocuments, Proposal
from services.policies.reading import PolicyReader


async def publish_deadlines(database: Database, document: dict[str, Any], why: str = "tried in a test") -> int:
    """Publish a document by two people who then leave; return its number."""
    policies, people = PolicyDocuments(database), [new_id(), new_id()]
    async with database.transaction() as session:
        for person, role in zip(people, (Role.ADMIN, Role.COMPLIANCE), strict=True):
            session.add(PersonRow(id=person, email=f"{person}@example.com", name="Wu", password_hash="", roles=[role]))
    state = await policies.state(KIND)
    revision = 0 if state.open is None else state.open.revision
    number = await policies.save(people[0], KIND, Proposal(document, why, None, revision))
    await policies.ask(people[0], KIND, revision + 1)
    await policies.publish(people[1], KIND, revision + 1)
    async with database.transaction() as session:  # Nobody hears of alarms who is not part of the test.
        await session.execute(update(PersonRow).where(PersonRow.id.in_(people)).values(active=False))
    await PolicyReader(database).refresh()
    return number


async def deadlines_as_built_in(database: Database) -> None:
    """Publish the built-in document unless it holds already, and read what holds into this process."""
    state = await PolicyDocuments(database).state(KIND)
    if state.in_force.document != built_in_document():
        await publish_deadlines(database, built_in_document(), "as at first")
    await PolicyReader(database).refresh()


async def deadlines_in_force(database: Database) -> tuple[int, dict[str, Any]]:
    """The number that clocks keep of the version in force, and its document."""
    found = (await PolicyDocuments(database).state(KIND)).in_force
    return found.number or 1, dict(found.document)
