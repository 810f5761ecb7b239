"""Snooze options: times in the person's time zone, by the working days of their team."""

from __future__ import annotations

from datetime import datetime

from database.tables.columns import now
from database.tables.people import PersonRow
from domain.errors.general import FieldInvalid
from domain.work.snooze import SnoozeUntil, snooze_until
from reviewer_ui.sessions import Person
from reviewer_ui.visit import Console
from services.work.sla import policies_in_force
from web.forms import member_of
from web.words import zone_of


async def snoozed_until(console: Console, person: Person, chosen: str, typed: str) -> datetime:
    """Return the moment of one of the offered words. Refuses FieldInvalid (`until`) for another word, or a moment that cannot be meant."""
    until = member_of(SnoozeUntil, chosen)
    if until is None:
        raise FieldInvalid(field="until", why="missing")
    async with console.services.database.transaction() as session:
        team = (await session.get_one(PersonRow, person.id)).team
        calendar = policies_in_force().calendar_of(team)
    return snooze_until(until, typed, zone_of(person.timezone), now(), calendar)
