"""Builders for stories of the queue: tasks with the columns a story needs, and reviewers who see only that story's tasks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from database.tables.people import AbsenceRow, AuditRow, PersonRow
from database.tables.work import WorkItemRow
from domain.identifiers import new_id
from services.review.desk import review_desk
from services.work.ordering import placed
from tests.builders.world import World


class Clock:
    """A clock that is fixed until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment

    def passes(self, **span: float) -> datetime:
        self.moment += timedelta(**span)
        return self.moment


class Office:
    """A corner of the queue: its tasks are of a brand of their own, and its reviewers know no other."""

    def __init__(self, world: World) -> None:
        self.world, self.brand, self.clock = world, f"brand-{new_id()}", Clock()
        self.desk = review_desk(world.database, world.keyring, self.clock)

    async def task(self, **columns: Any) -> str:
        """An open task, placed as its columns say unless they say where; returns its id."""
        card_id = await self.world.a_card()
        opened = await self.world.review.open(card_id, 1, ["card_type"])
        await self.change(opened.task_id, **{"brand": self.brand, **columns})
        return opened.task_id

    async def change(self, task_id: str, **columns: Any) -> WorkItemRow:
        async with self.world.database.transaction() as session:
            row = await session.get_one(WorkItemRow, task_id)
            for name, value in columns.items():
                setattr(row, name, value)
            placed(row, self.clock())
        return row

    async def row(self, task_id: str) -> WorkItemRow:
        async with self.world.database.transaction() as session:
            return await session.get_one(WorkItemRow, task_id)

    async def person(self, *roles: str, **columns: Any) -> str:
        """A reviewer of this corner unless roles and skills say otherwise; returns their id."""
        person = await self.world.a_person(*roles)
        async with self.world.database.transaction() as session:
            row = await session.get_one(PersonRow, person)
            for name, value in {"skill_brands": [self.brand], **columns}.items():
                setattr(row, name, value)
        return person

    async def stands_in(self, stand_in: str, person: str, *, away: bool = True, hours: float = 8) -> None:
        row = AbsenceRow(
            id=new_id(), person_id=person, stand_in=stand_in, away=away, made_by=person,
            starts_at=self.clock() - timedelta(hours=1), ends_at=self.clock() + timedelta(hours=hours),
        )  # fmt: skip
        async with self.world.database.transaction() as session:
            session.add(row)

    async def takes(self, person: str, task_id: str | None = None) -> str | None:
        """Which task they are given."""
        lease = await self.desk.leases.take(person, task_id)
        return None if lease is None else lease.task_id

    async def acts(self, task_id: str) -> list[tuple[str, str]]:
        """What was audited of a task: act and reason, in order."""
        rows = await self.world.rows(AuditRow, subject=task_id)
        return [(row.act.rsplit(":", 1)[1], row.reason) for row in sorted(rows, key=lambda row: row.id)]
