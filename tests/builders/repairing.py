"""Stuck cards, the people who repair them, and a repair that is driven step by step without a workflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.repairs import RepairActivities
from database.reads.ops import repairs as reads
from database.tables.ops.repairs import RepairItemRow, RepairRow
from domain.identifiers import new_id
from domain.ops.repairs import ItemState, RepairKind
from domain.ops.runs import FailedAttempt
from services.ops.attempts import Attempts
from services.ops.repairs.acts import ItemAct, LookedAt
from services.ops.repairs.desk import RepairPlan, Repairs
from services.ops.repairs.progress import Next, RepairStep
from services.ops.repairs.sources import Named
from services.ops.stuck import StuckRuns
from tests.builders.world import World

ISSUER_STEP = "verification.ask_issuer"


@dataclass
class Hand:
    """An act that a test sets, with the runs it was called for; and a clock that a test turns."""

    does: Callable[[ItemAct], Mapping[str, str]] = lambda _: {}
    sees: Callable[[LookedAt], bool | None] = lambda _: None
    called: list[ItemAct] = field(default_factory=list)
    ahead: timedelta = timedelta()

    async def act(self, item: ItemAct) -> Mapping[str, str]:
        """Remember the call and do what the test wants."""
        self.called.append(item)
        return self.does(item)

    async def look(self, one: LookedAt) -> bool | None:
        """Answer what the test wants."""
        return self.sees(one)

    def now(self) -> datetime:
        """The present moment, moved by `ahead`."""
        return datetime.now(UTC) + self.ahead

    def passes(self, **span: float) -> None:
        """Move the clock on."""
        self.ahead += timedelta(**span)


class Repairing:
    """One world with its repairs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.hand = Hand()
        self.desk = Repairs(world.database, self.hand.now)
        self.attempts = Attempts(world.database)
        self.build = new_id()
        self._activities = RepairActivities(
            world.database, dict.fromkeys(RepairKind, self.hand.act), self.hand.look, self.hand.now
        )

    async def a_person(self) -> str:
        """A person of operations."""
        return await self.world.a_person("ops")

    async def a_failing_card(self, step: str = ISSUER_STEP, failures: int = 3, **more: Any) -> str:
        """A running card whose step keeps failing; returns its id."""
        card_id = await self.world.a_card(**more)
        await self.world.intake.mark_started(card_id)
        await self.fails(card_id, step, failures)
        return card_id

    async def fails(self, card_id: str, step: str = ISSUER_STEP, failures: int = 1, queue: str = "issuer-jd") -> None:
        """The card's step fails, as a worker reports it."""
        attempt = FailedAttempt(
            workflow_id=f"card:{card_id}", step=step, queue=queue, error_class="gateway_unavailable",
            reason="http_503", message="issuer: http_503", failures=failures, next_in_s=60.0, build_id=self.build,
            worker="1@here",
        )  # fmt: skip
        self.attempts.failed(replace(attempt, at=self.hand.now()))
        await self.attempts.write()

    async def passes(self, card_id: str, step: str = ISSUER_STEP) -> None:
        """The card's step succeeds, as a worker reports it."""
        self.attempts.passed(f"card:{card_id}", step)
        await self.attempts.write()

    async def cause(self) -> str:
        """The cause by which this world's failing cards are stuck."""
        await StuckRuns(self.world.database).find()
        return f"gateway_unavailable~{ISSUER_STEP}~issuer:jd~{self.build}"

    async def previewed(self, by: str, *cards: str, plan: RepairPlan | None = None) -> str:
        """A previewed repair of these cards; returns its id."""
        repair_id = await self.desk.draft(by, plan or a_plan(), Named(cards))
        await self.desk.preview(by, repair_id)
        return repair_id

    async def running(self, *cards: str, plan: RepairPlan | None = None) -> str:
        """A repair of these cards that runs, by two people where it needs them; returns its id."""
        by = await self.a_person()
        repair_id = await self.previewed(by, *cards, plan=plan)
        if await self.desk.submit(by, repair_id) == "waiting":
            await self.desk.agree(await self.a_person(), repair_id)
        return repair_id

    async def advance(self, repair_id: str) -> RepairStep:
        """Decide what comes next, and do nothing."""
        async with self.world.database.transaction():
            return await self._activities.advance(repair_id)

    async def act(self, repair_id: str, limit: int = 100, rate_per_s: int = 10_000, attempt: int = 1) -> int:
        """Act on the next runs, as the `attempt`-th attempt of one activity."""
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, attempt=attempt)
        return await environment.run(self._activities.act, repair_id, limit, rate_per_s)

    async def look(self, repair_id: str) -> int:
        """Look at what is not proven."""
        return await ActivityEnvironment().run(self._activities.look, repair_id)

    async def driven(self, repair_id: str) -> RepairStep:
        """Continue until the repair waits, pauses or ends; return which."""
        while True:
            step = await self.advance(repair_id)
            if step.what is not Next.ACT:
                return step
            await self.act(repair_id, step.limit)

    async def row(self, repair_id: str) -> RepairRow:
        """Return the repair in its present state."""
        row: RepairRow
        (row,) = await self.world.rows(RepairRow, id=repair_id)
        return row

    async def item(self, repair_id: str, card_id: str) -> RepairItemRow:
        """The card's item."""
        row: RepairItemRow
        (row,) = await self.world.rows(RepairItemRow, repair_id=repair_id, subject=card_id)
        return row

    async def counts(self, repair_id: str) -> dict[ItemState, int]:
        """How many items are in each state."""
        async with self.world.database.transaction() as session:
            return dict((await reads.counts(session, repair_id)).by_state)

    async def release(self) -> None:
        """Let go of what other tests' repairs have."""
        async with self.world.database.transaction() as session:
            await session.execute(text("UPDATE repair_item SET live = false"))


def a_plan(kind: RepairKind = RepairKind.RETRY_NOW, **more: Any) -> RepairPlan:
    """A plan without a canary."""
    given: dict[str, Any] = {"kind": kind, "reason_code": "provider_back", "canary": 0} | more
    return RepairPlan(**given)
