"""Eight reviewers claim as fast as they can while leases run out around them: no task is ever in two hands."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
import pytest_asyncio
from sqlalchemy import text

from benchmarks.queues import with_queue
from database.session import Database
from domain.sealing import KeyRing
from services.work.desk import Desk
from services.work.leases import Leases
from tests.builders.queueing import Clock

REVIEWERS, PEOPLE_EACH = 8, 6
CLAIMS, CLAIMS_OF_THE_PROOF = 5_000, 20_000
JUMP_EVERY, JUMP = 250, timedelta(minutes=16)  # So often every lease that nobody keeps runs out at once.
_FINISH = """
UPDATE work_item SET decided = true, closed_at = $3
WHERE id = $1 AND leased_by = $2 AND leased_until > $3 AND NOT decided RETURNING id
"""


@pytest_asyncio.fixture(loop_scope="session")
async def queue(claims: int, make_migrated: Callable[[str], str], worker: str) -> AsyncIterator[Database]:
    """A queue of its own with as many tasks as there will be claims, and the people of eight desks."""
    database = Database(make_migrated(f"cardloop_race_{worker}"), pool_size=REVIEWERS)
    await with_queue(database, tasks=claims, people=REVIEWERS * PEOPLE_EACH)
    yield database
    await database.dispose()


@dataclass
class Hand:
    """One stay of a task in somebody's hand: from the claim until it was finished, or its lease ran out."""

    person: str
    since: datetime
    until: datetime


@dataclass
class Race:
    """Everything that happened, as the claimers saw it."""

    database: Database
    wanted: int  # Claims after which everybody stops.
    clock: Clock = field(default_factory=Clock)
    claims: int = 0
    hands: dict[str, list[Hand]] = field(default_factory=lambda: defaultdict(list))
    finished: list[str] = field(default_factory=list)

    async def work(self, desk: int) -> None:
        """One desk: claims, and finishes, keeps alive or walks away from what it was given, until enough was claimed."""
        chance, leases = random.Random(desk), Leases(Desk(self.database, KeyRing.generate(), self.clock))
        turn = 0
        while self.claims < self.wanted:
            turn += 1
            person = f"person{1 + desk * PEOPLE_EACH + turn % PEOPLE_EACH}"
            since = self.clock.passes(milliseconds=20)
            lease = await leases.take(person, None)
            assert lease is not None
            self.claims += 1
            hand = Hand(person, since, lease.until)
            self.hands[lease.task_id].append(hand)
            if self.claims % JUMP_EVERY == 0:
                self.clock.moment += JUMP
            if chance.random() < 0.1:
                renewed = await leases.renew(person, lease.task_id)
                hand.until = renewed.until if renewed else hand.until
            if chance.random() < 0.9:
                await self._finish(person, lease.task_id, hand)

    async def _finish(self, person: str, task_id: str, hand: Hand) -> None:
        """Decide as the product does: only a task that is still claimed."""
        now = self.clock()
        if await self.database.one(_FINISH, task_id, person, now) is not None:
            self.finished.append(task_id)
            hand.until = now


@pytest.mark.timeout(240)
@pytest.mark.parametrize("claims", [CLAIMS, pytest.param(CLAIMS_OF_THE_PROOF, marks=pytest.mark.proof)])
async def test_thousands_of_claims_never_share_a_task(claims: int, queue: Database) -> None:
    race = Race(queue, claims)
    await asyncio.gather(*(race.work(desk) for desk in range(REVIEWERS)))
    assert race.claims >= claims
    assert len(race.finished) == len(set(race.finished)) > claims // 2
    again = 0
    for task, hands in race.hands.items():
        in_turn = sorted(hands, key=lambda hand: hand.since)
        for before, after in pairwise(in_turn):
            assert after.person == before.person or after.since >= before.until, (task, before, after)
            again += after.person != before.person
    assert again > 100, "leases must have run out and been claimed by others"
    async with queue.transaction() as session:
        decided = (await session.execute(text("SELECT count(*) FROM work_item WHERE decided"))).scalar_one()
    assert decided == len(race.finished)
