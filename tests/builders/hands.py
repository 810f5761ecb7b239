"""A card under review with a clock that the test sets, in a database of its own."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update

from activities.review.alarms import Alarms
from activities.review.tasks import Review
from database.tables.notices import NoticeRow
from database.tables.people import PersonRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.facts import TaskOpened
from domain.cards.review import ReviewOutcome
from domain.identifiers import new_id
from domain.work.why_due import Sentence
from services.policies.deadlines import PREVIEWED_MAX, Preview, previewed
from services.work import sla
from services.work.why_due import why_card_is_due
from tests.builders.deadlines import deadlines_as_built_in, deadlines_in_force, publish_deadlines
from tests.builders.world import World, world_at

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # Nine o'clock in Shanghai.
HOUR = timedelta(hours=1)


class Hands:
    """A card under review with a clock that the test sets."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now, self.base = MONDAY, 1
        self.review = Review(world.database, world.keyring, now=lambda: self.now)
        self.alarms = Alarms(world.database, now=lambda: self.now)

    async def a_card(self, brand: str = "jd") -> str:
        return await self.world.a_card(brand)

    async def why_due(self, card_id: str) -> tuple[Sentence, ...]:
        async with self.world.database.transaction() as session:
            return await why_card_is_due(session, card_id, self.now)

    async def opened(self, card_id: str, number: int = 1) -> tuple[WorkItemRow, TaskOpened]:
        told = await self.review.open(card_id, number, ["low_confidence"])
        return await self.task(told.task_id), told

    async def task(self, task_id: str) -> WorkItemRow:
        async with self.world.database.transaction() as session:
            return await session.get_one(WorkItemRow, task_id)

    async def decided(self, task: WorkItemRow, outcome: ReviewOutcome, **more: Any) -> None:
        """As a reviewer and the card's workflow do it."""
        person = await self.world.a_person()
        row = ReviewDecisionRow(
            id=new_id(), task_id=task.id, card_id=task.card, person_id=person, outcome=outcome, made_at=self.now, **more
        )  # fmt: skip
        async with self.world.database.transaction() as session:
            session.add(row)
        await self.review.apply(task.id, row.id)

    async def policies(self, change: Any) -> int:
        """A new version: the newest document after `change` had it."""
        document = copy.deepcopy((await deadlines_in_force(self.world.database))[1])
        change(document)
        return await publish_deadlines(self.world.database, document)

    async def tried(self, document: object, most: int = PREVIEWED_MAX) -> Preview:
        """What a document would change on the `most` open tasks due soonest."""
        async with self.world.database.transaction() as session:
            return await previewed(session, document, self.now, most)

    async def due_as_kept(self, task_id: str) -> datetime:
        async with self.world.database.transaction() as session:
            task = await session.get_one(WorkItemRow, task_id)
            return (await sla.planned(session, task, task.opened_at)).due_at

    async def notices(self, task: WorkItemRow) -> list[tuple[str, str]]:
        return sorted((row.kind, row.person_id) for row in await self.world.rows(NoticeRow, task_id=task.id))


@pytest.fixture(scope="module")
def own_url(make_migrated: Callable[[str], str], worker: str) -> str:
    """A database of these tests alone: a version of the policies that was saved is never taken back."""
    return make_migrated(f"clocks_{worker}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_world(own_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with world_at(own_url, tmp_path_factory.mktemp("clocks"), pool_size=4) as world:
        yield world


@pytest_asyncio.fixture(loop_scope="session")
async def hands(own_world: World) -> Hands:
    """The policies as they come with the product, no open task, and no person of an earlier test at work."""
    async with own_world.database.transaction() as session:
        await session.execute(update(WorkItemRow).values(closed_at=MONDAY))
        await session.execute(update(PersonRow).values(active=False))
    hands = Hands(own_world)
    await deadlines_as_built_in(own_world.database)
    hands.base = (await deadlines_in_force(own_world.database))[0]
    return hands


def all_by_office(document: dict[str, Any]) -> None:
    document["teams"]["cards"] = "office"


def budget(seconds: int, **more: Any) -> Any:
    def change(document: dict[str, Any]) -> None:
        for policy in document["policies"]:
            if (policy.get("when") or {}).get("kind", "review") == "review":
                policy.update(budget_s=seconds, **more)

    return change
